"""The log of a shot: all that was asked, said and done, in order, whatever became of the shot; in the manifest, and for spreadsheets."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any

import pytest

from animatic.catalog import Catalog
from animatic.engine.approvals import approve, reject
from animatic.engine.decided import with_decisions
from animatic.engine.locking import Shots, find_shots, lock, unlock
from animatic.engine.plan_run import PlanOptions, pipeline_named
from animatic.engine.retaking import Retake, note_retake, plan_retake
from animatic.engine.shot_takes import select_take
from animatic.errors import ApprovalError
from animatic.ledger.shot_log import Remark
from tests.unit.engine.conftest import Verb
from tests.unit.engine.studio import Studio

pytestmark = pytest.mark.anyio

STILL = "- {id: still, kind: image, prompt: A bottle, approve: true}\n      - {id: spin, prompt: Dolly, start_image: still, duration: 4}"


def log_of(studio: Studio, shot: str) -> list[dict[str, Any]]:
    found = json.loads((studio.out / studio.run.prefix / "manifest.json").read_text())["shots"]
    log: list[dict[str, Any]] = next(entry for entry in found if entry["id"] == shot)["log"]
    return log


async def shots_of(studio: Studio, shot: str) -> Shots:
    """The shots of a command line, written to by the clock of the studio."""
    spec = pipeline_named(studio.declaration, None)
    found = await find_shots(studio.declaration, spec, {}, Catalog.load(), PlanOptions(), shot, timing=studio.timing())
    return replace(found, ledger=studio.ledger)


async def retake(studio: Studio, shot: str, changes: dict[str, Any]) -> Retake:
    spec = pipeline_named(studio.declaration, None)
    options = PlanOptions()
    made = await plan_retake(studio.declaration, spec, {}, Catalog.load(), options, shot=shot, changes=changes, timing=studio.timing())
    return replace(made, ledger=studio.ledger)


async def test_a_manifest_tells_who_did_what_when_and_why(studio: Studio) -> None:
    studio.declare(STILL)
    assert isinstance(await studio.render(), ApprovalError)
    assert [entry["what"] for entry in log_of(studio, "still")] == ["asked"]
    plan = studio.run.plan
    await reject(plan, studio.ledger, plan.step("still"), by="mara", note="too dark")
    made = await retake(studio, "still", {"prompt": "A bottle in the sun"})
    assert await made.record()
    await note_retake(made, by="jo", note="more light", issue="SHOT-12", priority="high")
    assert isinstance(await studio.render(made.plan), ApprovalError)
    await approve(made.plan, studio.ledger, "still", take=None, by="mara", note="yes")
    shots = await shots_of(studio, "still")
    await lock(shots, by="jo", note="final")
    assert await studio.render(await with_decisions(made.plan, studio.ledger, Catalog.load())) is None

    told = [(entry["what"], entry["by"], entry["take"], entry["note"]) for entry in log_of(studio, "still")]
    assert told == [
        ("asked", None, 1, None),
        ("rejected", "mara", 1, "too dark"),
        ("retake", "jo", 2, "more light"),
        ("asked", None, 2, None),
        ("approved", "mara", 2, "yes"),
        ("locked", "jo", 2, "final"),
    ]
    asked_again = log_of(studio, "still")[2]
    assert (asked_again["issue"], asked_again["priority"], asked_again["changes"]) == ("SHOT-12", "high", {"prompt": "A bottle in the sun"})
    assert [entry["at"] for entry in log_of(studio, "still")] == sorted(entry["at"] for entry in log_of(studio, "still"))
    assert log_of(studio, "spin") == []


async def test_what_was_said_about_a_shot_is_not_lost_when_it_changes(studio: Studio) -> None:
    studio.declare(STILL)
    assert isinstance(await studio.render(), ApprovalError)
    await approve(studio.run.plan, studio.ledger, "still", take=None, by="mara", note="the light")
    studio.declare(STILL.replace("A bottle", "A vase"))
    assert isinstance(await studio.render(), ApprovalError)
    assert [(entry["what"], entry["note"]) for entry in log_of(studio, "still")] == [
        ("asked", None),
        ("approved", "the light"),
        ("asked", None),
    ]


async def test_choosing_and_unlocking_are_in_it_and_what_a_run_chose_is_not(studio: Studio) -> None:
    assert await studio.render() is None
    made = await retake(studio, "dawn", {"prompt": "Noon"})
    assert await made.record()
    assert await studio.render(made.plan) is None
    plan = await studio.plan()
    await select_take(studio.ledger, plan, plan.step("dawn"), "1", note="the first was better")
    shots = await shots_of(studio, "dawn")
    await lock(shots, by="mara", note=None)
    await unlock(shots, by="jo", note="a new idea")
    assert await studio.render() is None
    told = [(entry["what"], entry["take"], entry["note"]) for entry in log_of(studio, "dawn")]
    assert told == [("used", 1, "the first was better"), ("locked", 1, None), ("unlocked", 1, "a new idea")]


async def test_one_that_cannot_be_read_is_left_out_and_fails_no_run(studio: Studio) -> None:
    studio.declare(STILL)
    assert isinstance(await studio.render(), ApprovalError)
    remark = Remark(what="comment", pipeline="coast", step="still", at=studio.clock(), by="mara", note="one")
    await studio.ledger.shot_log.add(remark)
    await studio.ledger.shot_log.add(replace(remark, note="two"))
    first = next(path for path in (studio.out / ".animatic/shots").rglob("*.json") if "remarks" in path.parts)
    first.write_text("{")
    assert isinstance(await studio.render(), ApprovalError)
    assert [entry["note"] for entry in log_of(studio, "still")] in ([None, "one"], [None, "two"])


async def test_a_remark_of_one_source_is_entered_once(studio: Studio) -> None:
    remark = Remark(what="comment", pipeline="coast", step="dawn", at=studio.clock(), by="mara", note="one", source="file:1")
    ledger = studio.ledger
    for _ in range(2):
        await ledger.shot_log.add(remark)
    await ledger.shot_log.add(replace(remark, source="file:2"))
    assert len((await ledger.shot_log.of("coast"))["dawn"]) == 2


async def test_people_and_spreadsheets_get_it(studio: Studio, animatic: Verb) -> None:
    assert await studio.render() is None
    assert (await animatic("review", "--log")).out == "nothing was said about any shot yet\n"
    evil = Remark(
        what="comment", pipeline="coast", step="dawn", at=studio.clock(), by="mara", note="=HYPERLINK()\n\x1b[31mred", take=1, time_code=1.5
    )
    await studio.ledger.shot_log.add(evil)
    shown = await animatic("review", "--log")
    assert shown.code == 0
    assert "mara" in shown.out
    assert "1.5 s" in shown.out
    assert "\x1b" not in shown.out
    rows = list(csv.DictReader(io.StringIO((await animatic("review", "--log", "--to", "csv")).out)))
    assert [(row["what"], row["by"], row["time_code"], row["note"][:6]) for row in rows] == [("comment", "mara", "1.5", "'=HYPE")]
    [entry] = json.loads((await animatic("review", "--log", "--json")).out)
    assert (entry["shot"], entry["note"], entry["simulated"]) == ("dawn", evil.note, False)
    wrote = await animatic("review", "--log", "--to", "tsv", "--out", "log.tsv")
    assert wrote.code == 0
    assert (studio.folder / "log.tsv").read_text().count("\t") >= 14
    assert (await animatic("review", "--log", "--to", "tsv", "--out", "log.tsv")).code == 2
    assert (await animatic("review", "--to", "csv")).code == 2
    assert (await animatic("review", "nope", "--log")).code == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"prompt": "Noon"}, []),
        ({"prompt": "Rooftops at dawn", "duration": 4}, []),
        ({"prompt": "Noon", "duration": 6}, ["it changes 2 things at once (prompt, duration)"]),
        ({"seed": None}, ["it drops the seed 7"]),
        ({"seed": None, "prompt": "Noon"}, ["it changes 2 things at once (seed, prompt)", "it drops the seed 7"]),
        ({"seed": 8}, []),
    ],
)
async def test_a_retake_that_is_hard_to_compare_says_so(studio: Studio, animatic: Verb, changes: dict[str, Any], said: list[str]) -> None:
    studio.declare("- {id: dawn, model: bytedance/seedance-2-fast, prompt: Rooftops at dawn, duration: 4, seed: 7}")
    assert await studio.render() is None
    assert [text.partition(":")[0] for text in (await retake(studio, "dawn", changes)).warnings] == said
    fields = [part for name, value in changes.items() for part in ("--set", f"{name}={json.dumps(value)}")]
    shown = await animatic("retake", "dawn", "--dry-run", *fields)
    assert (shown.code, [text in shown.out for text in said]) == (0, [True] * len(said))
    told = json.loads((await animatic("retake", "dawn", "--dry-run", "--json", *fields)).out)
    assert [text.partition(":")[0] for text in told["warnings"]] == said
    assert len(studio.krea.billed) == 1
