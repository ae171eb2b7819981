"""Money before it is spent: what a run and a destination may still pay for. Reserve before a POST, release when nothing was bought.

The run's own budget is kept in memory and begins with what the ledger says this run has spent before (a resumed run). The budgets per
day and month are read from the ledger, which every worker of the destination writes its reservations to first: of two workers that reach the
limit together both may stand back, but never both go over it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from animatic.errors import OverBudgetError, UnknownPriceError
from animatic.ledger import Ledger, Totals
from animatic.plan import Plan, Request

ZERO = Decimal(0)
NOTHING_YET = Totals(submissions=0, usd=ZERO, open_usd=ZERO, unpriced=0)


@dataclass(kw_only=True, slots=True)
class Budget:
    """The limits of one run, and what it has reserved."""

    plan: Plan
    ledger: Ledger
    clock: Callable[[], datetime]
    spent: Decimal = ZERO
    """Reserved or paid by this run, unknown prices left out."""
    reserved: dict[str, Decimal] = field(default_factory=dict)

    async def recall(self) -> None:
        """Count what an earlier process of this same run has reserved or paid."""
        began = _day_of_run(self.plan.run_id) or self.clock().date()
        spending = await self.ledger.spending(_days(began, self.clock().date()))
        self.spent = spending.by(lambda cost: cost.line.run_id).get(self.plan.run_id, NOTHING_YET).usd

    def check_prices(self, requests: tuple[Request, ...]) -> None:
        """Refuse unknown prices where the pipeline blocks them. Raises UnknownPriceError naming them all."""
        unknown = sorted({request.model for request in requests if request.price.usd is None})
        if unknown and self.plan.unknown_price == "block":
            raise UnknownPriceError(
                f"the price of {', '.join(unknown)} is not known, and {self.plan.pipeline!r} blocks unknown prices",
                hint="set `unknown_price: allow` in the pipeline (the budget then counts only what is known), or choose a model with a price",
            )

    async def reserve(self, key: str, request: Request) -> None:
        """Set the price of one submission aside. Raises OverBudgetError; then nothing was reserved."""
        self.check_prices((request,))
        price = request.price.usd or ZERO
        limit = self.plan.budget_usd
        if limit is not None and self.spent + price > limit:
            raise OverBudgetError(
                f"shot {key!r} costs {price} USD, but {self.spent} of the {limit} USD of this run are spent",
                hint=f"raise `budget_usd` of {self.plan.pipeline!r}, or leave shots out with --only",
            )
        await self._check_period(key, price)
        self.spent += price
        self.reserved[key] = price

    def release(self, key: str) -> None:
        """Give back what was set aside for a submission that bought nothing."""
        self.spent -= self.reserved.pop(key, ZERO)

    async def _check_period(self, key: str, price: Decimal) -> None:
        today = self.clock().date()
        limits = (("day", self.plan.per_day_usd, (today,)), ("month", self.plan.per_month_usd, _days(today.replace(day=1), today)))
        for name, limit, days in limits:
            if limit is None:
                continue
            spending = await self.ledger.spending(days)
            if spending.totals.usd + price > limit:
                raise OverBudgetError(
                    f"shot {key!r} costs {price} USD, but {spending.totals.usd} of the {limit} USD of this {name} are spent at this destination",
                    hint=f"raise `budget.per_{name}_usd`, or wait for the next {name}; `animatic spend` shows what was paid for",
                )


def _days(first: date, last: date) -> tuple[date, ...]:
    return tuple(first + timedelta(days=offset) for offset in range((last - first).days + 1))


def _day_of_run(run_id: str) -> date | None:
    try:
        return datetime.strptime(run_id[:8], "%Y%m%d").date()  # noqa: DTZ007 (run ids are in UTC)
    except ValueError:
        return None
