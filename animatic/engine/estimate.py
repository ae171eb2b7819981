"""Estimates what a plan would do at its destination, without changing anything: which takes it reuses, resumes, or pays for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

from animatic.columns import few
from animatic.cut.model import Cut
from animatic.engine.budget import Budget, budget_days, check_prices
from animatic.engine.further import further_of, further_unread
from animatic.engine.history import STORAGE_OUTAGE_SECONDS, open_destination
from animatic.engine.reel_prepare import prepare
from animatic.engine.timing import utc_now
from animatic.errors import OverBudgetError
from animatic.ledger import Ledger, Settled, Submission, Take
from animatic.ledger.records import each
from animatic.money import dollars
from animatic.plan import NOTHING_FURTHER, Further, Limit, Plan, Step, shot_of

Action = Literal["run", "reuse", "resume"]
NEW = "no take yet"
MAX_NAMED = 4
"""Shots that a reason names."""
LISTING_THRESHOLD = 500
"""From so many takes on, one listing of the ledger tells sooner which were ever begun than asking for each of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What will happen to a step, and why."""

    action: Action
    reason: str
    changes: tuple[str, ...] = ()
    """What changed since an earlier run, each ``prompt 'Dawn' -> 'Noon'``; see `animatic.engine.changes`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReelEstimate:
    """What becomes of one reel: ``reuse`` where the same was made before, ``make`` where only the cut has changed, ``wait`` for takes."""

    name: str
    action: Literal["reuse", "make", "wait"]
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """Decisions by step key, and the money that they mean."""

    decisions: Mapping[str, Decision]
    to_pay: tuple[Step, ...]
    """Steps that will be submitted, each fingerprint once."""
    reels: tuple[ReelEstimate, ...] = ()
    """What becomes of each cut of the plan; empty where the destination was not looked at."""
    limits: tuple[Limit, ...] = ()
    """The budgets of the run, the day and the month, with what is spent of each."""
    further: Further = NOTHING_FURTHER
    """What the checks of takes may add: it is paid for as far as the budgets hold it beside all the rest."""

    @property
    def to_pay_usd(self) -> Decimal:
        """Sum of the known prices of what will be submitted."""
        return sum((step.request.price.usd or Decimal(0) for step in self.to_pay), Decimal(0))

    @property
    def unpriced(self) -> int:
        """How many of those have no known price."""
        return sum(step.request.price.usd is None for step in self.to_pay)


def open_ledger(deliver: str, *, simulated: bool, outage: float = STORAGE_OUTAGE_SECONDS) -> Ledger:
    """Open the ledger of a destination. ``outage``: seconds for which S3 may be silent."""
    return Ledger(open_destination(deliver, simulated=simulated, outage=outage), clock=utc_now)


async def estimate(
    plan: Plan, ledger: Ledger, *, now: Callable[[], datetime] = utc_now, resumed: bool = False, kept: Collection[str] = ()
) -> Estimate:
    """Decide for every step, and look at the budgets.

    ``resumed``: the run has begun before, and what it spent counts. ``kept``: fingerprints whose steps keep a take that is recorded for
    them only when the run begins.

    Raises StorageError when the destination cannot be read.
    """
    begun = {step.fingerprint for step in plan.steps}
    if len(begun) >= LISTING_THRESHOLD:
        begun &= await ledger.submissions.fingerprints()
    takes = await ledger.takes.get_many(sorted(begun))
    unmade = sorted(begun - takes.keys())
    submissions = dict(zip(unmade, await each(ledger.submissions.of, unmade), strict=True))
    decisions: dict[str, Decision] = {}
    to_pay: list[Step] = []
    seen: dict[str, str] = {}
    prints = {step.key: step.fingerprint for step in plan.steps}
    for step in plan.steps:
        if step.fingerprint in kept and step.fingerprint not in takes:
            decision = Decision(action="reuse", reason="kept as it is")
        elif step.locked is not None and step.fingerprint in takes:
            decision = Decision(action="reuse", reason="kept beside the locked take" if step.further else step.locked.reason)
        elif step.fingerprint in takes:
            decision = Decision(action="reuse", reason=f"unchanged since run {takes[step.fingerprint].run_id}")
        elif step.fingerprint in seen:
            decision = Decision(action="reuse", reason=f"the same request as {seen[step.fingerprint]}")
        else:
            anew = [shot_of(key) for key in step.depends_on if prints[key] not in takes and prints[key] not in kept]
            decision = _decide(submissions.get(step.fingerprint, ()), anew)
        decisions[step.key] = decision
        if decision.action == "run":
            to_pay.append(step)
        seen.setdefault(step.fingerprint, step.key)
    further, due = await further_of(plan, takes, ledger)
    for step in plan.steps:
        if step.base in due and not step.further:
            decisions[step.key] = replace(decisions[step.key], reason="its checks found something: one further take is due")
    reels = tuple([await _reel(cut, plan, takes, ledger) for cut in plan.cuts])
    limits = await _limits(plan, ledger, now, resumed=resumed)
    return Estimate(decisions=decisions, to_pay=tuple(to_pay), reels=reels, limits=limits, further=further)


async def _reel(cut: Cut, plan: Plan, takes: Mapping[str, Take], ledger: Ledger) -> ReelEstimate:
    """Say whether a reel would be made. Whatever becomes of it, nothing of it is paid for."""
    steps = {step.key: step for step in plan.steps}
    name = cut.file("")
    missing = [shot_of(key) for key in cut.needs if steps[key].fingerprint not in takes]
    if missing:
        waited_for = list(dict.fromkeys(missing))
        are = "is" if len(waited_for) == 1 else "are"
        return ReelEstimate(name=name, action="wait", reason=f"made when {few(waited_for, MAX_NAMED)} {are} there")
    prepared = prepare(cut, {key: takes[steps[key].fingerprint] for key in cut.needs}, steps)
    made = await ledger.reels.get(prepared.fingerprint)
    if made is not None:
        return ReelEstimate(name=name, action="reuse", reason=f"unchanged since run {made.run_id}")
    return ReelEstimate(name=name, action="make", reason="only the reel is made: all takes are there, nothing is paid")


def estimate_unread(plan: Plan) -> Estimate:
    """Return what a plan would do where its destination cannot be read: all of it is made anew, and nothing is known to be spent."""
    limits: tuple[tuple[Literal["run", "day", "month"], Decimal | None], ...] = (
        ("run", plan.budget_usd),
        ("day", plan.per_day_usd),
        ("month", plan.per_month_usd),
    )
    return Estimate(
        decisions={},
        to_pay=tuple({step.fingerprint: step for step in plan.steps}.values()),
        limits=tuple(Limit(period=period, usd=usd) for period, usd in limits if usd is not None),
        further=further_unread(plan),
    )


def _decide(submissions: tuple[Submission, ...], anew: Sequence[str]) -> Decision:
    """Decide for a step without a take, by its last submission. ``anew``: the shots that it starts from and that have none either."""
    if not submissions:
        return Decision(action="run", reason=f"starts from {', '.join(anew)}, made anew" if anew else NEW)
    if not submissions[-1].known:
        return Decision(action="resume", reason="an earlier submission is in doubt and is resolved first")
    for submission in reversed(submissions):
        if submission.submitted is not None and submission.waits_for_job:
            return Decision(action="resume", reason=_why_resumed(submission, submission.submitted.job_id))
    return Decision(action="run", reason=_why_again(submissions[-1].ending))


def _why_again(settled: Settled | None) -> str:
    """Return how the last submission ended, of a step that is submitted again."""
    match settled.outcome if settled else None:
        case "cancelled":
            return "its job was cancelled"
        case "timed_out":
            return "its job took too long and was cancelled"
        case "unsent" | "never_arrived" | "withdrawn":
            return "an earlier submission did not reach Krea"
        case "completed" | "empty":
            return "the result of its job was given up"
        case _:
            said = settled.error.message if settled and settled.error else ""
            return f"failed before: {said}" if said else "failed before"


def _why_resumed(submission: Submission, job_id: str) -> str:
    match submission.ending.outcome if submission.ending else None:
        case _ if submission.unclear:
            return f"job {job_id} was paid for, and its result was not understood: it is looked at again"
        case "completed":
            return f"job {job_id} was paid for and not yet delivered"
        case _:
            return f"waits for job {job_id}, which may still run and be billed"


def check_money(plan: Plan, estimated: Estimate) -> None:
    """Refuse to start what cannot be paid for. Raises OverBudgetError or UnknownPriceError."""
    check_prices(plan, (step.request for step in estimated.to_pay))
    price = estimated.to_pay_usd
    for limit in estimated.limits:
        if not price or limit.spent + price <= limit.usd:
            continue
        if limit.period == "run":
            spent = f", and {dollars(limit.spent)} of it are spent" if limit.spent else ""
            raise OverBudgetError(
                f"{plan.pipeline!r} would cost {dollars(price)}, over its budget of {dollars(limit.usd)}{spent}",
                hint=f"raise `budget_usd`, shorten shots, or leave some out with --only; `animatic plan {plan.pipeline}` shows each price",
            )
        raise OverBudgetError(
            f"{plan.pipeline!r} would cost {dollars(price)}, over the budget of {dollars(limit.usd)} per {limit.period}: "
            f"{dollars(limit.spent)} are spent at this destination",
            hint=f"raise `budget.per_{limit.period}_usd`, wait for the next {limit.period}, or leave shots out with --only; "
            "`animatic spend` shows what was paid for",
        )


async def _limits(plan: Plan, ledger: Ledger, now: Callable[[], datetime], *, resumed: bool) -> tuple[Limit, ...]:
    """Return the budgets that a run has to keep, and what of them is spent."""
    found: list[Limit] = []
    if plan.budget_usd is not None:
        budget = Budget(plan=plan, ledger=ledger, clock=now)
        if resumed:
            await budget.recall()
        found.append(Limit(period="run", usd=plan.budget_usd, spent=budget.spent))
    days = budget_days(now())
    if plan.per_day_usd is not None:
        found.append(Limit(period="day", usd=plan.per_day_usd, spent=(await ledger.spending.on(days["day"])).totals.usd))
    if plan.per_month_usd is not None:
        found.append(Limit(period="month", usd=plan.per_month_usd, spent=(await ledger.spending.on(days["month"])).totals.usd))
    return tuple(found)
