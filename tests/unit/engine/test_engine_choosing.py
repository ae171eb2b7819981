"""Which take counts where checks decide: `qc: retake` and `pick: best`. Takes are real clips; Krea's double makes bad ones on demand."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest

from animatic.catalog import Catalog
from animatic.engine.approvals import approve
from animatic.engine.awaiting import list_waiting
from animatic.engine.decided import with_decisions
from animatic.engine.estimate import estimate
from animatic.engine.export_reel import export_timeline
from animatic.engine.history import past_runs
from animatic.engine.shot_takes import select_take
from animatic.errors import ApprovalError, InDoubtError, UnclearResultError
from animatic.plan import Plan
from tests.krea_double import DoubleJob
from tests.unit.engine.studio import Studio

pytestmark = pytest.mark.anyio

SURF = "\n      - {id: surf, prompt: Surf, start_image: dawn, duration: 4}"


def manifest(studio: Studio) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((studio.out / studio.run.prefix / "manifest.json").read_text())
    return found


def shot(studio: Studio, name: str = "dawn") -> dict[str, Any]:
    return next(entry for entry in manifest(studio)["shots"] if entry["id"] == name)


def takes(studio: Studio, name: str = "dawn") -> list[tuple[int, bool, bool | None, str]]:
    """Number, whether it goes on, whether its checks found nothing, its file."""
    return [
        (take["take"], take["picked"], take["qc"]["ok"] if take["qc"] else None, (take["clip"] or {}).get("file", ""))
        for take in shot(studio, name)["takes"]
    ]


def declare(studio: Studio, keys: str, *, surf: bool = True, pipeline: str = "description: A coast", budget: str = "") -> None:
    studio.declare(f"- {{id: dawn, prompt: Rooftops, duration: 2, {keys}}}" + (SURF if surf else ""), pipeline=pipeline, budget=budget)


def looks(studio: Studio, name: str = "dawn") -> dict[str | None, int]:
    """The numbers of a shot's takes by what their clips look like: which of several is submitted first, is left to chance."""
    jobs = studio.krea.jobs
    return {jobs[take["job_id"]].look: take["take"] for take in shot(studio, name)["takes"]}


def picked(studio: Studio, name: str = "dawn") -> int:
    (number,) = (take["take"] for take in shot(studio, name)["takes"] if take["picked"])
    assert isinstance(number, int)
    return number


async def going_on(studio: Studio, plan: Plan) -> Plan:
    """The plan of a run that is resumed."""
    return await with_decisions(plan, studio.ledger, Catalog.load())


async def pays_nothing(studio: Studio) -> None:
    """A second run of the same storyboard finds the picked take, and tells the same of it."""
    before, billed = shot(studio), len(studio.krea.billed)
    plan = await studio.plan()
    assert not (await estimate(plan, studio.ledger)).to_pay
    assert await studio.render(plan) is None
    assert len(studio.krea.billed) == billed
    after = shot(studio)
    assert after["state"] == "reused"
    assert (after["choice"], after["job_id"], after["clip"]["sha256"]) == (before["choice"], before["job_id"], before["clip"]["sha256"])
    assert [(take["take"], take["picked"], take["job_id"]) for take in after["takes"]] == [
        (take["take"], take["picked"], take["job_id"]) for take in before["takes"]
    ]


async def test_a_take_that_fails_its_checks_is_made_once_more_and_the_better_one_goes_on(studio: Studio) -> None:
    declare(studio, "qc: retake")
    studio.krea.looks = ["black", "good"]
    planned = float((await studio.plan()).estimated_usd)
    assert await studio.render() is None
    assert len(studio.krea.billed) == 3
    assert takes(studio) == [(1, False, False, "01-dawn.takes/1.mp4"), (2, True, True, "01-dawn.mp4")]
    assert manifest(studio)["state"] == "completed"
    dawn, surf = shot(studio), shot(studio, "surf")
    assert (dawn["take"], dawn["qc"]["ok"], dawn["state"]) == (2, True, "delivered")
    assert dawn["choice"] == {
        "take": 2,
        "among": [1, 2],
        "why": "take 2 goes on, which was made because checks failed (take 1: 2 findings (black, cut)): nothing found",
    }
    assert surf["continuity"] > 0.9, "what depends on it starts from the take that goes on"
    cost = manifest(studio)["cost"]
    assert (cost["estimated_usd"], cost["billed_usd"]) == (pytest.approx(planned), pytest.approx(planned + dawn["usd"]))
    billed = {job.id for job in studio.krea.billed}
    assert {take["job_id"] for take in dawn["takes"]} | {surf["job_id"]} == billed
    folder = studio.out / studio.run.prefix
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*.mp4")) == ["01-dawn.mp4", "01-dawn.takes/1.mp4", "02-surf.mp4"]
    assert dawn["choice"]["why"][1:] in (folder / "index.html").read_text()
    await pays_nothing(studio)


async def test_a_further_take_that_is_no_better_leaves_the_first(studio: Studio) -> None:
    declare(studio, "qc: retake")
    studio.krea.looks = ["black", "frozen"]
    assert await studio.render() is None
    assert takes(studio) == [(1, True, False, "01-dawn.mp4"), (2, False, False, "01-dawn.takes/2.mp4")]
    said = shot(studio)["choice"]["why"]
    assert said == "take 1 goes on with 2 findings (black, cut): take 2, which was made because of that, is no better (1 finding (frozen))"
    await pays_nothing(studio)


async def test_a_take_that_passes_is_made_once(studio: Studio) -> None:
    declare(studio, "qc: retake")
    studio.krea.looks = ["good"]
    assert await studio.render() is None
    assert len(studio.krea.billed) == 2
    assert shot(studio)["choice"] is None
    await pays_nothing(studio)


async def test_without_retries_the_first_take_goes_on_with_a_line_that_says_why(studio: Studio) -> None:
    declare(studio, "qc: retake, retries: 0")
    studio.krea.looks = ["black"]
    assert await studio.render() is None
    assert len(studio.krea.billed) == 2
    assert shot(studio)["choice"]["why"] == "take 1 goes on with 2 findings (black, cut); no further take was made: `retries` is 0"
    await pays_nothing(studio)


async def test_attempts_that_failed_count_against_the_retries(studio: Studio) -> None:
    declare(studio, "qc: retake, retries: 1")
    studio.krea.ends = ["failed", "completed"]
    studio.krea.looks = ["good", "black"]
    assert await studio.render() is None
    assert len(studio.krea.billed) == 2
    assert "`retries` allows 1, which are used up" in shot(studio)["choice"]["why"]


@pytest.mark.parametrize(("budget", "paid"), [("0.3", 3), ("0.24", 2)])
async def test_the_rest_of_the_run_has_the_first_call_on_the_budget(studio: Studio, budget: str, paid: int) -> None:
    declare(studio, "qc: retake", pipeline=f"budget_usd: {budget}")
    price = (await studio.step()).request.price.usd
    rest = (await studio.step("surf")).request.price.usd
    assert price is not None
    assert rest is not None
    declare(studio, "qc: retake", pipeline=f"budget_usd: {price + rest if paid == 2 else 2 * price + rest}")
    studio.krea.looks = ["black", "good"]
    assert await studio.render() is None
    assert len(studio.krea.billed) == paid
    if paid == 2:
        said = shot(studio)["choice"]["why"]
        assert said.startswith("take 1 goes on with 2 findings (black, cut); no further take was made: it costs $")
        assert "are needed for the rest of it" in said
    assert [entry["state"] for entry in manifest(studio)["shots"]] == ["delivered", "delivered"]
    await pays_nothing(studio)


async def test_the_budget_of_the_day_counts_as_well(studio: Studio) -> None:
    declare(studio, "qc: retake")
    price, rest = [(await studio.step(key)).request.price.usd for key in ("dawn", "surf")]
    assert price is not None
    assert rest is not None
    declare(studio, "qc: retake", budget=f"\nbudget: {{per_day_usd: {price + rest}}}\n")
    studio.krea.looks = ["black"]
    assert await studio.render() is None
    assert len(studio.krea.billed) == 2
    assert "per day are spent" in shot(studio)["choice"]["why"]


@pytest.mark.parametrize("how", ["failed", "moderated", "402", "400"])
async def test_a_further_take_that_cannot_be_had_loses_nothing(studio: Studio, how: str) -> None:
    declare(studio, "qc: retake")
    studio.krea.looks = ["black"]
    if how in {"402", "400"}:
        studio.krea.on_post = lambda _body: studio.krea.answers.append(how if len(studio.krea.posts) == 2 else "accept")  # type: ignore[arg-type]
    else:
        studio.krea.ends = ["completed", how]
    assert await studio.render() is None
    assert len(studio.krea.billed) == 2
    assert takes(studio) == [(1, True, False, "01-dawn.mp4"), (2, False, None, "")]
    assert manifest(studio)["state"] == "completed"
    assert "; its further take 2 is not there: " in shot(studio)["choice"]["why"]
    assert await studio.render() is None
    assert len(studio.krea.billed) == 2


async def test_an_answer_that_was_lost_is_found_and_not_paid_for_again(studio: Studio) -> None:
    declare(studio, "qc: retake")
    studio.krea.looks = ["black", "good"]
    studio.krea.on_post = lambda _body: studio.krea.answers.append("lost-after" if len(studio.krea.posts) == 2 else "accept")
    assert await studio.render() is None
    assert len(studio.krea.billed) == 3
    assert [take[:2] for take in takes(studio)] == [(1, False), (2, True)]


async def test_a_further_take_in_doubt_leaves_the_first_and_is_kept_once_it_is_known(studio: Studio) -> None:
    declare(studio, "qc: retake")
    studio.krea.looks = ["black", "good"]

    def post(_body: object) -> None:
        if len(studio.krea.posts) == 2:
            studio.krea.answers.append("lost-after")
            # another program submits the same at the same moment: nobody can tell which is whose
            studio.krea.add("/generate/video/xai/grok-video", {"prompt": "Rooftops", "duration": 2})

    studio.krea.on_post = post
    error = await studio.render()
    assert isinstance(error, InDoubtError)
    assert [entry["state"] for entry in manifest(studio)["shots"]] == ["delivered", "delivered"]
    assert manifest(studio)["state"] == "waiting"
    assert takes(studio)[0][:2] == (1, True)
    assert "in doubt" in shot(studio)["choice"]["why"] or "not there" in shot(studio)["choice"]["why"]


async def test_the_best_take_goes_on_whatever_the_order(studio: Studio) -> None:
    declare(studio, "takes: 3, pick: best")
    studio.krea.looks = ["frozen", "black", "good"]
    assert await studio.render() is None
    assert len(studio.krea.billed) == 4
    best = looks(studio)["good"]
    assert picked(studio) == best
    assert [file for number, _, _, file in takes(studio) if number == best] == ["01-dawn.mp4"]
    assert shot(studio)["choice"] == {
        "take": best,
        "among": [1, 2, 3],
        "why": f"take {best} goes on, the best of takes 1, 2, 3: nothing found",
    }
    assert shot(studio, "surf")["continuity"] > 0.9
    assert manifest(studio)["cost"]["billed_usd"] == manifest(studio)["cost"]["estimated_usd"]
    await pays_nothing(studio)


async def test_of_takes_that_pass_that_which_continues_best_goes_on(studio: Studio) -> None:
    dawn = "- {id: dawn, prompt: Rooftops, duration: 2}"
    studio.declare(dawn + "\n      - {id: surf, prompt: Surf, start_image: dawn, duration: 2, takes: 3, pick: best}")
    studio.krea.looks, studio.krea.jumping = ["good"], {2, 3}
    assert await studio.render() is None
    seen = {take["take"]: take["continuity"] for take in shot(studio, "surf")["takes"]}
    best = max(seen, key=lambda number: seen[number])
    assert picked(studio, "surf") == best
    assert seen[best] > 0.9
    assert sorted(seen.values())[-2] < 0.9
    said = f"take {best} goes on, the best of takes 1, 2, 3: nothing found, continuity {seen[best]:.2f}"
    assert shot(studio, "surf")["choice"]["why"] == said


async def test_a_person_overrides_what_checks_have_chosen(studio: Studio) -> None:
    declare(studio, "takes: 2, pick: best")
    studio.krea.looks = ["black", "good"]
    assert await studio.render() is None
    assert picked(studio) == looks(studio)["good"]
    other = looks(studio)["black"]
    await select_take(studio.ledger, plan := await studio.plan(), plan.step("dawn"), str(other))
    assert [step.key for step in (await estimate(await studio.plan(), studio.ledger)).to_pay] == ["surf"]
    assert await studio.render() is None
    assert len(studio.krea.billed) == 4
    assert (picked(studio), shot(studio)["choice"]) == (other, None)
    assert {file for number, _, _, file in takes(studio) if number == other} == {"01-dawn.mp4"}
    assert await studio.render() is None
    assert len(studio.krea.billed) == 4


async def test_a_person_who_picks_while_the_run_is_interrupted_is_heard(studio: Studio) -> None:
    declare(studio, "takes: 2, pick: best", surf=False)
    studio.krea.looks = ["black", "good"]
    first = await studio.plan()
    assert await studio.render(first) is None
    other = looks(studio)["black"]
    await select_take(studio.ledger, plan := await studio.plan(), plan.step("dawn"), str(other))
    assert await studio.render(await going_on(studio, first)) is None
    assert picked(studio) == other


async def test_a_resumed_run_goes_on_with_what_was_chosen(studio: Studio) -> None:
    declare(studio, "qc: retake")
    studio.krea.looks = ["black", "good"]
    first = await studio.plan()
    assert await studio.render(first) is None
    resumed = await going_on(studio, first)
    assert not (await estimate(resumed, studio.ledger, resumed=True)).to_pay
    assert await studio.render(resumed) is None
    assert len(studio.krea.billed) == 3
    assert takes(studio) == [(1, False, False, "01-dawn.takes/1.mp4"), (2, True, True, "01-dawn.mp4")]
    assert await studio.render(first) is None, "also where nobody has looked what was chosen"
    assert len(studio.krea.billed) == 3
    assert takes(studio) == [(1, False, False, "01-dawn.takes/1.mp4"), (2, True, True, "01-dawn.mp4")]


async def test_more_takes_are_compared_with_those_that_were_there(studio: Studio) -> None:
    declare(studio, "takes: 2, pick: best")
    studio.krea.looks = ["black", "frozen"]
    assert await studio.render() is None
    assert picked(studio) == looks(studio)["black"], "half of it is spoilt, and all of the other"
    declare(studio, "takes: 3, pick: best")
    found = await estimate(await studio.plan(), studio.ledger)
    assert [step.key for step in found.to_pay] == ["dawn#3"]
    assert (found.further.takes, found.further.anew) == ((), ("surf",)), "the plan says what may be made anew"
    studio.krea.looks = ["good"]
    assert await studio.render() is None
    assert len(studio.krea.billed) == 5
    assert picked(studio) == 3
    assert shot(studio, "surf")["continuity"] > 0.9
    await pays_nothing(studio)


async def test_variants_share_the_further_take_and_the_choice(studio: Studio) -> None:
    surf = "\n      - {id: surf, prompt: 'Surf {{ matrix.language }}', start_image: dawn, duration: 4}"
    shots = "- {id: dawn, prompt: Rooftops, duration: 2, qc: retake}" + surf
    studio.declare(shots, pipeline="matrix: {language: [en, de]}")
    studio.krea.looks = ["black", "good"]
    assert await studio.render() is None
    assert len(studio.krea.billed) == 4
    dawns = [entry for entry in manifest(studio)["shots"] if entry["id"] == "dawn"]
    assert [entry["take"] for entry in dawns] == [2, 2]
    assert [[take["picked"] for take in entry["takes"]] for entry in dawns] == [[False, True]] * 2
    folder = studio.out / studio.run.prefix
    assert len({(folder / entry["clip"]["file"]).read_bytes() for entry in dawns}) == 1
    assert [entry["continuity"] > 0.9 for entry in manifest(studio)["shots"] if entry["id"] == "surf"] == [True, True]
    assert await studio.render() is None
    assert len(studio.krea.billed) == 4


async def test_of_several_takes_a_further_one_is_made_only_if_all_fail(studio: Studio) -> None:
    declare(studio, "takes: 2, qc: retake", surf=False)
    studio.krea.looks = ["black", "good"]
    assert await studio.render() is None
    assert len(studio.krea.billed) == 2
    assert picked(studio) == looks(studio)["good"]
    studio.declare("- {id: dawn, prompt: Gulls, duration: 2, takes: 2, qc: retake}")
    studio.krea.looks = ["black", "frozen", "good"]
    assert await studio.render() is None
    assert len(studio.krea.billed) == 5
    assert picked(studio) == 3
    await pays_nothing(studio)


@pytest.mark.parametrize("keys", ["qc: retake", "takes: 2, pick: best"])
async def test_fresh_takes_are_looked_at_like_the_first(studio: Studio, keys: str) -> None:
    declare(studio, keys)
    studio.krea.looks = ["black", "good"]
    assert await studio.render() is None
    studio.krea.looks = ["black", "good"]
    assert await studio.render(await studio.plan(fresh=True)) is None
    assert len(studio.krea.billed) == 6
    assert picked(studio) in {3, 4}
    assert [passes for _, is_picked, passes, _ in takes(studio) if is_picked] == [True]
    chosen = picked(studio)
    billed = len(studio.krea.billed)
    assert not (await estimate(await studio.plan(), studio.ledger)).to_pay
    assert await studio.render() is None
    assert len(studio.krea.billed) == billed
    assert shot(studio)["take"] == chosen


async def test_a_seed_counts_up_with_the_further_take(studio: Studio) -> None:
    studio.declare("- {id: dawn, model: bytedance/seedance-2-fast, prompt: Rooftops, seed: 7, qc: retake, duration: 5}")
    assert await studio.render() is None, "the tiny clip of the double is neither as long nor as large as asked"
    assert [job.body["seed"] for job in studio.krea.billed] == [7, 8]


async def test_reuse_within_one_run_holds_for_both_takes(studio: Studio) -> None:
    declare(studio, "qc: retake", pipeline="reuse: run")
    studio.krea.looks = ["black", "good"]
    first = await studio.plan()
    assert await studio.render(first) is None
    assert await studio.render(await going_on(studio, first)) is None
    assert len(studio.krea.billed) == 3
    studio.krea.looks = ["black", "good"]
    assert await studio.render() is None
    assert len(studio.krea.billed) == 6


async def test_a_person_who_has_to_approve_is_shown_both_takes_and_what_checks_say(studio: Studio) -> None:
    declare(studio, "qc: retake, approve: true")
    studio.krea.looks = ["black", "good"]
    error = await studio.render()
    assert isinstance(error, ApprovalError)
    assert len(studio.krea.billed) == 2
    [waiting] = await list_waiting(studio.destinations, Catalog.load())
    assert (waiting.asked.take, waiting.asked.offered) == (2, (1, 2))
    plan = await going_on(studio, studio.run.plan)
    await approve(plan, studio.ledger, "dawn", take=1, by="mara", note=None)
    assert await studio.render(await going_on(studio, plan)) is None
    assert len(studio.krea.billed) == 3
    assert takes(studio) == [(1, True, False, "01-dawn.mp4"), (2, False, True, "01-dawn.takes/2.mp4")]
    assert shot(studio)["decision"]["by"] == "mara"
    assert await studio.render() is None
    assert len(studio.krea.billed) == 3


async def test_what_is_asked_for_later_follows_for_takes_that_failed_before(studio: Studio) -> None:
    declare(studio, "qc: warn")
    studio.krea.looks = ["black"]
    assert await studio.render() is None
    declare(studio, "qc: retake")
    found = await estimate(plan := await studio.plan(), studio.ledger)
    assert found.decisions["dawn"].reason == "its checks found something: one further take is due"
    prices = [step.request.price.usd for step in plan.steps]
    assert found.further.usd == sum(usd for usd in prices if usd is not None)
    assert await studio.render() is None
    assert len(studio.krea.billed) == 4
    assert shot(studio)["take"] == 2
    await pays_nothing(studio)


async def test_editors_find_all_takes_of_a_shot_and_which_of_them_goes_on(studio: Studio, tmp_path: Path) -> None:
    surf = "\n      - {id: surf, prompt: Surf, start_image: dawn, duration: 2, qc: retake}\n    cut: {}"
    studio.declare("- {id: dawn, prompt: Rooftops, duration: 2, takes: 2}" + surf)
    studio.krea.looks = ["good", "good", "black", "good"]
    assert await studio.render() is None
    folder = studio.out / studio.run.prefix
    delivered = otio.adapters.read_from_file(str(folder / "reel.otio"))
    assert alternatives(delivered) == {
        "dawn": ("take 1", {"take 1": "01-dawn.mp4", "take 2": "01-dawn.takes/2.mp4"}),
        "surf": ("take 2", {"take 1": "02-surf.takes/1.mp4", "take 2": "02-surf.mp4"}),
    }
    assert all((folder / url).is_file() for _, urls in alternatives(delivered).values() for url in urls.values())
    jobs = {media.metadata["animatic"]["job_id"] for clip in delivered.find_clips() for media in clip.media_references().values()}
    assert jobs == {job.id for job in studio.krea.billed}

    (run,) = await past_runs(studio.destinations, limit=1)
    assert run.plan.step("surf").take == 1, "it is stored as it was when the run began"
    assert await export_timeline(run, run.plan.cuts[0], tmp_path / "reel.otioz", bundle=True) == 0
    bundled = otio.adapters.read_from_file(str(tmp_path / "reel.otioz"))
    assert alternatives(bundled)["surf"] == ("take 2", {"take 1": "media/02-surf.take-1.mp4", "take 2": "media/02-surf.mp4"})
    with zipfile.ZipFile(tmp_path / "reel.otioz") as bundle:
        assert {url for _, urls in alternatives(bundled).values() for url in urls.values()} <= set(bundle.namelist())


def alternatives(timeline: otio.schema.Timeline) -> dict[str, tuple[str, dict[str, str]]]:
    """Each clip of a timeline with the take that it shows, and the addresses of all its takes."""
    return {
        clip.name: (clip.active_media_reference_key, {key: media.target_url for key, media in clip.media_references().items()})
        for clip in timeline.find_clips()
    }


@pytest.mark.parametrize("which", ["job-1", "job-2", "job-3"])
async def test_a_take_whose_result_is_no_clip_keeps_the_best_of_the_others_from_nothing(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    """It was paid, and a person is told of it; nothing more comes of it, so there is nothing to wait for."""
    declare(studio, "takes: 3, pick: best")
    add = studio.krea.add

    def one_is_a_still(endpoint: str, body: dict[str, Any], *, webhook: str | None = None) -> DoubleJob:
        job = add(endpoint, body, webhook=webhook)
        if job.id == which:
            job.endpoint = "/generate/image/of/a-still"
        return job

    monkeypatch.setattr(studio.krea, "add", one_is_a_still)
    assert isinstance(await studio.render(), UnclearResultError)
    states = sorted(take["state"] for take in shot(studio)["takes"])
    assert states == ["delivered", "delivered", "in_doubt"]
    assert shot(studio)["choice"] is not None
    assert shot(studio, "surf")["state"] == "delivered"
    assert len(studio.krea.billed) == 4
