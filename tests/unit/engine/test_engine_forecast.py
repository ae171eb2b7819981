"""What schedules will cost: every run that is due is planned in order; what one makes, the next has."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from animatic.catalog import Catalog
from animatic.engine.estimate import estimate
from animatic.engine.forecast import Forecast, forecast
from animatic.engine.locking import find_shots, lock
from animatic.engine.plan_run import PlanOptions, pipeline_named
from tests.unit.engine.studio import Studio

pytestmark = pytest.mark.anyio
MONDAY = datetime(2026, 11, 2, 0, 30, tzinfo=UTC)
TWO = "- {id: dawn, prompt: Dawn, duration: 4}\n      - {id: surf, prompt: Surf, duration: 4, start_image: dawn}"
PRICE = Decimal("0.20")
"""Of four seconds at 480p."""


async def ahead(studio: Studio, days: int = 7) -> Forecast:
    return await forecast(studio.declaration, Catalog.load(), {str(studio.out): studio.ledger}, days=days, now=MONDAY)


async def test_only_the_first_run_pays_if_nothing_changes(studio: Studio) -> None:
    studio.declare(TWO, pipeline='schedule: {cron: "0 6 * * 1-5", timezone: Europe/Lisbon}')
    found = await ahead(studio)
    assert [run.usd for run in found.runs] == [2 * PRICE, 0, 0, 0, 0]
    assert [run.anew_usd for run in found.runs] == [2 * PRICE] * 5
    assert found.runs[0].at.isoformat() == "2026-11-02T06:00:00+00:00"
    assert await studio.render() is None
    assert [run.usd for run in (await ahead(studio)).runs] == [0] * 5, "takes that exist are reused"


async def test_a_fresh_schedule_pays_for_every_run(studio: Studio) -> None:
    studio.declare(TWO, pipeline="schedule: {interval: 12h, fresh: true}")
    found = await ahead(studio, days=1)
    assert [(run.rule, run.usd) for run in found.runs] == [("every 12 h", 2 * PRICE)] * 2


@pytest.mark.parametrize("more", ["", ", fresh: true"])
async def test_a_locked_shot_costs_nothing(studio: Studio, more: str) -> None:
    studio.declare(TWO, pipeline=f"schedule: {{interval: 12h{more}}}")
    assert await studio.render() is None
    spec = pipeline_named(studio.declaration, None)
    await lock(await find_shots(studio.declaration, spec, {}, Catalog.load(), PlanOptions(), "dawn"), by="mara", note=None)
    studio.declare(TWO.replace("Dawn", "Noon").replace("prompt: Surf", "prompt: Waves"), pipeline=f"schedule: {{interval: 12h{more}}}")
    found = await ahead(studio, days=1)
    assert [run.usd for run in found.runs] == [PRICE, PRICE if more else 0]
    assert [run.anew_usd for run in found.runs] == [PRICE, PRICE]


async def test_a_shot_that_names_the_day_is_paid_once_a_day_and_one_that_names_the_run_always(studio: Studio) -> None:
    daily = '- {id: weather, prompt: "Weather of {{ run.date }}", duration: 4}\n      - {id: logo, prompt: Logo, duration: 4}'
    studio.declare(daily, pipeline="schedule: {interval: 12h}")
    assert [run.usd for run in (await ahead(studio, days=2)).runs] == [2 * PRICE, PRICE, 0, PRICE]
    studio.declare(daily.replace("run.date", "run.id"), pipeline="schedule: {interval: 12h}")
    assert [run.usd for run in (await ahead(studio, days=2)).runs] == [2 * PRICE, PRICE, PRICE, PRICE]
    studio.declare(daily, pipeline="schedule: {interval: 12h}\n    reuse: never")
    assert [run.usd for run in (await ahead(studio, days=1)).runs] == [2 * PRICE, 2 * PRICE]


async def test_params_of_a_schedule_are_planned_with_and_paused_ones_are_not(studio: Studio) -> None:
    board = '- {id: dawn, prompt: "Dawn in {{ params.city }}", duration: 4}'
    schedules = "[{interval: 24h}, {interval: 24h, params: {city: Porto}, slug: porto}, {interval: 1h, active: false, slug: off}]"
    studio.declare(board, pipeline=f"params: {{city: {{type: string, default: Lisbon}}}}\n    schedules: {schedules}")
    found = await ahead(studio, days=1)
    assert sorted(run.schedule == "porto" for run in found.runs) == [False, True]
    assert [run.usd for run in found.runs] == [PRICE, PRICE]


async def test_a_schedules_profile_is_planned_with(studio: Studio) -> None:
    schedules = "[{interval: 24h, profile: draft, slug: draft}, {interval: 24h, slug: final}]"
    studio.declare(TWO, pipeline=f"schedules: {schedules}", budget="profiles: {draft: {video: {duration: 2}}}\n")
    found = await ahead(studio, days=2)
    assert {(run.schedule, run.profile) for run in found.runs} == {("draft", "draft"), ("final", None)}
    assert [run.usd for run in found.runs if run.schedule == "draft"] == [PRICE, 0]
    assert [run.usd for run in found.runs if run.schedule == "final"] == [2 * PRICE, 0], "a draft is no take of the final"


async def test_budgets_stand_beside_the_most_that_would_be_spent_of_them(studio: Studio) -> None:
    budget = "budget: {per_day_usd: 0.70, per_month_usd: 1.10}\n"
    studio.declare(TWO, pipeline="budget_usd: 0.30\n    schedule: {interval: 12h, fresh: true}", budget=budget)
    found = {each.what: each for each in (await ahead(studio, days=3)).exceeded}
    assert {what: (each.limit, each.usd) for what, each in found.items()} == {
        "a run of coast": (Decimal("0.30"), 2 * PRICE),
        "a day": (Decimal("0.70"), 4 * PRICE),
        "a month": (Decimal("1.10"), 12 * PRICE),
    }
    assert found["a day"].at.date().isoformat() == "2026-11-03", "on the first day only the run of noon is due"
    studio.declare(TWO, pipeline="schedule: {interval: 12h}", budget=budget)
    held = (await ahead(studio, days=3)).budgets
    assert [(each.what, each.usd, each.exceeded) for each in held] == [("a day", 2 * PRICE, False), ("a month", 2 * PRICE, False)]


async def test_the_worst_case_counts_the_takes_that_checks_may_ask_for(studio: Studio) -> None:
    studio.declare(TWO, pipeline="qc: retake\n    schedule: {interval: 12h}")
    planned = (await estimate(await studio.plan(), studio.ledger)).further.usd
    found = await ahead(studio, days=1)
    assert [(run.usd, run.worst_case_usd) for run in found.runs] == [(2 * PRICE, 2 * PRICE + planned), (0, 0)]
    assert planned == 2 * PRICE

    studio.declare(TWO, pipeline="qc: retake\n    schedule: {interval: 12h, fresh: true}")
    assert [run.worst_case_usd for run in (await ahead(studio, days=1)).runs] == [4 * PRICE] * 2

    story = TWO.replace("prompt: Dawn,", "prompt: 'Dawn {{ run.date }}', qc: retake,")
    studio.declare(story, pipeline="retries: 0\n    schedule: {interval: 24h}")
    assert [run.worst_case_usd for run in (await ahead(studio, days=2)).runs] == [2 * PRICE] * 2, "no attempt is left for it"


async def test_a_shot_that_is_made_in_every_run_may_be_made_once_more_in_each(studio: Studio) -> None:
    story = (
        "- {id: dawn, prompt: 'Dawn {{ run.id }}', duration: 4, qc: retake, takes: 2}"
        "\n      - {id: surf, prompt: Surf, duration: 4, qc: retake}"
        "\n      - {id: end, prompt: End, duration: 4, start_image: surf}"
    )
    studio.declare(story, pipeline="schedule: {interval: 12h}")
    found = await ahead(studio, days=1)
    assert [(run.usd, run.worst_case_usd) for run in found.runs] == [(4 * PRICE, 6 * PRICE), (2 * PRICE, 3 * PRICE)]
