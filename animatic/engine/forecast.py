"""Forecasts what the schedules will cost: every run of the coming days is planned as it would be, one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from animatic.catalog import Catalog
from animatic.engine.estimate import estimate
from animatic.engine.further import Retakable, retakable
from animatic.engine.locks import locks_of
from animatic.engine.plan_run import Planner, PlanOptions
from animatic.ledger import Ledger
from animatic.ledger.days import days_so_far
from animatic.plan import Further, Plan, destination_of, new_run_id
from animatic.plan.model import LockedTake
from animatic.spec import Declaration, PipelineSpec
from animatic.spec.model import ScheduleSpec
from animatic.spec.occurrences import due, rule_text

ZERO = Decimal(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class DueRun:
    """One run that a schedule will start.

    ``usd`` is what it pays if nothing changes, ``anew_usd`` if all of it is made anew; ``worst_case_usd`` is the first with whatever the
    checks of its takes may add.
    """

    pipeline: str
    destination: str
    schedule: str
    """Its slug."""
    rule: str
    profile: str | None
    at: datetime
    usd: Decimal
    worst_case_usd: Decimal
    anew_usd: Decimal
    unpriced: int
    """Takes without a known price among those that it makes."""
    budget_usd: Decimal | None


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetOutlook:
    """A budget, and the most that would be spent of it if nothing changes: by one run, on one day or in one month (UTC), until when."""

    what: str
    limit: Decimal
    usd: Decimal
    at: datetime

    @property
    def exceeded(self) -> bool:
        """Whether it would not hold."""
        return self.usd > self.limit


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """All runs that are due, by time, and what they would leave of the budgets if nothing changes."""

    runs: tuple[DueRun, ...]
    budgets: tuple[BudgetOutlook, ...]

    @property
    def exceeded(self) -> tuple[BudgetOutlook, ...]:
        """The budgets that would not hold."""
        return tuple(budget for budget in self.budgets if budget.exceeded)


@dataclass(kw_only=True, slots=True)
class _Outlook:
    """What a plan of a schedule means: prices by fingerprint, and which of them are of this run alone and never reused."""

    prices: Mapping[str, Decimal | None]
    volatile: frozenset[str]
    had: frozenset[str]
    anew_usd: Decimal
    retakable: tuple[Retakable, ...]
    """The shots whose checks may ask for a further take."""
    due: Further
    """What the checks of takes may add to a run now: those that there are may wait for a further one, too."""


@dataclass(kw_only=True, slots=True)
class _Pipeline:
    """The plans of one pipeline's schedules. Plans of different days are built only where they differ."""

    declaration: Declaration
    spec: PipelineSpec
    catalog: Catalog
    ledger: Ledger
    selected: Mapping[str, int]
    locked: Mapping[str | None, Mapping[str, LockedTake]]
    """The locked takes by profile, and by step key."""
    outlooks: dict[tuple[str, date | None], _Outlook] = field(default_factory=dict)

    def plan(self, schedule: ScheduleSpec, at: datetime) -> Plan:
        options = PlanOptions(run_id=new_run_id(at), due=at, profile=schedule.profile)
        planner = Planner(
            declaration=self.declaration, spec=self.spec, params=schedule.params, catalog=self.catalog, options=options, started=at
        )
        return planner.plan(current_take=lambda base: self.selected.get(base, 1), locked=self.locked[schedule.profile])

    async def outlook(self, schedule: ScheduleSpec, at: datetime, days: Sequence[datetime]) -> _Outlook:
        """Return what a run at that moment means; ``days`` is one moment of each day on which the schedule is due."""
        known = self.outlooks.get((schedule.slug, None)) or self.outlooks.get((schedule.slug, at.date()))
        if known is not None:
            return known
        plan, again = self.plan(schedule, at), self.plan(schedule, at)
        other_day = next((day for day in days if day.date() != at.date()), None)
        every_day = other_day is None or _stable(plan, again) == _stable(plan, self.plan(schedule, other_day))
        self.outlooks[schedule.slug, None if every_day else at.date()] = found = await self._look(plan, again)
        return found

    async def _look(self, plan: Plan, again: Plan) -> _Outlook:
        stable = _stable(plan, again)
        prices = {step.fingerprint: step.request.price.usd for step in plan.steps if step.locked is None}
        found = await estimate(plan, self.ledger)
        decisions = found.decisions
        waiting = {step.fingerprint for step in plan.steps if decisions[step.key].action == "run"}
        return _Outlook(
            prices=prices,
            volatile=frozenset(prices.keys() - stable),
            had=frozenset(prices.keys() - waiting),
            anew_usd=plan.estimated_usd,
            retakable=retakable(plan),
            due=found.further,
        )


def _stable(one: Plan, other: Plan) -> frozenset[str]:
    """Return the fingerprints that two plans share."""
    return frozenset(step.fingerprint for step in one.steps) & frozenset(step.fingerprint for step in other.steps)


async def forecast(
    declaration: Declaration, catalog: Catalog, ledgers: Mapping[str, Ledger], *, days: int, now: datetime, deliver: str | None = None
) -> Forecast:
    """Plan every run that is due in the coming days. ``ledgers`` are those of the destinations, by address.

    Raises DeclarationError, UsageError, StorageError.
    """
    runs: list[DueRun] = []
    for spec in declaration.pipelines.values():
        ledger = ledgers[destination_of(spec, deliver)]
        active = [schedule for schedule in spec.schedules if schedule.active]
        if not active:
            continue
        pipeline = _Pipeline(
            declaration=declaration,
            spec=spec,
            catalog=catalog,
            ledger=ledger,
            selected=await ledger.selections.all(),
            locked={profile: await locks_of(ledger, spec.name, profile) for profile in {schedule.profile for schedule in active}},
        )
        moments = {schedule.slug: due(schedule, now, now + timedelta(days=days)) for schedule in active}
        runs += await _runs(pipeline, active, moments, destination_of(spec, deliver))
    runs.sort(key=lambda run: run.at)
    return Forecast(runs=tuple(runs), budgets=tuple(await _budgets(declaration, runs, ledgers, now)))


async def _runs(
    pipeline: _Pipeline, schedules: Sequence[ScheduleSpec], moments: Mapping[str, Sequence[datetime]], destination: str
) -> list[DueRun]:
    """Walk through the runs of one pipeline in order: what one makes, the next has."""
    by_slug = {schedule.slug: schedule for schedule in schedules}
    made: set[str] = set()
    found: list[DueRun] = []
    for at, slug in sorted((at, slug) for slug, times in moments.items() for at in times):
        schedule = by_slug[slug]
        view = await pipeline.outlook(schedule, at, moments[slug])
        paid = {
            fingerprint: usd
            for fingerprint, usd in view.prices.items()
            if schedule.fresh or fingerprint in view.volatile or (fingerprint not in made and fingerprint not in view.had)
        }
        further = view.due.usd if not schedule.fresh and made.isdisjoint(view.prices) else _further(view, paid)
        made |= view.prices.keys() - view.volatile
        usd = sum((usd for usd in paid.values() if usd is not None), ZERO)
        found.append(
            DueRun(
                pipeline=pipeline.spec.name,
                destination=destination,
                schedule=slug,
                rule=rule_text(schedule),
                profile=schedule.profile,
                at=at,
                usd=usd,
                worst_case_usd=usd + further,
                anew_usd=view.anew_usd,
                unpriced=sum(usd is None for usd in paid.values()),
                budget_usd=pipeline.spec.budget_usd,
            )
        )
    return found


def _further(view: _Outlook, paid: Mapping[str, Decimal | None]) -> Decimal:
    """Return what the checks of the takes that a run pays for may add: one more of each shot, and what is there and hangs on it made anew.

    A shot that has its takes by then is taken to have passed.
    """
    asked = [shot for shot in view.retakable if not shot.fingerprints - paid.keys()]
    anew = {fingerprint: usd for shot in asked for fingerprint, usd in shot.below.items() if fingerprint not in paid}
    return sum((usd for usd in (*(shot.usd for shot in asked), *anew.values()) if usd is not None), ZERO)


async def _budgets(declaration: Declaration, runs: Sequence[DueRun], ledgers: Mapping[str, Ledger], now: datetime) -> list[BudgetOutlook]:
    """Return every budget of what is due, each with its dearest run, day or month."""
    found: dict[tuple[str, ...], BudgetOutlook] = {}
    spent = await _spent(ledgers, now)
    for run in runs:
        spec = declaration.pipelines[run.pipeline]
        if run.budget_usd is not None:
            _note(found, (run.pipeline,), BudgetOutlook(what=f"a run of {run.pipeline}", limit=run.budget_usd, usd=run.usd, at=run.at))
        for period, limit in (("day", spec.per_day_usd), ("month", spec.per_month_usd)):
            key = (run.destination, period, f"{run.at.astimezone(UTC):{_PERIODS[period]}}")
            spent[key] = spent.get(key, ZERO) + run.usd
            if limit is not None:
                _note(
                    found, (run.destination, period, str(limit)), BudgetOutlook(what=f"a {period}", limit=limit, usd=spent[key], at=run.at)
                )
    return list(found.values())


async def _spent(ledgers: Mapping[str, Ledger], now: datetime) -> dict[tuple[str, str, str], Decimal]:
    """Return what this day and this month have cost so far, by destination."""
    today = now.astimezone(UTC).date()
    spent: dict[tuple[str, str, str], Decimal] = {}
    for destination, ledger in ledgers.items():
        costs = (await ledger.spending.on(days_so_far(today.replace(day=1), now))).costs
        for period, form in _PERIODS.items():
            # What a clock that is ahead has entered for tomorrow was spent by now.
            known = (cost.usd or ZERO for cost in costs if f"{min(cost.day, today):{form}}" == f"{today:{form}}")
            spent[destination, period, f"{today:{form}}"] = sum(known, ZERO)
    return spent


def _note(found: dict[tuple[str, ...], BudgetOutlook], key: tuple[str, ...], outlook: BudgetOutlook) -> None:
    """Keep the dearest of each; of equal ones the first."""
    if key not in found or outlook.usd > found[key].usd:
        found[key] = outlook


_PERIODS = {"day": "%Y-%m-%d", "month": "%Y-%m"}
"""How the day and the month of a moment are told apart."""
