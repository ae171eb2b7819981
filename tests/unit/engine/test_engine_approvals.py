"""Approvals: nothing that hangs on a shot is paid for before a person has said so, and nothing of the shot is paid again after it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from animatic.catalog import Catalog
from animatic.engine.approvals import approve
from animatic.engine.awaiting import list_waiting
from animatic.engine.decided import is_served, prompt_changes, reject_and_go_on, with_decisions
from animatic.engine.estimate import estimate
from animatic.engine.history import PastRun
from animatic.engine.questions import decided_since
from animatic.engine.shot_takes import select_take
from animatic.errors import ApprovalError, OverBudgetError, UsageError
from tests.unit.engine.studio import Studio

pytestmark = pytest.mark.anyio

REST = "\n      - {id: spin, prompt: Dolly, start_image: still, duration: 4}\n      - {id: gulls, prompt: Gulls, duration: 4}"


def manifest(studio: Studio) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((studio.out / studio.run.prefix / "manifest.json").read_text())
    return found


def shot(studio: Studio, name: str) -> dict[str, Any]:
    return next(entry for entry in manifest(studio)["shots"] if entry["id"] == name)


@pytest.fixture
async def waiting(studio: Studio) -> Studio:
    studio.declare("- {id: still, kind: image, prompt: A bottle, takes: 3, approve: true}" + REST)
    error = await studio.render()
    assert isinstance(error, ApprovalError)
    assert error.exit_code == 5
    return studio


async def test_only_what_hangs_on_the_shot_waits(waiting: Studio) -> None:
    assert len(waiting.krea.billed) == 4
    assert manifest(waiting)["state"] == "waiting"
    assert {entry["id"]: entry["state"] for entry in manifest(waiting)["shots"]} == {
        "still": "waiting",
        "spin": "skipped",
        "gulls": "delivered",
    }
    assert waiting.run.progress.shots["still"].state == "waiting"
    still = shot(waiting, "still")
    assert [take["clip"] is not None for take in still["takes"]] == [True, True, True]
    assert still["clip"] is not None
    assert still["decision"] is None
    [found] = await list_waiting(waiting.destinations, Catalog.load())
    assert (found.step.key, found.following.shots) == ("still", ("spin",))
    assert found.following.usd == found.plan.step("spin").request.price.usd


async def test_running_it_again_pays_nothing_and_waits_on(waiting: Studio) -> None:
    first = manifest(waiting)
    assert isinstance(await waiting.render(), ApprovalError)
    assert len(waiting.krea.billed) == 4
    again = manifest(waiting)
    assert again["run_id"] != first["run_id"]
    assert first["cost"]["billed_usd"] > 0
    assert again["cost"]["billed_usd"] == 0, "what waits was billed to the run that made it"
    assert again["cost"]["reused_usd"] == first["cost"]["billed_usd"]
    assert len(await list_waiting(waiting.destinations, Catalog.load())) == 1


@pytest.mark.parametrize("take", [None, 1, 3])
async def test_the_run_goes_on_with_the_take_that_was_picked(waiting: Studio, take: int | None) -> None:
    plan = waiting.run.plan
    jobs = {entry["take"]: entry["job_id"] for entry in shot(waiting, "still")["takes"]}
    said = await approve(plan, waiting.ledger, "still", take=take, by="mara", note="the light")
    assert said.take == (take or 1)
    resumed = await with_decisions(plan, waiting.ledger, Catalog.load())
    assert [step.key for step in (await estimate(resumed, waiting.ledger)).to_pay] == ["spin"]
    assert await waiting.render(resumed) is None
    assert len(waiting.krea.billed) == 5
    still = shot(waiting, "still")
    assert (still["state"], still["job_id"], still["take"]) == ("delivered", jobs[said.take], said.take)
    assert (still["decision"]["by"], still["decision"]["take"], still["decision"]["note"]) == ("mara", said.take, "the light")
    assert {entry["take"]: entry["picked"] for entry in still["takes"]} == {number: number == said.take for number in (1, 2, 3)}
    folder = waiting.out / waiting.run.prefix
    there = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.png"))
    assert there == sorted(entry["clip"]["file"] for entry in still["takes"])
    assert await list_waiting(waiting.destinations, Catalog.load()) == []

    later = await waiting.plan()
    assert [step.fingerprint for step in later.steps] == [step.fingerprint for step in resumed.steps]
    assert await waiting.render(later) is None, "a later run finds the approval and does not ask again"
    assert len(waiting.krea.billed) == 5


async def test_the_first_of_two_approvals_counts(waiting: Studio) -> None:
    plan = waiting.run.plan
    await approve(plan, waiting.ledger, "still", take=2, by="mara", note=None)
    with pytest.raises(UsageError, match="take 2 was already approved by mara at"):
        await approve(plan, waiting.ledger, "still", take=3, by="jo", note=None)
    assert (await waiting.plan()).step("still").take == 2


async def test_a_decision_that_the_plan_does_not_know_is_found_and_an_earlier_one_is_not(waiting: Studio) -> None:
    begun = waiting.run.started_at
    assert not await decided_since(waiting.run, begun), "nobody has said anything"
    said = await approve(waiting.run.plan, waiting.ledger, "still", take=2, by="mara", note=None)
    assert await decided_since(waiting.run, begun)
    assert not await decided_since(waiting.run, said.at + timedelta(seconds=1))


async def test_what_cannot_be_approved_is_refused(waiting: Studio) -> None:
    plan = waiting.run.plan
    with pytest.raises(UsageError, match="has no take 4 to approve"):
        await approve(plan, waiting.ledger, "still", take=4, by="mara", note=None)
    with pytest.raises(UsageError, match="'gulls' does not wait for approval: it has no 'approve'"):
        await approve(plan, waiting.ledger, "gulls", take=None, by="mara", note=None)
    with pytest.raises(UsageError, match="has no shot 'dawn'"):
        await approve(plan, waiting.ledger, "dawn", take=None, by="mara", note=None)
    assert len(await list_waiting(waiting.destinations, Catalog.load())) == 1


async def test_picking_is_approving(waiting: Studio) -> None:
    plan = await waiting.plan()
    await select_take(waiting.ledger, plan, plan.step("still"), "2")
    assert await waiting.render() is None
    assert len(waiting.krea.billed) == 5
    plan = await waiting.plan()
    await select_take(waiting.ledger, plan, plan.step("still"), "3")
    assert await waiting.render() is None
    assert len(waiting.krea.billed) == 6


async def test_another_picture_is_asked_about_again(waiting: Studio) -> None:
    await approve(waiting.run.plan, waiting.ledger, "still", take=None, by="mara", note=None)
    waiting.declare("- {id: still, kind: image, prompt: A bottle in rain, approve: true}" + REST)
    assert isinstance(await waiting.render(), ApprovalError)
    assert len(waiting.krea.billed) == 5


async def test_one_approval_serves_the_variants_that_share_the_take(studio: Studio) -> None:
    rest = "\n      - {id: spin, prompt: 'Dolly {{ matrix.language }}', start_image: still, duration: 4}"
    shots = "- {id: still, kind: image, prompt: A bottle, takes: 2, pick: approve}" + rest
    studio.declare(shots, pipeline="matrix: {language: [en, de]}")
    assert isinstance(await studio.render(), ApprovalError)
    assert len(studio.krea.billed) == 2
    plan = studio.run.plan
    await approve(plan, studio.ledger, "still", take=2, by="mara", note=None)
    assert await studio.render(await with_decisions(plan, studio.ledger, Catalog.load())) is None
    assert len(studio.krea.billed) == 4


async def test_seeds_stay_those_of_their_takes(studio: Studio) -> None:
    studio.declare(
        "- {id: dawn, model: bytedance/seedance-2-fast, prompt: Roofs, takes: 2, seed: 7, approve: true}"
        "\n      - {id: surf, prompt: Surf, start_image: dawn, duration: 4, model: xai/grok-video}"
    )
    assert isinstance(await studio.render(), ApprovalError)
    plan = studio.run.plan
    await approve(plan, studio.ledger, "dawn", take=2, by="mara", note=None)
    resumed = await with_decisions(plan, studio.ledger, Catalog.load())
    assert {step.take: step.request.body["seed"] for step in resumed.steps if step.shot == "dawn"} == {1: 7, 2: 8}
    assert [step.fingerprint for step in resumed.steps] == [step.fingerprint for step in (await studio.plan()).steps]


TIMED = "- {id: still, kind: image, prompt: A bottle, approve: {timeout: 48h, on_timeout: THEN}}" + REST


async def timed(studio: Studio, then: str) -> Studio:
    studio.declare(TIMED.replace("THEN", then))
    assert isinstance(await studio.render(), ApprovalError)
    return studio


async def test_before_its_time_is_over_a_shot_waits_and_says_until_when(studio: Studio) -> None:
    await timed(studio, "stop")
    studio.offset += timedelta(hours=47, minutes=59)
    error = await studio.render()
    assert isinstance(error, ApprovalError)
    assert "then the run stops" in error.message
    [found] = await list_waiting(studio.destinations, Catalog.load())
    assert found.asked.until is not None
    await approve(studio.run.plan, studio.ledger, "still", take=None, by="mara", note=None)
    studio.offset += timedelta(hours=1)
    assert await studio.render() is None, "what was decided in time stands"


async def test_when_nobody_decides_in_time_the_first_take_goes_on(studio: Studio) -> None:
    await timed(studio, "first")
    asked = studio.clock()
    studio.offset += timedelta(hours=48, seconds=5)
    assert await list_waiting(studio.destinations, Catalog.load()) == []
    plan = studio.run.plan
    with pytest.raises(UsageError, match="take 1 was already approved by time-out at"):
        await approve(plan, studio.ledger, "still", take=1, by="mara", note=None)
    assert await studio.render(await with_decisions(plan, studio.ledger, Catalog.load())) is None
    assert len(studio.krea.billed) == 3
    decision = shot(studio, "still")["decision"]
    assert (decision["by"], decision["take"]) == ("time-out", 1)
    at = datetime.fromisoformat(decision["at"])
    assert timedelta(hours=47, minutes=59) < at - asked <= timedelta(hours=48), "when its time was over, not when somebody looked"


async def test_or_the_run_stops_and_nothing_that_hangs_on_the_shot_is_paid(studio: Studio) -> None:
    await timed(studio, "stop")
    studio.offset += timedelta(hours=48, seconds=5)
    plan = studio.run.plan
    with pytest.raises(UsageError, match="nobody had decided until") as late:
        await approve(plan, studio.ledger, "still", take=None, by="mara", note=None)
    assert "animatic use coast still" in str(late.value.hint)
    error = await studio.render(await with_decisions(plan, studio.ledger, Catalog.load()))
    assert error is not None
    assert (error.exit_code, len(studio.krea.billed)) == (4, 2)
    assert "2 of 3 shots missing: still not approved; `use`, resume." in error.message
    still, spin = shot(studio, "still"), shot(studio, "spin")
    assert (still["state"], still["error"]["code"]) == ("failed", "approval_timeout")
    assert still["clip"] is not None, "the take is kept"
    assert spin["state"] == "skipped"
    assert "not approved in time" in spin["error"]["message"]
    assert await studio.render() is not None, "running it again does not ask again"
    assert manifest(studio)["cost"]["billed_usd"] == 0, "nor does it pay"

    await select_take(studio.ledger, plan, plan.step("still"), "1")
    assert await studio.render() is None, "a person may approve it all the same"
    assert len(studio.krea.billed) == 3


async def test_a_take_made_after_a_rejection_is_what_the_time_out_lets_on(studio: Studio) -> None:
    await timed(studio, "first")
    plan, catalog = studio.run.plan, Catalog.load()
    before = (studio.out / studio.run.prefix / "01-still.png").read_bytes()
    await reject_and_go_on(plan, studio.ledger, plan.step("still"), catalog, changes={"prompt": "Closer"}, by="mara", note=None)
    assert isinstance(await studio.render(await with_decisions(plan, studio.ledger, catalog)), ApprovalError)
    assert (studio.out / studio.run.prefix / "01-still.png").read_bytes() != before, "the new take lies in its place"
    studio.offset += timedelta(hours=49)
    assert await studio.render(await with_decisions(plan, studio.ledger, catalog)) is None
    assert shot(studio, "still")["take"] == 2
    assert shot(studio, "still")["request"]["prompt"] == "Closer"
    assert (await studio.plan()).step("still").take == 2, "later runs have it as well"


async def test_the_same_run_makes_another_take_and_goes_on_with_what_was_decided(waiting: Studio) -> None:
    stored, catalog = waiting.run.plan, Catalog.load()
    step = stored.step("still")
    said, made = await reject_and_go_on(
        stored, waiting.ledger, step, catalog, changes=prompt_changes(step, "A bottle, closer"), by="mara", note="too far"
    )
    assert (said.kind, said.next_take, made.take, made.request.body["prompt"]) == ("rejected", 4, 4, "A bottle, closer")
    with pytest.raises(UsageError, match=r"were already rejected by mara at .* \(too far\)"):
        await reject_and_go_on(stored, waiting.ledger, step, catalog, changes={}, by="jo", note=None)
    decided = await with_decisions(stored, waiting.ledger, catalog)
    assert [step.key for step in (await estimate(decided, waiting.ledger, resumed=True)).to_pay] == ["still", "spin"]
    assert isinstance(await waiting.render(decided), ApprovalError)
    assert len(waiting.krea.billed) == 5, "the new take alone"
    assert isinstance(await waiting.render(await with_decisions(stored, waiting.ledger, catalog)), ApprovalError)
    assert len(waiting.krea.billed) == 5, "the stored plan and the ledger say which take is meant"
    asked = shot(waiting, "still")
    assert [take["take"] for take in asked["takes"]] == [1, 2, 3, 4]
    assert (asked["take"], asked["state"], asked["request"]["prompt"]) == (4, "waiting", "A bottle, closer")

    await approve(stored, waiting.ledger, "still", take=2, by="jo", note=None)
    assert await waiting.render(await with_decisions(stored, waiting.ledger, catalog)) is None
    assert len(waiting.krea.billed) == 6
    done = shot(waiting, "still")
    assert (done["take"], done["request"]["prompt"], done["decision"]["by"]) == (2, "A bottle", "jo")
    assert manifest(waiting)["run_id"] == stored.run_id


async def test_nothing_is_recorded_of_a_rejection_that_cannot_be_followed(waiting: Studio) -> None:
    plan, catalog = waiting.run.plan, Catalog.load()
    step = plan.step("still")
    with pytest.raises(UsageError, match="resolution"):
        await reject_and_go_on(plan, waiting.ledger, step, catalog, changes={"resolution": "9K"}, by="mara", note=None)
    poor = replace(plan, budget_usd=Decimal("0.50"))
    with pytest.raises(OverBudgetError):
        await reject_and_go_on(poor, waiting.ledger, step, catalog, changes={}, by="mara", note=None)
    [found] = await list_waiting(waiting.destinations, Catalog.load())
    assert found.asked.kind == "asked"


async def test_an_answer_is_to_the_question_that_was_asked(waiting: Studio) -> None:
    plan, catalog = waiting.run.plan, Catalog.load()
    [first] = await list_waiting(waiting.destinations, Catalog.load())
    await reject_and_go_on(plan, waiting.ledger, plan.step("still"), catalog, changes={}, by="mara", note=None)
    assert isinstance(await waiting.render(await with_decisions(plan, waiting.ledger, catalog)), ApprovalError)
    with pytest.raises(UsageError, match="waits for another decision: its take 4 was made since"):
        await approve(plan, waiting.ledger, "still", take=1, by="jo", note=None, question=first.asked.at)
    [second] = await list_waiting(waiting.destinations, Catalog.load())
    await approve(plan, waiting.ledger, "still", take=1, by="jo", note=None, question=second.asked.at)


@pytest.mark.parametrize("reject", [False, True])
async def test_a_decision_lets_those_runs_go_on_that_offer_the_take(studio: Studio, reject: bool) -> None:
    """One that waits with a take of its own would only ask about it again, and `overlap: skip` may cancel what can go on."""
    catalog = Catalog.load()
    studio.declare("- {id: still, kind: image, prompt: A bottle, approve: true}" + REST)
    for fresh in (False, False, True):
        assert isinstance(await studio.render(await studio.plan(fresh=fresh)), ApprovalError)
    first, second, fresh_one = (run.plan for run in studio.runs)
    assert [plan.step("still").take for plan in (first, second, fresh_one)] == [1, 1, 2]
    base = {first.step("still").base}

    async def served() -> list[bool]:
        [there] = studio.destinations
        return [await is_served(PastRun(destination=there, plan=plan), base, catalog) for plan in (first, second, fresh_one)]

    assert await served() == [False, False, False], "nothing is decided"
    if reject:
        await reject_and_go_on(fresh_one, studio.ledger, fresh_one.step("still"), catalog, changes={}, by="mara", note=None)
    else:
        await approve(fresh_one, studio.ledger, "still", take=None, by="mara", note=None)
    assert await served() == [False, False, True]

    assert isinstance(await studio.render(first), ApprovalError), "it asks about its own take again"
    await approve(first, studio.ledger, "still", take=1, by="mara", note=None)
    assert await served() == [True, True, False]
