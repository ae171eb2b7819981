"""Why a shot would be made: what changed in its request since an earlier run, old -> new, and what it starts from."""

from __future__ import annotations

import pytest
from PIL import Image

from animatic.engine.changes import explain
from animatic.engine.estimate import NEW, Decision, estimate
from animatic.errors import OverBudgetError
from tests.unit.engine.studio import CHAIN, Studio

pytestmark = pytest.mark.anyio


async def look(studio: Studio) -> tuple[dict[str, Decision], str]:
    plan = await studio.plan()
    found = await explain(plan, await estimate(plan, studio.ledger), studio.ledger)
    return dict(found.estimate.decisions), found.since


async def test_an_edited_shot_says_what_changed_and_what_follows(studio: Studio) -> None:
    studio.declare(CHAIN)
    assert await studio.render() is None
    studio.declare(CHAIN.replace("duration: 4", "duration: 5", 1))
    decisions, since = await look(studio)
    assert since == studio.run.plan.run_id
    assert decisions["dawn"].changes == ("duration 4 -> 5",)
    assert decisions["dawn"].reason == "duration changed"
    assert (decisions["surf"].reason, decisions["surf"].changes) == ("starts from dawn, made anew", ())


async def test_nothing_is_compared_at_the_first_run(studio: Studio) -> None:
    studio.declare(CHAIN)
    decisions, since = await look(studio)
    assert since == ""
    assert {decision.reason for decision in decisions.values()} == {NEW, "starts from dawn, made anew"}


async def test_a_run_with_the_same_params_is_compared_before_a_newer_one(studio: Studio) -> None:
    board = '- {id: dawn, prompt: "Dawn in {{ params.city }}", duration: 4}'
    params = "params: {city: {type: string, default: %s}}"
    studio.declare(board, pipeline=params % "Lisbon")
    assert await studio.render() is None
    lisbon = studio.run.plan.run_id
    studio.declare(board, pipeline=params % "Porto")
    assert await studio.render() is None
    studio.declare(board.replace("Dawn in", "Dusk in"), pipeline=params % "Lisbon")
    decisions, since = await look(studio)
    assert since == lisbon
    assert decisions["dawn"].changes == ("prompt 'Dawn in Lisbon' -> 'Dusk in Lisbon'",)


async def test_a_shot_that_was_planned_and_not_come_to_says_so(studio: Studio) -> None:
    shots = "\n      ".join(f"- {{id: s{number}, prompt: Shot {number}, duration: 4}}" for number in range(3))
    studio.declare(shots, pipeline="budget_usd: 0.20")
    assert isinstance(await studio.render(), OverBudgetError), "three shots of $0.20"
    decisions, _ = await look(studio)
    unmade = [decision.reason for decision in decisions.values() if decision.action == "run"]
    assert unmade == ["an earlier run did not come to it"] * 2


async def test_users_of_a_sheet_say_whose_sheet_changed(studio: Studio) -> None:
    cast = "cast: {mara: {images: sheet}, kiosk: {images: kiosk.png}}"
    board = """- {id: sheet, model: google/nano-banana-pro, prompt: Front and side}
      - {id: dawn, prompt: Dawn, duration: 4, cast: [mara]}
      - {id: surf, prompt: Surf, duration: 4, cast: [kiosk]}
      - {id: home, prompt: Home, duration: 4}"""
    Image.new("RGB", (64, 64), "teal").save(studio.folder / "kiosk.png")
    studio.declare(board, pipeline=cast)
    assert await studio.render() is None

    shots = {shot["id"]: shot for shot in studio.run.manifest.to_json()["shots"]}
    (sheet,) = shots["dawn"]["inputs"]
    assert (sheet["member"], sheet["shot"], sheet["field"]) == ("mara", "sheet", "reference_images[0]")
    assert sheet["sent_as"], "it was sent"
    assert (shots["surf"]["cast"], shots["surf"]["inputs"][0]["member"], shots["home"]["inputs"]) == (["kiosk"], "kiosk", [])

    studio.declare(board.replace("Front and side", "Front and back"), pipeline=cast)
    decisions, _ = await look(studio)
    made = {key: decision.reason for key, decision in decisions.items() if decision.action == "run"}
    assert made == {"sheet": "prompt changed", "dawn": "mara's sheet changed; starts from sheet, made anew"}
    assert decisions["dawn"].changes == ("mara's sheet changed",)

    studio.declare(board, pipeline=cast)
    Image.new("RGB", (64, 64), "red").save(studio.folder / "kiosk.png")
    decisions, _ = await look(studio)
    made = {key: decision.reason for key, decision in decisions.items() if decision.action == "run"}
    assert made == {"surf": "kiosk's sheet changed"}


async def test_a_sheet_that_was_made_anew_alone_is_why_its_users_are_stale(studio: Studio) -> None:
    cast = "cast: {mara: {images: sheet}}"
    board = (
        "- {id: sheet, model: google/nano-banana-pro, prompt: Front and side}\n      - {id: dawn, prompt: Dawn, duration: 4, cast: [mara]}"
    )
    studio.declare(board, pipeline=cast)
    assert await studio.render() is None
    studio.declare(board.replace("side", "back"), pipeline=cast)
    assert await studio.render(await studio.plan(only="sheet")) is None
    decisions, _ = await look(studio)
    assert (decisions["sheet"].action, decisions["dawn"].reason) == ("reuse", "mara's sheet changed")


async def test_how_the_last_submission_ended_is_said(studio: Studio) -> None:
    studio.krea.ends = ["cancelled"]
    assert await studio.render() is not None
    decisions, _ = await look(studio)
    assert (decisions["dawn"].action, decisions["dawn"].reason) == ("run", "its job was cancelled")
