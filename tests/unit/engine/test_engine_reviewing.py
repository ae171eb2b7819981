"""``review --apply``: what people decided on a page counts once it is applied, all of it or, where it cannot be, none; nothing is lost."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from animatic.catalog import Catalog
from animatic.engine.approvals import approve
from animatic.engine.awaiting import list_waiting
from animatic.engine.decided import with_decisions
from animatic.engine.review_file import read_review
from animatic.engine.reviewing import Applied, apply_review
from animatic.errors import ApprovalError, DeclarationError
from tests.unit.engine.conftest import Verb
from tests.unit.engine.studio import Studio

pytestmark = pytest.mark.anyio

STORY = """- {id: still, kind: image, prompt: A bottle, takes: 3, approve: true}
      - {id: pack, kind: image, prompt: A crate, approve: true}
      - {id: spin, prompt: Dolly, start_image: still, duration: 4}
      - {id: lift, prompt: Crane, start_image: pack, duration: 4}
      - {id: gulls, prompt: Gulls, duration: 4}"""


@pytest.fixture
async def waiting(studio: Studio) -> Studio:
    studio.declare(STORY)
    assert isinstance(await studio.render(), ApprovalError)
    assert len(studio.krea.billed) == 5
    return studio


def decision(shot: str, what: str, **values: Any) -> dict[str, Any]:
    return {"shot": shot, "decision": what, "take": None, "prompt": None, "note": None, "at": None, **values}


def written(studio: Studio, *decisions: dict[str, Any], name: str = "review.json", **top: Any) -> Path:
    plan = studio.run.plan
    data = {"version": 1, "pipeline": plan.pipeline, "run_id": plan.run_id, "by": "anna", "written_at": "2026-11-27T08:30:00Z"}
    path = studio.folder / name
    path.write_text(json.dumps({**data, "decisions": list(decisions), **top}, indent=2))
    return path


async def applied(studio: Studio, path: Path, *, person: str = "jo", dry: bool = False) -> Applied:
    return await apply_review(read_review(path), studio.destinations, Catalog.load(), person=person, dry=dry)


def results(found: Applied) -> dict[str, str]:
    return {f"{outcome.step} {outcome.decision.decision}": outcome.result for outcome in found.outcomes}


def records(studio: Studio) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in (studio.out / ".animatic").rglob("*") if path.is_file()}


async def resumed(studio: Studio) -> Any:
    return await studio.render(await with_decisions(studio.run.plan, studio.ledger, Catalog.load()))


def shot(studio: Studio, name: str) -> dict[str, Any]:
    found = json.loads((studio.out / studio.run.prefix / "manifest.json").read_text())["shots"]
    return next(entry for entry in found if entry["id"] == name)


async def test_decisions_count_and_going_on_pays_what_was_said(waiting: Studio) -> None:
    path = written(
        waiting,
        decision("still", "approve", take=2, note="the light"),
        decision("pack", "reject", take=1, prompt="A crate, closer", note="too far"),
        decision("gulls", "comment", take=1, note="darker?", at=0.25),
    )
    found = await applied(waiting, path)
    assert results(found) == {"still approve": "applied", "pack reject": "applied", "gulls comment": "applied"}
    assert [step.key for step in found.to_pay] == ["pack", "spin"]
    assert found.waiting == ("pack",)
    assert (found.goes_on, len(waiting.krea.billed)) == (True, 5), "applying pays nothing"
    plan = waiting.run.plan
    assert [found.usd] == [sum(plan.step(key).request.price.usd or 0 for key in ("pack", "spin"))]

    assert isinstance(await resumed(waiting), ApprovalError), "the new take of pack is asked about"
    assert len(waiting.krea.billed) == 7
    assert (shot(waiting, "still")["take"], shot(waiting, "still")["decision"]["by"]) == (2, "anna")
    assert (shot(waiting, "pack")["take"], shot(waiting, "pack")["request"]["prompt"]) == (2, "A crate, closer")
    [rejected] = [entry for entry in shot(waiting, "pack")["log"] if entry["what"] == "rejected"]
    assert (rejected["by"], rejected["entered_by"], rejected["note"]) == ("anna", "jo", "too far")
    assert rejected["changes"] == {"prompt": "A crate, closer"}
    [comment] = shot(waiting, "gulls")["log"]
    assert (comment["what"], comment["by"], comment["note"], comment["time_code"]) == ("comment", "anna", "darker?", 0.25)


async def test_twice_the_same_file_is_harmless(waiting: Studio) -> None:
    path = written(
        waiting, decision("still", "approve", take=2), decision("pack", "reject", take=1), decision("gulls", "comment", note="darker?")
    )
    await applied(waiting, path)
    before = records(waiting)
    again = await applied(waiting, path, person="somebody else")
    assert set(results(again).values()) == {"already"}
    assert records(waiting) == before
    assert again.goes_on, "it says how to go on"
    assert isinstance(await resumed(waiting), ApprovalError)
    later = await applied(waiting, path)
    assert set(results(later).values()) == {"already"}


async def test_what_somebody_else_decided_stands_the_rest_counts_and_no_word_is_lost(waiting: Studio) -> None:
    await approve(waiting.run.plan, waiting.ledger, "still", take=1, by="mara", note="first")
    path = written(waiting, decision("still", "reject", note="too dark", prompt="A brighter bottle"), decision("pack", "approve", take=1))
    found = await applied(waiting, path)
    assert results(found) == {"still reject": "refused", "pack approve": "applied"}
    assert "by mara at" in found.outcomes[0].says
    assert await resumed(waiting) is None
    log = shot(waiting, "still")["log"]
    assert log[-1]["note"] == "reject, not applied: too dark; new prompt: A brighter bottle"
    assert [entry["what"] for entry in log] == ["asked", "approved", "comment"]


async def test_approving_what_does_not_wait_is_answered(waiting: Studio) -> None:
    found = await applied(waiting, written(waiting, decision("gulls", "approve", take=1), decision("spin", "approve")))
    assert set(results(found).values()) == {"refused"}
    assert not found.goes_on
    assert "does not wait for approval" in found.outcomes[0].says


async def test_a_decision_about_takes_that_are_not_asked_about_any_more_is_answered(waiting: Studio) -> None:
    await applied(waiting, written(waiting, decision("pack", "reject", take=1)))
    assert isinstance(await resumed(waiting), ApprovalError)
    for what in ("approve", "reject"):
        late = written(waiting, decision("pack", what, take=1), written_at="2026-11-28T08:30:00Z")
        assert results(await applied(waiting, late)) == {f"pack {what}": "refused"}
    [now] = [found.asked for found in await list_waiting(waiting.destinations, Catalog.load()) if found.step.key == "pack"]
    assert (now.kind, now.take) == ("asked", 2)


@pytest.mark.parametrize(
    ("wrong", "line", "said"),
    [
        ([decision("nope", "comment", note="x")], "shot", "has no shot 'nope'"),
        ([decision("still", "approve", take=4)], "take", "shot 'still' has no take 4"),
        ([decision("gulls", "comment", take=2, note="x")], "take", "shot 'gulls' has no take 2"),
        ([decision("gulls", "comment", note="x", at=99)], "at", "99 s is behind the end of the clip"),
        ([decision("still", "approve", take=1), decision("still", "approve", take=2)], "{", "'still' is decided twice"),
        ([decision("still", "approve", take=1), decision("still", "reject")], "{", "'still' is decided twice"),
    ],
)
async def test_what_is_not_there_is_told_at_its_place_and_nothing_is_applied(
    waiting: Studio, wrong: list[dict[str, Any]], line: str, said: str
) -> None:
    before = records(waiting)
    path = written(waiting, decision("pack", "comment", note="fine"), *wrong)
    with pytest.raises(DeclarationError) as refused:
        await applied(waiting, path)
    [problem] = refused.value.problems
    assert said in problem.message
    assert problem.place is not None
    assert line in path.read_text().splitlines()[problem.place.line - 1]
    assert records(waiting) == before


@pytest.mark.parametrize(("top", "said"), [({"run_id": "20200101T000000Z-000000"}, "there is no run"), ({"pipeline": "other"}, "'coast'")])
async def test_a_file_of_another_run_or_pipeline_is_refused(waiting: Studio, top: dict[str, Any], said: str) -> None:
    before = records(waiting)
    with pytest.raises(DeclarationError) as refused:
        await applied(waiting, written(waiting, decision("still", "approve", take=1), **top))
    assert said in refused.value.problems[0].message
    assert records(waiting) == before


async def test_a_rehearsal_says_the_same_and_records_nothing(waiting: Studio) -> None:
    path = written(waiting, decision("still", "approve", take=2), decision("pack", "reject"), decision("gulls", "approve", note="no"))
    before = records(waiting)
    rehearsed = await applied(waiting, path, dry=True)
    assert records(waiting) == before
    meant = await applied(waiting, path)
    assert [(found.step, found.result, found.says) for found in rehearsed.outcomes] == [
        (found.step, found.result, found.says) for found in meant.outcomes
    ]
    assert (rehearsed.to_pay, rehearsed.waiting) == (meant.to_pay, meant.waiting)


async def test_variants_that_share_a_take_are_decided_together(studio: Studio) -> None:
    rest = "\n      - {id: spin, prompt: 'Dolly {{ matrix.language }}', start_image: still, duration: 4}"
    studio.declare("- {id: still, kind: image, prompt: A bottle, takes: 2, approve: true}" + rest, pipeline="matrix: {language: [en, de]}")
    assert isinstance(await studio.render(), ApprovalError)
    both = [decision("en/still", "approve", take=2), decision("de/still", "approve", take=2)]
    with pytest.raises(DeclarationError, match="1 error") as refused:
        await applied(studio, written(studio, both[0], decision("de/still", "approve", take=1)))
    assert "share their takes" in refused.value.problems[0].message
    found = await applied(studio, written(studio, *both))
    assert set(results(found).values()) == {"applied"}
    assert set(results(await applied(studio, written(studio, *both))).values()) == {"already"}
    assert len(found.to_pay) == 2


async def test_of_two_people_at_once_one_decides_and_the_other_is_answered(waiting: Studio) -> None:
    first = written(waiting, decision("still", "approve", take=1), decision("pack", "approve"), by="anna", name="a.json")
    second = written(waiting, decision("still", "approve", take=2), decision("pack", "reject"), by="ben", name="b.json")
    one, other = await asyncio.gather(applied(waiting, first), applied(waiting, second))
    for shot_id in ("still", "pack"):
        verdicts = [next(found.result for found in both.outcomes if found.step == shot_id) for both in (one, other)]
        assert sorted(verdicts) == ["applied", "refused"]


async def test_what_waits_below_a_picked_take_can_be_decided(studio: Studio) -> None:
    studio.declare(
        "- {id: still, kind: image, prompt: A bottle, takes: 2, approve: true}"
        "\n      - {id: spin, prompt: Dolly, start_image: still, duration: 4, approve: true}"
        "\n      - {id: end, prompt: Fade, start_image: spin, duration: 4}"
    )
    assert isinstance(await studio.render(), ApprovalError)
    await approve(studio.run.plan, studio.ledger, "still", take=2, by="mara", note=None)
    begun = studio.run.plan
    assert isinstance(await studio.render(await with_decisions(begun, studio.ledger, Catalog.load())), ApprovalError)
    assert [found.step.key for found in await list_waiting(studio.destinations, Catalog.load())] == ["spin"]
    found = await applied(studio, written(studio, decision("spin", "reject", take=1, prompt="Dolly, slower")))
    assert results(found) == {"spin reject": "applied"}
    again = await with_decisions(begun, studio.ledger, Catalog.load())
    assert (again.step("spin").take, again.step("spin").request.body["prompt"]) == (2, "Dolly, slower")
    assert isinstance(await studio.render(again), ApprovalError)
    found = await applied(studio, written(studio, decision("spin", "approve", take=2)))
    assert [step.key for step in found.to_pay] == ["end"]
    assert await studio.render(await with_decisions(begun, studio.ledger, Catalog.load())) is None
    assert len(studio.krea.billed) == 5


async def test_the_verb_says_what_became_of_it(waiting: Studio, animatic: Verb) -> None:
    path = str(written(waiting, decision("still", "approve", take=2), decision("gulls", "comment", note="darker?")))
    dry = await animatic("review", "--apply", path, "--dry-run")
    assert (dry.code, "nothing was recorded" in dry.err) == (0, True)
    first = await animatic("review", "--apply", path)
    assert (first.code, "still: take 2 is approved" in first.out) == (0, True)
    run = waiting.run.plan.run_id
    assert f"`animatic resume {run}`" in first.out
    assert "going on pays $" in first.out
    told = json.loads((await animatic("review", "--apply", path, "--json")).out)
    assert [entry["result"] for entry in told["decisions"]] == ["already", "already"]
    assert (told["command"], told["shots"]) == (f"animatic resume {run}", ["spin"])

    late = await animatic("review", "--apply", str(written(waiting, decision("still", "reject"), decision("pack", "approve"))))
    assert late.code == 4
    assert "still: not applied: " in late.out
    assert "pack: take 1 is approved" in late.out
    again = str(written(waiting, decision("still", "reject")))
    [refused] = json.loads((await animatic("review", "--apply", again, "--json", "--deliver", str(waiting.out))).out)["decisions"]
    assert f"--deliver {waiting.out}`" in refused["hint"], "a program reads the command as a person does"

    wrong = await animatic("review", "--apply", str(written(waiting, decision("nope", "approve"))), "--json")
    assert wrong.code == 2
    [problem] = json.loads(wrong.out)["error"]["problems"]
    assert problem["line"] == 9
    for words in (["--dry-run"], ["--apply", path, "--log"], ["--apply", path, "--to", "csv"], ["--apply", "nowhere.json"]):
        assert (await animatic("review", *words)).code == 2
    assert (await animatic("review", "20200101", "--apply", path)).code == 2


async def test_who_rejects_wants_none_of_the_takes_and_all_of_them_are_named(waiting: Studio, animatic: Verb) -> None:
    path = str(written(waiting, decision("still", "reject", take=2), decision("pack", "reject", take=1)))
    said = (await animatic("review", "--apply", path)).out.splitlines()
    assert "still: takes 1, 2 and 3 are rejected, and take 4 is made instead" in said
    assert "pack: take 1 is rejected, and take 2 is made instead" in said
    run = waiting.run.plan.run_id
    late = await animatic("approve", run, "still", "--take", "2")
    assert (late.code, "takes 1, 2 and 3 were already rejected by anna" in late.err) == (2, True)


async def test_an_answer_names_shot_and_run_as_they_were_asked_for_though_another_one_has_asked_first(
    studio: Studio, animatic: Verb
) -> None:
    rest = "\n      - {id: spin, prompt: 'Dolly {{ matrix.language }}', start_image: still, duration: 4}"
    studio.declare("- {id: still, kind: image, prompt: A bottle, approve: true}" + rest, pipeline="matrix: {language: [en, de]}")
    assert isinstance(await studio.render(), ApprovalError)
    assert isinstance(await studio.render(), ApprovalError)
    first, second = (run.plan.run_id for run in studio.runs)
    said = await animatic("approve", second, "de/still")
    assert said.code == 0
    assert "take 1 of de/still is approved" in said.out
    assert f"`animatic resume {second}`" in said.out
    assert first not in said.out


async def test_of_a_run_of_a_deployment_no_command_is_advised_that_it_does_not_need(waiting: Studio, animatic: Verb) -> None:
    run = waiting.run.plan.run_id
    assert f"`animatic approve {run} pack`, then `animatic resume {run}`" in (await animatic("review")).out
    path = waiting.out / waiting.run.prefix / "manifest.json"
    manifest = json.loads(path.read_text())
    url = "http://127.0.0.1:4200/flow-runs/flow-run/7"
    path.write_text(json.dumps(manifest | {"prefect": {"flow_run_id": "7", "url": url, "deployment": "coast"}}))
    said = (await animatic("review")).out
    assert "animatic resume" not in said
    assert f"its deployment goes on by itself, also where the form is filled: {url}" in said
    told = json.loads((await animatic("review", "--json")).out)
    assert {(one["deployment"], one["flow_run_url"]) for one in told} == {("coast", url)}
