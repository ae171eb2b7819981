"""Reserves money before a POST and releases it when nothing was bought, within the budgets of run, day and month.

The run's own budget is kept in memory and begins with what the ledger says this run has spent before (a resumed run). The budgets per
day and month are read from the ledger twice: before the intent, and again once the intent, which every worker of the destination writes
before it sends, is there. Of two workers that reach the limit together both may stand back, but never both go over it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal

from animatic.engine.windows import JOURNAL_MARGIN
from animatic.errors import OverBudgetError, UnknownPriceError
from animatic.ledger import Ledger, Submission
from animatic.ledger.days import CLOCKS_AHEAD, days_of, days_so_far
from animatic.money import dollars
from animatic.plan import Plan, Request, Step

ZERO = Decimal(0)


def check_prices(plan: Plan, requests: Iterable[Request]) -> None:
    """Refuse unknown prices where the pipeline blocks them. Raises UnknownPriceError naming them all."""
    unknown = sorted({request.model for request in requests if request.price.usd is None})
    if unknown and plan.unknown_price == "block":
        raise UnknownPriceError(
            f"the price of {', '.join(unknown)} is not known, and {plan.pipeline!r} blocks unknown prices",
            hint="set `unknown_price: allow` in the pipeline (the budget then counts only what is known), or choose a model with a price",
        )


@dataclass(kw_only=True, slots=True)
class Budget:
    """The limits of one run, and what it has reserved."""

    plan: Plan
    ledger: Ledger
    clock: Callable[[], datetime]
    held: dict[tuple[str, int], Decimal] = field(default_factory=dict)
    """Reserved or paid by this run, by fingerprint and attempt; unknown prices count as nothing."""
    recalled: frozenset[tuple[str, int]] = frozenset()
    """Those of them that an earlier process of the run had reserved or paid: the ledger has them."""
    began: datetime | None = None
    """When the first process of the run began; None before ``recall``."""
    granted: dict[str, Decimal] = field(default_factory=dict)
    """Prices of takes beyond what was planned that may be made, by fingerprint."""

    @property
    def is_shared(self) -> bool:
        """Whether what others spend at the destination counts as well: then look, intent and second look belong together."""
        return self.plan.per_day_usd is not None or self.plan.per_month_usd is not None

    @property
    def spent(self) -> Decimal:
        """What this run has reserved or paid."""
        return sum(self.held.values(), ZERO)

    async def recall(self) -> None:
        """Count what an earlier process of this same run has reserved or paid."""
        self.began = await self.ledger.runs.began(self.plan.run_id) or self.clock()
        since, until = self._span()
        if not await self.ledger.spending.of_run(self.plan.run_id, since, until):
            return  # it is the first one: the submissions of other runs need not be looked at
        spending = await self.ledger.spending.on(days_of(since.date(), until.date()))
        ours = (cost for cost in spending.costs if cost.line.run_id == self.plan.run_id)
        self.held = {(cost.line.fingerprint, cost.line.attempt): cost.usd or ZERO for cost in ours}
        self.recalled = frozenset(self.held)

    def check_prices(self, requests: tuple[Request, ...]) -> None:
        """Do the same for requests of this run."""
        check_prices(self.plan, requests)

    async def grant(self, step: Step, due: Mapping[str, Decimal]) -> None:
        """Allow a take beyond what was planned, if the budgets hold it beside what is ``due`` for the rest of the run (by fingerprint).

        Raises OverBudgetError: then the rest is what the money is for.
        """
        price, periods = step.request.price.usd or ZERO, self._periods()
        read = [(name, limit, await self.ledger.spending.on(days)) for name, limit, days in periods]
        # From here on nothing is awaited: of two that ask together each counts the other.
        begun = {fingerprint for fingerprint, _ in self.held}
        wanted = {fingerprint: usd for fingerprint, usd in {**due, **self.granted}.items() if fingerprint not in begun}
        on_the_way = {fingerprint: usd for (fingerprint, number), usd in self.held.items() if (fingerprint, number) not in self.recalled}
        limits = [] if self.plan.budget_usd is None else [("run", self.plan.budget_usd, self.spent, begun)]
        limits += [(name, limit, found.totals.usd, {cost.line.fingerprint for cost in found.costs}) for name, limit, found in read]
        for name, limit, spent, counted in limits:
            rest = sum((usd for fingerprint, usd in {**wanted, **on_the_way}.items() if fingerprint not in counted), ZERO)
            if spent + rest + price > limit:
                needed = f", and {dollars(rest)} are needed for the rest of it" if rest else ""
                raise OverBudgetError(f"it costs {dollars(price)}; {dollars(spent)} of the {dollars(limit)} per {name} are spent{needed}")
        self.granted[step.fingerprint] = price

    async def reserve(self, step: Step, attempt: int, request: Request) -> None:
        """Set the price of one submission aside. Raises UnknownPriceError, OverBudgetError; then nothing was reserved."""
        self.check_prices((request,))
        price = request.price.usd or ZERO
        limit, spent = self.plan.budget_usd, self.spent
        if limit is not None and spent + price > limit:
            raise OverBudgetError(
                f"shot {step.key!r} costs {dollars(price)}; {dollars(spent)} of the {dollars(limit)} of this run are spent or set aside",
                hint=f"raise `budget_usd` of {self.plan.pipeline!r}, or leave shots out with --only",
            )
        self.held[step.fingerprint, attempt] = price  # before anything is awaited: others reserve meanwhile
        try:
            await self._check_periods(step, price)
        except BaseException:
            self.release(step.fingerprint, attempt)
            raise

    async def confirm(self, step: Step) -> None:
        """Look again, now that the intent counts as spent. Raises OverBudgetError where another worker was quicker."""
        await self._check_periods(step, ZERO)
        await self._check_other_processes(step)

    async def _check_other_processes(self, step: Step) -> None:
        """Count what other processes of this same run have submitted meanwhile: one that lives, and its `resume`."""
        limit = self.plan.budget_usd
        if limit is None:
            return
        # What an earlier process gave up counts as nothing here: another one may have found its job since.
        counted = {submission for submission, usd in self.held.items() if usd}
        others = await self.ledger.spending.of_run(self.plan.run_id, *self._span(), counted)
        spent = self.spent + sum((cost.usd for cost in others if cost.usd is not None), ZERO)
        if spent > limit:
            raise OverBudgetError(
                f"shot {step.key!r} would go over the {dollars(limit)} of this run: "
                f"with what another process of it has submitted, {dollars(spent)}",
                hint=f"raise `budget_usd` of {self.plan.pipeline!r}, or let the other process end first",
            )

    def _span(self) -> tuple[datetime, datetime]:
        """Return from when to when this run may have submitted, by the clock of any machine of ours (UTC).

        A run of a schedule has its id of the time at which it was due: it may have been begun before that, by hand.
        """
        now = self.clock().astimezone(UTC)
        times = (now, _begin_of_run(self.plan.run_id) or now, (self.began or now).astimezone(UTC))  # a clock may have been set back since
        return min(times) - JOURNAL_MARGIN, max(times) + CLOCKS_AHEAD

    def release(self, fingerprint: str, attempt: int) -> None:
        """Give back what was set aside for a submission that bought nothing; it may be one of an earlier process of this run."""
        self.held.pop((fingerprint, attempt), None)

    def note(self, submission: Submission) -> None:
        """Count a submission of this run that was given back, and was billed after all."""
        intent = submission.intent
        if intent.run_id == self.plan.run_id:
            self.held[intent.fingerprint, intent.attempt] = intent.usd or ZERO

    def _periods(self) -> list[tuple[str, Decimal, tuple[date, ...]]]:
        """Return the budgets per day and month, where there are any: name, limit, the days that count."""
        days = budget_days(self.clock())
        limits = (("day", self.plan.per_day_usd), ("month", self.plan.per_month_usd))
        return [(name, limit, days[name]) for name, limit in limits if limit is not None]

    async def _check_periods(self, step: Step, price: Decimal) -> None:
        for name, limit, days in self._periods():
            spent = (await self.ledger.spending.on(days)).totals.usd
            if spent + price > limit:
                why = (
                    f"costs {dollars(price)}; {dollars(spent)} of the {dollars(limit)} per {name} are spent at this destination"
                    if price
                    else f"would go over the {dollars(limit)} per {name}: with what others have submitted meanwhile, {dollars(spent)}"
                )
                raise OverBudgetError(
                    f"shot {step.key!r} {why}",
                    hint=f"raise `budget.per_{name}_usd`, or wait for the next {name}; `animatic spend` shows what was paid for",
                )


def budget_days(now: datetime) -> dict[str, tuple[date, ...]]:
    """Return the days (UTC) whose submissions count against the budget of today, and against that of this month."""
    today = now.astimezone(UTC).date()
    return {"day": days_so_far(today, now), "month": days_so_far(today.replace(day=1), now)}


def _begin_of_run(run_id: str) -> datetime | None:
    try:
        return datetime.strptime(f"{run_id[:16]}+0000", "%Y%m%dT%H%M%SZ%z")
    except ValueError:
        return None
