"""What verbs say of runs that were made: which take to use and what that costs, which run to continue, which runs there are."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from animatic.catalog import Catalog
from animatic.cli.options import Asked
from animatic.cli.resume import _meant
from animatic.cli.runs import COLUMNS, _facts, _row, _runs
from animatic.cli.spend import _spend
from animatic.cli.use import _lines, _select_take
from animatic.engine.plan_run import PlanOptions, pipeline_named
from animatic.engine.retaking import plan_retake
from animatic.errors import UsageError
from animatic.storage import StorageRefusedError
from tests.unit.engine.studio import CHAIN, Studio

pytestmark = pytest.mark.anyio
PARAMS = "params: {city: {type: string, default: %s}}"
CITY = '- {id: dawn, prompt: "Dawn in {{ params.city }}", duration: 4}'


def files(studio: Studio) -> tuple[Path, ...]:
    return (studio.folder / "pipelines.yaml",)


async def test_choosing_a_take_says_what_was_made_from_it_and_what_must_be(studio: Studio) -> None:
    studio.declare(CHAIN)
    assert await studio.render() is None
    spec = pipeline_named(studio.declaration, None)
    again = await plan_retake(studio.declaration, spec, {}, Catalog.load(), PlanOptions(), shot="dawn", changes={}, timing=studio.timing())
    assert await again.record()
    assert await studio.render(again.plan) is None
    back = await _select_take("coast", "dawn", "1", Asked(), files(studio), None, simulated=False)
    assert (back.had, back.to_make, back.usd) == (("surf",), (), Decimal(0))
    studio.declare(CHAIN.replace("prompt: Surf", "prompt: Waves"))
    found = await _select_take("coast", "dawn", "2", Asked(), files(studio), None, simulated=False)
    assert (found.had, found.to_make, found.usd) == ((), ("surf",), Decimal("0.20"))
    assert _lines("dawn", "2", found) == [
        "take 2 of dawn is used from now on",
        "  to be made from it, $0.20: surf",
        "  make them with `animatic run coast`",
    ]


async def test_the_run_to_continue_is_the_newest_that_is_not_complete(studio: Studio) -> None:
    studio.declare(CHAIN, pipeline="budget_usd: 0.20")
    assert await studio.render() is not None
    broken = studio.run.plan.run_id
    found = await _meant(None, studio.destinations)
    assert found is not None
    assert found.plan.run_id == broken
    studio.declare(CHAIN)
    assert await studio.render() is None
    assert await _meant(None, studio.destinations) is None, "a later run with the same params delivered it"
    with pytest.raises(UsageError, match="there are no runs yet"):
        await _meant(None, ())


@pytest.mark.parametrize("damage", [b"", b'{"version": 1, "run_id": "2026', b"[1, 2]", b'{"version": 1}'])
async def test_a_run_whose_manifest_is_damaged_is_listed_and_gone_on_with(studio: Studio, damage: bytes) -> None:
    studio.declare(CITY, pipeline=PARAMS % "Lisbon")
    assert await studio.render() is None
    (before,) = studio.folder.glob("**/coast/*/manifest.json")
    before.write_bytes(damage)
    ((run, manifest),) = await _runs(files(studio), None, None, 20, simulate=False)
    assert (manifest, _facts(run, manifest)["state"]) == (None, "unknown")
    found = await _meant(None, studio.destinations)
    assert found is not None
    with pytest.raises(StorageRefusedError, match=r"coast/.*/manifest\.json is"):
        await found.manifest()
    assert await studio.render(found.plan) is None
    assert (await found.manifest()) is not None
    assert studio.krea.counts["post"] == 1


async def test_a_run_with_other_params_is_not_taken_for_its_successor(studio: Studio) -> None:
    studio.declare(CITY, pipeline=f"{PARAMS % 'Lisbon'}\n    budget_usd: 0.10")
    assert await studio.render() is not None
    broken = studio.run.plan.run_id
    studio.declare(CITY, pipeline=PARAMS % "Porto")
    assert await studio.render() is None
    found = await _meant(None, studio.destinations)
    assert found is not None
    assert found.plan.run_id == broken


async def test_runs_are_told_apart_by_params_and_counted_as_numbers(studio: Studio) -> None:
    studio.declare(CITY, pipeline=PARAMS % "Lisbon")
    assert await studio.render() is None
    ((run, manifest),) = await _runs(files(studio), None, None, 20, simulate=False)
    row = dict(zip((column.title for column in COLUMNS), _row(run, manifest), strict=True))
    assert (row["STATE"], row["SHOTS"], row["BILLED"], row["PARAMS"]) == ("completed", "1 of 1", "$0.20", "city=Lisbon")
    facts = _facts(run, manifest)
    assert (facts["params"], facts["shots"]) == ({"city": "Lisbon"}, {"total": 1, "made": 1, "delivered": 1})
    assert await _runs(files(studio), None, None, 20, simulate=True) == []
    with pytest.raises(UsageError, match="there is no pipeline 'cost', and no run of one"):
        await _runs(files(studio), None, "cost", 20, simulate=False)


async def test_spending_is_listed_as_people_count(studio: Studio) -> None:
    shots = "\n      ".join(f"- {{id: shot{number}, prompt: Shot {number}, duration: 4}}" for number in (10, 2, 1))
    studio.declare(shots)
    assert await studio.render() is None
    found, elsewhere = await _spend("shot", 366, files(studio), None, simulated=False)
    assert list(found) == ["coast · shot1", "coast · shot2", "coast · shot10"]
    assert elsewhere is False
    assert await _spend("shot", 366, files(studio), None, simulated=True) == ({}, True)
