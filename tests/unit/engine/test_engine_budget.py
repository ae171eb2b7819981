"""Money: budgets per run, day and month, unknown prices, and what is given back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from animatic.engine.run import Run
from animatic.errors import OverBudgetError, UnknownPriceError
from animatic.ledger import Ledger
from animatic.money import dollars
from animatic.plan import Step
from tests.unit.engine.studio import ONE, Studio

pytestmark = pytest.mark.anyio

UNPRICED = "- {id: still, kind: image, model: alibaba/qwen-image-3, prompt: Bottle}"


def shots(count: int) -> str:
    return "\n      ".join(f"- {{id: s{n}, prompt: Shot {n}, duration: 4}}" for n in range(count))


async def price(studio: Studio) -> Decimal:
    usd = (await studio.plan()).steps[0].request.price.usd
    assert usd is not None
    return usd


async def test_a_run_stops_before_it_goes_over_its_budget(studio: Studio) -> None:
    studio.declare(shots(4))
    budget = 2 * await price(studio)
    studio.declare(shots(4), pipeline=f"budget_usd: {budget}")
    error = await studio.render()
    assert isinstance(error, OverBudgetError)
    assert error.exit_code == 3
    assert len(studio.krea.billed) == 2
    assert studio.run.budget.spent == budget


async def test_failed_jobs_give_their_money_back(studio: Studio) -> None:
    one = await price(studio)
    studio.declare(ONE.replace("}", ", retries: 2}"), pipeline=f"budget_usd: {one}")
    studio.krea.ends = ["failed", "failed", "completed"]
    assert await studio.render() is None
    assert studio.run.budget.spent == one


async def test_submissions_that_were_turned_away_give_their_money_back(studio: Studio) -> None:
    studio.declare(ONE, pipeline=f"budget_usd: {await price(studio)}")
    studio.krea.answers = ["429", "429", "429"]
    studio.krea.retry_after = "0"
    assert await studio.render() is None
    assert len(studio.krea.billed) == 1


async def test_a_resumed_run_remembers_what_it_has_spent(studio: Studio) -> None:
    studio.declare(shots(3))
    one = await price(studio)
    studio.declare(shots(3), pipeline=f"budget_usd: {2 * one}")
    plan = await studio.plan()
    assert isinstance(await studio.render(plan), OverBudgetError)
    error = await studio.render(plan)
    assert isinstance(error, OverBudgetError)
    assert f"{dollars(2 * one)} of the {dollars(2 * one)} of this run are spent or set aside" in error.message
    assert len(studio.krea.billed) == 2


async def test_the_budget_of_a_day_counts_all_runs_of_the_destination(studio: Studio) -> None:
    one = await price(studio)
    studio.declare(shots(1), budget=f"budget: {{per_day_usd: {one * Decimal('1.5')}}}\n")
    assert await studio.render() is None
    studio.declare(shots(2).replace("Shot", "Another"), budget=f"budget: {{per_day_usd: {one * Decimal('1.5')}}}\n")
    error = await studio.render()
    assert isinstance(error, OverBudgetError)
    said = f" costs {dollars(one)}; {dollars(one)} of the {dollars(one * Decimal('1.5'))} per day are spent at this destination"
    assert error.message in {f"shot 's0'{said}", f"shot 's1'{said}"}
    assert len(studio.krea.billed) == 1


@pytest.mark.parametrize("limit", ["per_day_usd", "per_month_usd"])
async def test_the_budget_of_a_period_counts_what_a_clock_that_is_ahead_has_entered(studio: Studio, limit: str) -> None:
    one = await price(studio)
    budget = f"budget: {{{limit}: {one * Decimal('1.5')}}}\n"
    studio.offset = timedelta(days=1)
    studio.declare(shots(1), budget=budget)
    assert await studio.render() is None
    studio.offset = timedelta(0)  # another machine, or this one once its clock is set
    studio.declare(shots(2).replace("Shot", "Another"), budget=budget)
    assert isinstance(await studio.render(), OverBudgetError)
    assert len(studio.krea.billed) == 1


@pytest.mark.parametrize("limit", ["per_day_usd", "per_month_usd"])
async def test_what_costs_exactly_what_is_left_of_a_period_is_paid(studio: Studio, limit: str) -> None:
    one = await price(studio)
    studio.declare(shots(2), budget=f"budget: {{{limit}: {2 * one}}}\n")
    assert await studio.render() is None
    assert len(studio.krea.billed) == 2


class AnotherWorkerFirst:
    """A storage at which another worker's intent lands a moment before ours."""

    def __init__(self, inner: Any, other: Callable[[], Awaitable[object]]) -> None:
        self.inner, self.other, self.due = inner, other, True

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def create(self, key: str, data: bytes) -> bool:
        if self.due and key.endswith("intended.json"):
            self.due = False
            await self.other()
        return bool(await self.inner.create(key, data))


async def test_of_two_workers_that_reach_the_limit_of_a_month_together_the_second_sends_nothing(studio: Studio) -> None:
    one = await price(studio)
    studio.declare(shots(1), budget=f"budget: {{per_month_usd: {one}}}\n")
    plan = await studio.plan()

    async def intend() -> None:
        request = plan.steps[0].request
        await studio.ledger.submissions.intend(
            fingerprint="0b" * 32,
            attempt=1,
            model=request.model,
            endpoint=request.endpoint,
            pipeline="coast",
            step="of-another-worker",
            run_id="20261121T000000Z-0000",
            usd=one,
            deadline_seconds=60,
        )

    def beside(run: Run) -> Run:
        storage: Any = AnotherWorkerFirst(run.storage, intend)
        return replace(run, ledger=Ledger(storage, clock=run.timing.now))

    error = await studio.render(plan, before=beside)
    assert isinstance(error, OverBudgetError)
    assert studio.krea.counts["post"] == 0
    (submission,) = await studio.ledger.submissions.of(plan.steps[0].fingerprint)
    assert submission.settled is not None
    assert submission.settled.outcome == "unsent"
    assert studio.run.budget.spent == 0


async def test_two_runs_at_once_never_go_over_the_budget_of_a_month_together(studio: Studio) -> None:
    one = await price(studio)
    studio.declare(shots(6), budget=f"budget: {{per_month_usd: {one * 3}}}\n")
    plans = [await studio.plan(fresh=True), await studio.plan()]
    await asyncio.gather(*(studio.render(plan) for plan in plans))
    spending = await studio.ledger.spending.on([studio.clock().date()])
    assert spending.totals.usd <= one * 3
    assert len(studio.krea.billed) <= 3


async def test_unknown_prices_block_where_the_pipeline_says_so(studio: Studio) -> None:
    studio.declare(UNPRICED, pipeline="unknown_price: block")
    step: Step = (await studio.plan()).steps[0]
    assert step.request.price.usd is None, "the catalogue learned this price: choose another model for this test"
    error = await studio.render()
    assert isinstance(error, UnknownPriceError)
    assert "alibaba/qwen-image-3" in error.message
    assert studio.krea.counts["post"] == 0


@pytest.mark.parametrize("rule", ["allow", "warn"])
async def test_unknown_prices_are_paid_where_the_pipeline_allows_them_and_never_count_as_0(studio: Studio, rule: str) -> None:
    studio.declare(UNPRICED, pipeline=f"unknown_price: {rule}")
    assert await studio.render() is None
    record = studio.run.manifest.shot("still").record
    assert record.usd is None
    assert record.attempts[0].usd is None
    assert (await studio.ledger.spending.on([studio.clock().date()])).totals.unpriced == 1


async def test_what_variants_share_is_billed_once_on_the_terminal_too(studio: Studio) -> None:
    studio.declare(ONE, pipeline="matrix: {language: [en, de]}")
    assert await studio.render() is None
    assert (studio.run.progress.money().billed, studio.run.progress.money().set_aside) == (await price(studio), Decimal(0))
    assert studio.run.progress.money().billed == studio.run.manifest.manifest().cost.billed_usd


@pytest.mark.parametrize("hours", [0, 9], ids=["before it was due", "behind that"])
async def test_a_run_that_began_before_it_was_due_remembers_what_it_has_spent(studio: Studio, hours: int) -> None:
    studio.declare(shots(3))
    one = await price(studio)
    studio.declare(shots(3), pipeline=f"budget_usd: {2 * one}")
    plan = await studio.plan(run_id=f"{studio.clock() + timedelta(hours=6):%Y%m%dT%H%M%SZ}-000000000001")
    assert isinstance(await studio.render(plan), OverBudgetError)
    studio.offset += timedelta(hours=hours)
    assert isinstance(await studio.render(plan), OverBudgetError)
    assert len(studio.krea.billed) == 2


async def test_a_run_whose_clock_was_set_back_remembers_what_it_has_spent(studio: Studio) -> None:
    studio.declare(shots(3))
    one = await price(studio)
    studio.declare(shots(3), pipeline=f"budget_usd: {2 * one}")
    studio.offset = timedelta(hours=30)
    plan = await studio.plan()
    assert isinstance(await studio.render(plan), OverBudgetError)
    studio.offset = timedelta(0)
    assert isinstance(await studio.render(plan), OverBudgetError)
    assert len(studio.krea.billed) == 2
