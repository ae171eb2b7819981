"""Drafts and finals of one storyboard share a ledger: each is a take of its own, and going back and forth pays for nothing twice."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from animatic.catalog import Catalog
from animatic.cli.resume import _meant
from animatic.cli.runs import _facts, _row, _runs
from animatic.engine.changes import explain
from animatic.engine.estimate import estimate
from animatic.engine.plan_run import PlanOptions, pipeline_named
from animatic.engine.retaking import plan_retake
from animatic.engine.shot_takes import list_all_takes
from animatic.plan import plan_from_json
from tests.unit.engine.studio import CHAIN, Studio

pytestmark = pytest.mark.anyio
PROFILES = "profiles: {draft: {video: {duration: 2}}, other: {video: {resolution: 720p}}}\n"


@pytest.fixture
def board(studio: Studio) -> Studio:
    studio.declare(CHAIN, budget=PROFILES)
    return studio


async def made(studio: Studio, profile: str | None) -> list[str]:
    """Run under a profile, and return the states of the shots."""
    assert await studio.render(await studio.plan(profile=profile)) is None
    return [studio.state("dawn"), studio.state("surf")]


async def test_draft_then_final_then_draft_again_pays_each_once(board: Studio) -> None:
    assert await made(board, "draft") == ["delivered", "delivered"]
    assert await made(board, None) == ["delivered", "delivered"]
    paid = board.krea.counts["post"]
    assert paid == 4
    assert await made(board, "draft") == ["reused", "reused"]
    assert await made(board, None) == ["reused", "reused"]
    assert board.krea.counts["post"] == paid


async def test_a_chained_draft_starts_from_the_draft(board: Studio) -> None:
    await made(board, None)
    await made(board, "draft")
    dawn, surf = (board.run.manifest.shot(key).record for key in ("dawn", "surf"))
    assert (dawn.request["duration"], surf.request["duration"]) == (2, 2)
    (given,) = surf.inputs
    final = board.runs[0].manifest.shot("surf").record
    assert given.shot == "dawn"
    assert given.sent_as != final.inputs[0].sent_as


async def test_manifest_and_record_of_a_run_name_the_profile(board: Studio) -> None:
    await made(board, "draft")
    folder = board.out / board.run.prefix
    assert json.loads((folder / "manifest.json").read_text())["profile"] == "draft"
    assert "<b>profile</b><bdi>draft</bdi>" in (folder / "index.html").read_text()
    assert "<b>profile</b> <bdi>draft</bdi>" in (board.out / "index.html").read_text()
    record = await board.ledger.runs.get(board.run.plan.run_id)
    assert record is not None
    assert plan_from_json(record["plan"]).profile == "draft"
    await made(board, None)
    assert json.loads((board.out / board.run.prefix / "manifest.json").read_text())["profile"] is None


async def test_what_changed_is_told_against_the_last_run_of_the_same_profile(board: Studio) -> None:
    await made(board, "draft")
    plan = await board.plan()
    found = await explain(plan, await estimate(plan, board.ledger), board.ledger)
    assert (found.since, found.estimate.decisions["dawn"].reason) == ("", "no take yet")
    await made(board, None)
    board.declare(CHAIN.replace("Rooftops", "Roofs"), budget=PROFILES)
    plan = await board.plan(profile="draft")
    found = await explain(plan, await estimate(plan, board.ledger), board.ledger)
    assert found.since == board.runs[0].plan.run_id
    assert found.estimate.decisions["dawn"].changes == ("prompt 'Rooftops at dawn' -> 'Roofs at dawn'",)


async def test_a_retake_under_a_profile_is_a_take_of_the_draft_alone(board: Studio) -> None:
    await made(board, "draft")
    await made(board, None)
    spec, options = pipeline_named(board.declaration, None), PlanOptions(profile="draft")
    retake = await plan_retake(board.declaration, spec, {}, Catalog.load(), options, shot="dawn", changes={}, timing=board.timing())
    assert (retake.plan.profile, retake.number, retake.plan.step("dawn").request.body["duration"]) == ("draft", 2, 2)
    assert await retake.record()
    assert await board.render(retake.plan) is None
    assert await made(board, None) == ["reused", "reused"]
    assert (await board.plan()).step("dawn").take == 1
    assert (await board.plan(profile="draft")).step("dawn").take == 2


async def test_takes_say_the_profile_of_the_run_that_made_them(board: Studio) -> None:
    await made(board, "draft")
    await made(board, None)
    plan = await board.plan(profile="draft")
    now, other = await list_all_takes(board.ledger, plan, plan.step("dawn"))
    assert (now.profile, now.name, other.profile) == ("draft", "1", None)
    assert other.changes == ("duration 4 -> 2",)


async def test_a_draft_keeps_within_the_budget_by_its_own_price(studio: Studio) -> None:
    studio.declare(CHAIN, pipeline="budget_usd: 0.30", budget=PROFILES)
    draft, written = await studio.plan(profile="draft"), await studio.plan()
    assert (draft.estimated_usd, written.estimated_usd) == (Decimal("0.20"), Decimal("0.40"))
    assert await studio.render(draft) is None


async def test_a_draft_that_broke_is_gone_on_with_though_the_final_came_later(studio: Studio) -> None:
    studio.declare(CHAIN, pipeline="budget_usd: 0.10", budget=PROFILES)
    assert await studio.render(await studio.plan(profile="draft")) is not None
    broken = studio.run.plan.run_id
    studio.declare(CHAIN, budget=PROFILES)
    assert await made(studio, None) == ["delivered", "delivered"]
    found = await _meant(None, studio.destinations)
    assert found is not None
    assert (found.plan.run_id, found.plan.profile) == (broken, "draft")
    assert await made(studio, "draft") == ["reused", "delivered"]
    assert await _meant(None, studio.destinations) is None


async def test_runs_name_their_profile(board: Studio) -> None:
    await made(board, "draft")
    ((run, manifest),) = await _runs((board.folder / "pipelines.yaml",), None, None, 20, simulate=False)
    assert _facts(run, manifest)["profile"] == "draft"
    assert "draft" in _row(run, manifest)
