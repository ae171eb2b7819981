"""Several takes of a shot in one run: each is paid for once and kept; one goes on, and another one may be picked afterwards."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pytest

from animatic.catalog import Catalog
from animatic.engine.estimate import check_money, estimate
from animatic.engine.plan_run import PlanOptions, pipeline_named
from animatic.engine.retaking import plan_retake
from animatic.engine.shot_takes import list_takes, select_take
from animatic.errors import DeclarationError, OverBudgetError
from animatic.plan import plan_from_json, plan_to_json
from tests.unit.engine.studio import Studio

pytestmark = pytest.mark.anyio

THREE = "- {id: dawn, prompt: Rooftops at dawn, duration: 4, takes: 3}"
SURF = "\n      - {id: surf, prompt: Surf, start_image: dawn, duration: 4}"


def record(studio: Studio, shot: str = "dawn") -> dict[str, Any]:
    manifest = json.loads((studio.out / studio.run.prefix / "manifest.json").read_text())
    found: dict[str, Any] = next(entry for entry in manifest["shots"] if entry["id"] == shot)
    return found


async def test_each_take_is_paid_for_once_and_the_first_goes_on(studio: Studio) -> None:
    studio.declare(THREE + SURF)
    assert await studio.render() is None
    assert len(studio.krea.billed) == 4
    manifest = json.loads((studio.out / studio.run.prefix / "manifest.json").read_text())
    assert [shot["id"] for shot in manifest["shots"]] == ["dawn", "surf"]
    takes = record(studio)["takes"]
    assert [(take["take"], take["picked"]) for take in takes] == [(1, True), (2, False), (3, False)]
    assert {take["job_id"] for take in takes} <= {job.id for job in studio.krea.billed}
    assert len({take["job_id"] for take in takes}) == 3
    folder = studio.out / studio.run.prefix
    assert [take["clip"]["file"] for take in takes] == ["01-dawn.mp4", "01-dawn.takes/2.mp4", "01-dawn.takes/3.mp4"]
    assert all((folder / take["clip"]["file"]).stat().st_size == take["clip"]["size"] for take in takes)
    per_take = Decimal(str(takes[0]["usd"]))
    assert Decimal(str(manifest["cost"]["billed_usd"])) == 4 * per_take == Decimal(str(manifest["cost"]["estimated_usd"]))
    assert manifest["state"] == "completed"

    assert await studio.render() is None
    assert len(studio.krea.billed) == 4, "an unchanged storyboard pays nothing"
    assert [take["state"] for take in record(studio)["takes"]] == ["reused"] * 3


async def test_more_takes_pay_for_those_that_are_not_there(studio: Studio) -> None:
    assert await studio.render() is None
    studio.declare(THREE)
    found = await estimate(plan := await studio.plan(), studio.ledger)
    assert [step.key for step in found.to_pay] == ["dawn#2", "dawn#3"]
    assert plan_from_json(json.loads(json.dumps(plan_to_json(plan)))) == plan
    assert await studio.render() is None
    assert len(studio.krea.billed) == 3


async def test_another_take_may_be_picked_and_nothing_of_the_shot_is_paid_again(studio: Studio) -> None:
    studio.declare(THREE + SURF)
    assert await studio.render() is None
    first = record(studio)["takes"]
    await select_take(studio.ledger, plan := await studio.plan(), plan.step("dawn"), "2")
    found = await estimate(await studio.plan(), studio.ledger)
    assert [step.key for step in found.to_pay] == ["surf"], "only what hangs on the take is made anew"
    assert await studio.render() is None
    assert len(studio.krea.billed) == 5
    takes = record(studio)["takes"]
    assert [(take["take"], take["picked"], take["job_id"]) for take in takes] == [
        (take["take"], take["take"] == 2, take["job_id"]) for take in first
    ]
    assert record(studio)["job_id"] == first[1]["job_id"]
    assert takes[0]["clip"]["file"] == "01-dawn.takes/1.mp4"


async def test_a_take_that_fails_leaves_the_others_and_is_made_by_the_next_run(studio: Studio) -> None:
    studio.declare("- {id: dawn, prompt: Rooftops at dawn, duration: 4, takes: 3, retries: 0}" + SURF)
    studio.krea.ends = ["completed", "failed", "completed"]
    error = await studio.render()
    assert error is not None
    assert error.exit_code == 4
    takes = record(studio)["takes"]
    assert sorted(take["clip"] is not None for take in takes) == [False, True, True]
    assert [take["note"] for take in takes if take["clip"] is None] == ["the worker was lost"]
    assert await studio.render() is None
    assert len(studio.krea.billed) == 4


async def test_the_budget_counts_every_take(studio: Studio) -> None:
    studio.declare(THREE, pipeline="budget_usd: 0.5")
    plan = await studio.plan()
    price = plan.step("dawn").request.price.usd
    assert price is not None
    assert plan.estimated_usd == 3 * price
    studio.declare(THREE, pipeline=f"budget_usd: {2 * price}")
    plan = await studio.plan()
    with pytest.raises(OverBudgetError):
        check_money(plan, await estimate(plan, studio.ledger))
    assert await studio.render(plan) is not None
    assert len(studio.krea.billed) == 2, "what is reserved is never exceeded"


async def test_a_seed_counts_up(studio: Studio) -> None:
    studio.declare("- {id: dawn, model: bytedance/seedance-2-fast, prompt: Rooftops, takes: 3, seed: 7}")
    assert [step.request.body["seed"] for step in (await studio.plan()).steps] == [7, 8, 9]
    assert await studio.render() is None
    assert sorted(job.body["seed"] for job in studio.krea.billed) == [7, 8, 9]


async def test_a_seed_that_counts_beyond_its_model_is_refused(studio: Studio) -> None:
    studio.declare("- {id: dawn, model: lightricks/ltx-video-2.3-22b, prompt: Rooftops, takes: 3, seed: 2147483646}")
    with pytest.raises(DeclarationError) as raised:
        await studio.plan()
    [problem] = raised.value.problems
    assert problem.message.startswith("shot 'dawn': its seed counts up with its takes, and for take 3 seed 2147483648 is out of range")


async def test_variants_share_their_takes(studio: Studio) -> None:
    studio.declare(THREE, pipeline="matrix: {language: [en, de]}")
    assert await studio.render() is None
    assert len(studio.krea.billed) == 3
    manifest = json.loads((studio.out / studio.run.prefix / "manifest.json").read_text())
    assert [len(shot["takes"]) for shot in manifest["shots"]] == [3, 3]


async def test_fresh_makes_as_many_anew(studio: Studio) -> None:
    studio.declare(THREE)
    assert await studio.render() is None
    plan = await studio.plan(fresh=True)
    assert [(step.take, step.further) for step in plan.steps] == [(4, False), (5, True), (6, True)]
    assert await studio.render(plan) is None
    assert len(studio.krea.billed) == 6
    assert (await studio.step()).take == 4
    assert not (await estimate(await studio.plan(), studio.ledger)).to_pay


async def test_a_retake_is_one_take_whatever_the_shot_says(studio: Studio) -> None:
    assert await studio.render() is None
    studio.declare(THREE + SURF)
    made = await plan_retake(
        studio.declaration, pipeline_named(studio.declaration, None), {}, Catalog.load(), PlanOptions(), shot="dawn", changes={}
    )
    assert [(step.key, step.take) for step in made.plan.steps if step.shot == "dawn"] == [("dawn", 2), ("dawn#1", 1)]
    assert await made.record()
    assert await studio.render(made.plan) is None
    assert [known.number for known in await list_takes(studio.ledger, await studio.step())] == [1, 2]


async def test_a_page_for_clients_tells_nothing_of_the_takes_but_their_pictures(studio: Studio) -> None:
    studio.declare(THREE, pipeline="page: {money: false}")
    assert await studio.render() is None
    takes = record(studio)["takes"]
    page = (studio.out / studio.run.prefix / "index.html").read_text()
    assert "01-dawn.takes/2.mp4" in page
    assert re.search(r"\$\d", page.partition("<body")[2]) is None
    assert not [take["job_id"] for take in takes if take["job_id"] in page]
