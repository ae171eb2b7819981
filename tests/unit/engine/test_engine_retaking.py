"""Retakes: a further take beside the old ones, and what becomes of what hangs on it."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from typing import Any

import pytest

from animatic.catalog import Catalog
from animatic.engine.estimate import estimate
from animatic.engine.plan_run import PlanOptions, pipeline_named
from animatic.engine.retaking import Retake, plan_retake
from animatic.errors import InDoubtError, UsageError
from animatic.plan import fingerprint_of
from tests.present import present
from tests.unit.engine.studio import CHAIN, Studio

pytestmark = pytest.mark.anyio
GROK = "/generate/video/xai/grok-video"


async def planned(studio: Studio, shot: str = "dawn", *, keep: bool = False, at_least: int = 1, **changes: Any) -> Retake:
    """Plan a retake and record nothing."""
    return await plan_retake(
        studio.declaration,
        pipeline_named(studio.declaration, None),
        {},
        Catalog.load(),
        PlanOptions(),
        shot=shot,
        changes=changes,
        keep_downstream=keep,
        at_least=at_least,
        timing=studio.timing(),
    )


async def retake(studio: Studio, shot: str = "dawn", *, keep: bool = False, **changes: Any) -> Retake:
    """Plan a retake and record it, as the command line does."""
    made = await planned(studio, shot, keep=keep, **changes)
    while not await made.record():
        made = await planned(studio, shot, keep=keep, at_least=made.number + 1, **changes)
    return made


def written(studio: Studio) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in studio.out.rglob("*") if path.is_file()}


@pytest.fixture
async def made(studio: Studio) -> Studio:
    studio.declare(CHAIN + "\n      - {id: gulls, prompt: Gulls, duration: 4}", pipeline="description: A coast")
    assert await studio.render() is None
    return studio


async def test_a_retake_is_a_further_take_and_what_hangs_on_it_is_made_anew(made: Studio) -> None:
    again = await retake(made, prompt="Rooftops at dusk")
    assert (again.number, set(again.stale)) == (2, {"surf"})
    assert await made.render(again.plan) is None
    assert [made.state(key) for key in ("dawn", "surf", "gulls")] == ["delivered", "delivered", "reused"]
    assert [post["prompt"] for post in made.krea.posts[3:]] == ["Rooftops at dusk", "Surf"]
    assert {"01-dawn.mp4", "02-surf.mp4", "03-gulls.mp4"} <= set(made.files())
    plan = await made.plan()
    assert plan.step("dawn").take == 2
    assert await made.render() is None
    assert made.krea.counts["post"] == 5


async def test_what_hangs_on_it_can_be_kept(made: Studio) -> None:
    before = (await made.ledger.takes.get((await made.step("surf")).fingerprint)) or pytest.fail("no take")
    again = await retake(made, keep=True, prompt="Rooftops at dusk")
    assert list(again.kept) == ["surf"]
    assert await made.render(again.plan) is None
    assert [made.state(key) for key in ("dawn", "surf", "gulls")] == ["delivered", "reused", "reused"]
    assert made.krea.counts["post"] == 4
    kept = await made.ledger.takes.get((await made.step("surf")).fingerprint)
    assert kept is not None
    assert (kept.clip, kept.job_id) == (before.clip, before.job_id)
    assert await made.render() is None
    assert made.krea.counts["post"] == 4


async def test_the_old_take_stays_and_can_be_chosen_again(made: Studio) -> None:
    old = await made.step()
    await made.render((await retake(made, prompt="Rooftops at dusk")).plan)
    await made.ledger.selections.select(old.base, 1, old.fingerprint, "chosen by a person")
    assert await made.render() is None
    assert [made.state(key) for key in ("dawn", "surf", "gulls")] == ["reused", "reused", "reused"]
    assert (await retake(made)).number == 3


async def test_a_retake_that_was_begun_and_not_delivered_does_not_count_and_can_be_resumed(made: Studio) -> None:
    again = await retake(made, prompt="Rooftops at dusk")
    made.krea.answers = ["402"]
    assert await made.render(again.plan) is not None
    assert (await made.step()).take == 1
    assert await made.render(again.plan) is None
    assert (await made.step()).take == 2
    assert made.krea.posts[-2]["prompt"] == "Rooftops at dusk"


async def test_retakes_with_different_changes_at_once_are_two_takes(made: Studio) -> None:
    one, other = await asyncio.gather(retake(made, prompt="Rooftops at dusk"), retake(made, prompt="Rooftops at noon"))
    assert {one.number, other.number} == {2, 3}
    assert await made.render(one.plan) is None
    assert await made.render(other.plan) is None
    prompts = [post["prompt"] for post in made.krea.posts[3:]]
    assert prompts == ["Rooftops at dusk", "Surf", "Rooftops at noon", "Surf"]
    base = one.plan.step("dawn").base
    takes = [await made.ledger.takes.get(fingerprint_of(base, number)) for number in (one.number, other.number)]
    assert [present(take).request["prompt"] for take in takes] == ["Rooftops at dusk", "Rooftops at noon"]


async def test_equal_retakes_at_once_are_one_take(made: Studio) -> None:
    one, other = await asyncio.gather(retake(made, prompt="Rooftops at dusk"), retake(made, prompt="Rooftops at dusk"))
    assert (one.number, other.number) == (2, 2)
    assert await made.render(one.plan) is None
    assert await made.render(other.plan) is None
    assert made.krea.counts["post"] == 5


async def test_a_fingerprint_is_what_it_was_before_take_numbers_were_kept(made: Studio) -> None:
    """Takes of earlier ledgers, which keep no numbers, are found and followed."""
    assert fingerprint_of("0" * 64, 2) == "70f30f344ca9565cbf99aadf29f77ae1978041cebb2805e9be622e08dbefe9a2"
    assert not (made.out / ".animatic" / "retakes").exists()
    assert await made.render((await retake(made, prompt="Rooftops at dusk")).plan) is None
    shutil.rmtree(made.out / ".animatic" / "retakes")
    assert (await retake(made, prompt="Rooftops at noon")).number == 3
    assert await made.render() is None
    assert made.krea.counts["post"] == 5


async def test_nothing_else_is_paid_for_where_other_shots_are_not_made(made: Studio) -> None:
    made.declare(
        CHAIN + "\n      - {id: gulls, prompt: Gulls, duration: 4}\n      - {id: new, prompt: New, duration: 4}",
        pipeline="description: A coast",
    )
    again = await retake(made)
    assert [step.key for step in again.plan.steps] == ["dawn", "surf"]


async def test_price_and_duration_follow_the_changes(made: Studio) -> None:
    request = (await retake(made, duration=8)).plan.step("dawn").request
    declared = (await made.step()).request
    assert request.duration == 8
    assert request.price.usd is not None
    assert declared.price.usd is not None
    assert request.price.usd > declared.price.usd


@pytest.mark.parametrize(
    ("shot", "changes", "message"),
    [
        ("dawn", {"duration": 99}, "duration 99 is out of range"),
        ("dawn", {"promt": "x"}, "promt"),
        ("dawn", {"prompt": None}, "prompt"),
        ("surf", {"start_image": "https://x.test/a.png"}, "takes from the pipelines file"),
        ("dwan", {}, "has no shot 'dwan'"),
    ],
)
async def test_mistakes_are_usage_errors_and_cost_nothing(made: Studio, shot: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        await retake(made, shot, **changes)
    assert made.krea.counts["post"] == 3


async def test_a_shot_without_a_take_is_not_retaken(studio: Studio) -> None:
    with pytest.raises(UsageError, match="has no take yet"):
        await retake(studio)


async def test_a_pipeline_that_reuses_nothing_has_nothing_to_retake(studio: Studio) -> None:
    studio.declare(pipeline="reuse: never")
    with pytest.raises(UsageError, match="makes everything anew"):
        await retake(studio)


async def test_a_shot_of_several_variants_must_be_named_by_its_key(studio: Studio) -> None:
    studio.declare('- {id: dawn, prompt: "Dawn {{ matrix.town }}", duration: 4}', pipeline="matrix: {town: [lisbon, porto]}")
    assert await studio.render() is None
    with pytest.raises(UsageError, match="exists in 2 variants"):
        await retake(studio)
    again = await retake(studio, studio.run.plan.steps[0].key, prompt="Dusk")
    assert await studio.render(replace(again.plan)) is None
    assert studio.krea.counts["post"] == 3


MATRIX = """\
- {id: a, prompt: A, duration: 4}
      - {id: b, prompt: B, duration: 4, start_image: a}
      - {id: c, prompt: C, duration: 4}"""


async def test_keeping_in_a_matrix_where_another_shot_was_edited(studio: Studio) -> None:
    """Shots that variants share are stale in every variant: all are planned, and all keep their take."""
    studio.declare(MATRIX, pipeline="matrix: {language: [en, de]}")
    assert await studio.render() is None
    assert studio.krea.counts["post"] == 3
    studio.declare(MATRIX.replace("prompt: C", "prompt: Another"), pipeline="matrix: {language: [en, de]}")
    again = await retake(studio, "en/a", keep=True)
    assert sorted(again.kept) == ["de/b", "en/b"]
    assert sorted(step.key for step in again.plan.steps) == ["de/a", "de/b", "en/a", "en/b"]
    assert await studio.render(again.plan) is None
    assert studio.krea.counts["post"] == 4, "the new take of the shared shot alone"


async def test_what_was_to_be_kept_and_has_no_take_is_left_out_and_not_paid_for(studio: Studio) -> None:
    more = CHAIN + "\n      - {id: late, prompt: Late, start_image: surf, duration: 4}"
    studio.declare(CHAIN)
    assert await studio.render() is None
    studio.declare(more)
    again = await retake(studio, keep=True)
    assert (list(again.kept), again.left_out) == (["surf"], ("late",))
    assert [step.key for step in again.plan.steps] == ["dawn", "surf"]
    assert await studio.render(again.plan) is None
    assert studio.krea.counts["post"] == 3


async def test_planning_a_retake_records_nothing_and_knows_what_it_will_cost(made: Studio) -> None:
    before = written(made)
    kept = await planned(made, keep=True, prompt="Rooftops at dusk")
    anew = await planned(made, prompt="Rooftops at dusk")
    prices = [[step.key for step in (await estimate(each.plan, made.ledger, kept=each.assumed)).to_pay] for each in (kept, anew)]
    assert prices == [["dawn"], ["dawn", "surf"]]
    assert written(made) == before


async def test_a_retake_says_what_is_paid_beside_it(studio: Studio) -> None:
    studio.krea.answers = ["500-after"]
    studio.krea.on_post = lambda body: studio.krea.add(GROK, dict(body))  # a stranger's of the same moment
    assert isinstance(await studio.render(), InDoubtError)
    again = await retake(studio)
    assert again.warnings == ["take 1 is in doubt, and $0.20 may be billed for it as well: see `animatic doubts`"]
    assert await studio.render(again.plan) is None
    assert (await planned(studio)).warnings == []


@pytest.mark.parametrize(
    ("end", "downloads", "said"),
    [
        ("empty", [], "job job-1 of take 1 was billed ($0.20), and its result is given up"),
        ("completed", ["html"], "job job-1 of take 1 was billed ($0.20), and its result is given up"),
        ("completed", ["cut"], "job job-1 of take 1 is paid ($0.20) and was not fetched: `animatic resume {run}` fetches it"),
        ("failed", [], None),
    ],
)
async def test_a_retake_of_what_is_paid_without_a_clip_says_so(studio: Studio, end: str, downloads: list[Any], said: str | None) -> None:
    studio.krea.ends, studio.krea.downloads = [end] * 3, downloads * 100
    assert await studio.render() is not None
    assert (await planned(studio)).warnings == ([said.format(run=studio.run.plan.run_id)] if said else [])
