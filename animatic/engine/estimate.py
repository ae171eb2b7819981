"""Estimates what a plan would do at its destination, without changing anything: which takes it reuses, resumes, or pays for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from animatic.engine.budget import check_prices
from animatic.engine.history import STORAGE_OUTAGE_SECONDS, open_destination
from animatic.engine.timing import utc_now
from animatic.errors import OverBudgetError
from animatic.ledger import Ledger, Settled, Submission
from animatic.ledger.records import each
from animatic.plan import Plan, Step

Action = Literal["run", "reuse", "resume"]
LISTING_THRESHOLD = 500
"""From so many takes on, one listing of the ledger tells sooner which were ever begun than asking for each of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What will happen to a step, and why."""

    action: Action
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """Decisions by step key, and the money that they mean."""

    decisions: Mapping[str, Decision]
    to_pay: tuple[Step, ...]
    """Steps that will be submitted, each fingerprint once."""

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


async def estimate(plan: Plan, ledger: Ledger) -> Estimate:
    """Decide for every step. Raises StorageError when the destination cannot be read."""
    begun = {step.fingerprint for step in plan.steps}
    if len(begun) >= LISTING_THRESHOLD:
        begun &= await ledger.submissions.fingerprints()
    takes = await ledger.takes.get_many(sorted(begun))
    unmade = sorted(begun - takes.keys())
    submissions = dict(zip(unmade, await each(ledger.submissions.of, unmade), strict=True))
    decisions: dict[str, Decision] = {}
    to_pay: list[Step] = []
    seen: dict[str, str] = {}
    for step in plan.steps:
        if step.fingerprint in takes:
            decision = Decision(action="reuse", reason=f"unchanged since run {takes[step.fingerprint].run_id}")
        elif step.fingerprint in seen:
            decision = Decision(action="reuse", reason=f"the same request as {seen[step.fingerprint]}")
        else:
            decision = _decide(step, submissions.get(step.fingerprint, ()), decisions)
        decisions[step.key] = decision
        if decision.action == "run":
            to_pay.append(step)
        seen.setdefault(step.fingerprint, step.key)
    return Estimate(decisions=decisions, to_pay=tuple(to_pay))


def _decide(step: Step, submissions: tuple[Submission, ...], decisions: Mapping[str, Decision]) -> Decision:
    """Decide for a step without a take, by its last submission."""
    if not submissions:
        return Decision(action="run", reason=_why_new(step, decisions))
    if not submissions[-1].known:
        return Decision(action="resume", reason="an earlier submission is in doubt and is resolved first")
    for submission in reversed(submissions):
        if submission.submitted is not None and submission.waits_for_job:
            return Decision(action="resume", reason=_why_resumed(submission.submitted.job_id, submission.ending))
    return Decision(action="run", reason="failed before")


def _why_resumed(job_id: str, settled: Settled | None) -> str:
    match settled.outcome if settled else None:
        case "completed":
            return f"job {job_id} was paid for and not yet delivered"
        case "empty":
            return f"job {job_id} was paid for, and its result was not understood: it is looked at again"
        case _:
            return f"waits for job {job_id}, which was paid for and may still run"


def check_money(plan: Plan, estimated: Estimate) -> None:
    """Refuse to start what cannot be paid for. Raises OverBudgetError or UnknownPriceError."""
    check_prices(plan, (step.request for step in estimated.to_pay))
    if plan.budget_usd is not None and estimated.to_pay_usd > plan.budget_usd:
        raise OverBudgetError(
            f"{plan.pipeline!r} would cost {estimated.to_pay_usd.normalize():f} USD, "
            f"over its budget of {plan.budget_usd.normalize():f} USD",
            hint="raise `budget_usd`, shorten shots, or leave some out with --only; `animatic plan` shows each price",
        )


def _why_new(step: Step, decisions: Mapping[str, Decision]) -> str:
    upstream = [key for key in step.depends_on if decisions[key].action != "reuse"]
    return f"new, and so is what it starts from ({', '.join(upstream)})" if upstream else "no take of this request yet"
