"""Approvals: nothing that hangs on a shot is paid for before a person has said so, and nothing of the shot is paid again after it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from animatic.catalog import Catalog
from animatic.engine.approvals import approve, list_waiting
from animatic.engine.decided import with_decisions
from animatic.engine.estimate import estimate
from animatic.engine.shot_takes import select_take
from animatic.errors import ApprovalError, UsageError
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
    still = shot(waiting, "still")
    assert [take["clip"] is not None for take in still["takes"]] == [True, True, True]
    assert still["clip"] is not None
    assert still["decision"] is None
    [found] = await list_waiting(waiting.destinations)
    assert (found.step.key, found.following.shots) == ("still", ("spin",))
    assert found.following.usd == found.plan.step("spin").request.price.usd


async def test_running_it_again_pays_nothing_and_waits_on(waiting: Studio) -> None:
    assert isinstance(await waiting.render(), ApprovalError)
    assert len(waiting.krea.billed) == 4
    assert len(await list_waiting(waiting.destinations)) == 1


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
    assert await list_waiting(waiting.destinations) == []

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


async def test_what_cannot_be_approved_is_refused(waiting: Studio) -> None:
    plan = waiting.run.plan
    with pytest.raises(UsageError, match="has no take 4 to approve"):
        await approve(plan, waiting.ledger, "still", take=4, by="mara", note=None)
    with pytest.raises(UsageError, match="'gulls' does not wait for approval: it has no 'approve'"):
        await approve(plan, waiting.ledger, "gulls", take=None, by="mara", note=None)
    with pytest.raises(UsageError, match="has no shot 'dawn'"):
        await approve(plan, waiting.ledger, "dawn", take=None, by="mara", note=None)
    assert len(await list_waiting(waiting.destinations)) == 1


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
