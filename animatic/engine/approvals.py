"""Asks a person before what hangs on a shot is paid for, finds what was said, and records an approval. Nothing here submits anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from animatic.engine.history import OpenDestination, past_runs
from animatic.engine.locks import locks_of
from animatic.engine.plan_run import step_named
from animatic.engine.run import Run
from animatic.errors import ApprovalError, UsageError
from animatic.ledger import Ledger
from animatic.ledger.approvals import Approval, NotOpenError
from animatic.money import dollars
from animatic.plan import Plan, Step, dependents, fingerprint_of, reachable, without_take
from animatic.plan.locking import relocked, unlocking
from animatic.plan.several import repicked

LOOKED_AT = 50
"""Runs of the destinations, the newest first, in which something may wait."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Following:
    """What is made once a shot is approved: the shots, and what of them is known to be paid."""

    shots: tuple[str, ...]
    usd: Decimal
    unpriced: int

    @property
    def text(self) -> str:
        """``approving pays $0.10 (spin)``."""
        if not self.shots:
            return "nothing is to be paid after it"
        unknown = f" and {self.unpriced} without a known price" if self.unpriced else ""
        return f"approving pays {dollars(self.usd)}{unknown} ({', '.join(self.shots)})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A shot that waits for a person, in one run."""

    destination: OpenDestination
    plan: Plan
    step: Step
    asked: Approval
    following: Following


async def approval_of(run: Run, step: Step) -> Approval:
    """Return the approval of the take that counts. Raises ApprovalError where a person has to look first; the question is recorded."""
    offered = tuple(sorted(other.take for other in run.plan.steps if other.base == step.base and other.variant_name == step.variant_name))
    await run.ledger.shot_log.note_subject(run.plan.pipeline, step.key, step.base, run.plan.profile)
    said = await run.ledger.approvals.ask(step.base, take=step.take, offered=offered, run_id=run.plan.run_id, step=step.key)
    if said.kind == "approved" and said.take == step.take:
        return said
    following = await following_of(run.plan, step, run.ledger)
    raise ApprovalError(
        f"shot {step.key!r} waits for approval: {following.text}",
        hint=f"look at it, then `animatic approve {run.plan.run_id} {step.key}`"
        + (" (--take N for another take)" if len(offered) > 1 else "")
        + f" and `animatic resume {run.plan.run_id}`",
    )


async def following_of(plan: Plan, step: Step, ledger: Ledger) -> Following:
    """Return what hangs on a shot and has no take yet."""
    equal = [other.key for other in plan.steps if other.base == step.base]
    below = reachable(equal, dependents({other.key: other.depends_on for other in plan.steps})) - set(equal)
    steps = {other.fingerprint: other for other in plan.steps if other.key in below}
    made = await ledger.takes.get_many(steps)
    due = [other for fingerprint, other in steps.items() if fingerprint not in made]
    return Following(
        shots=tuple(other.key for other in due),
        usd=sum((other.request.price.usd or Decimal(0) for other in due), Decimal(0)),
        unpriced=sum(other.request.price.usd is None for other in due),
    )


async def list_waiting(destinations: tuple[OpenDestination, ...], run_id: str | None = None) -> list[Waiting]:
    """Return what waits for approval now, each shot once, in the newest run that asks for it. Raises StorageError."""
    found: dict[tuple[str, bool, str], Waiting] = {}
    for past in await past_runs(destinations, limit=LOOKED_AT):
        if run_id is not None and not past.plan.run_id.startswith(run_id):
            continue
        ledger = past.destination.ledger
        for step in (step for step in past.plan.shots if step.approve):
            place = (past.destination.deliver, past.destination.simulated, step.base)
            said = await ledger.approvals.current(step.base) if place not in found else None
            if said is not None and said.kind == "asked":
                following = await following_of(past.plan, step, ledger)
                found[place] = Waiting(destination=past.destination, plan=past.plan, step=step, asked=said, following=following)
    return list(found.values())


async def approve(plan: Plan, ledger: Ledger, shot: str, *, take: int | None, by: str, note: str | None) -> Approval:
    """Record a person's approval of a shot's take. Raises UsageError where nothing is asked, or there is no such take; StorageError."""
    step = step_named(plan, shot)
    asked = await ledger.approvals.current(step.base)
    if asked is not None and asked.kind == "asked":
        there = await ledger.takes.get_many(_fingerprints(step, asked).values())
        chosen = asked.take if take is None else take
        if _fingerprints(step, asked).get(chosen) not in there:
            numbers = [str(number) for number, print_ in _fingerprints(step, asked).items() if print_ in there]
            raise UsageError(f"shot {step.key!r} has no take {chosen} to approve", hint=f"delivered takes: {', '.join(numbers) or 'none'}")
        await _refuse_other_than_locked(plan, ledger, step, fingerprint_of(step.base, chosen))
    try:
        said = await ledger.approvals.approve(step.base, take, by=by, note=note)
    except NotOpenError as closed:
        raise _not_open(plan, step, closed.last) from None
    await ledger.selections.select(step.base, said.take, fingerprint_of(step.base, said.take), f"approved by {by}")
    return said


async def _refuse_other_than_locked(plan: Plan, ledger: Ledger, step: Step, chosen: str) -> None:
    lock = (await ledger.locks.of(plan.pipeline, plan.profile)).get(step.key)
    if lock is not None and lock.fingerprint != chosen:
        raise UsageError(
            f"shot {step.key!r} is locked to take {lock.take} by {lock.by}: no other one is picked",
            hint=f"approve take {lock.take}, or unlock it first: {unlocking(plan.pipeline, step.key)}",
        )


async def check_open(plan: Plan, ledger: Ledger, step: Step) -> None:
    """Raise UsageError unless a person is asked about a shot now."""
    said = await ledger.approvals.current(step.base)
    if said is None or said.kind != "asked":
        raise _not_open(plan, step, said)


async def reject(plan: Plan, ledger: Ledger, step: Step, *, by: str, note: str | None) -> Approval:
    """Record that a person wants none of a shot's takes. Raises UsageError where nothing is asked (any more); StorageError."""
    try:
        return await ledger.approvals.reject(step.base, by=by, note=note)
    except NotOpenError as closed:
        raise _not_open(plan, step, closed.last) from None


async def with_approved(plan: Plan, ledger: Ledger) -> Plan:
    """Return the plan of a run that goes on, with the takes that persons have picked or locked instead of its own.

    Raises StorageError, UsageError.
    """
    locked = await _relocked(plan, ledger)
    picks: dict[str, int] = {}
    for step in plan.shots:
        said = await ledger.approvals.current(step.base) if step.approve and step.base not in picks and step.key not in locked else None
        if said is not None and said.kind == "approved" and step.take in said.offered and said.take != step.take:
            picks[step.base] = said.take
    if not picks and not locked:
        return plan
    selected = await ledger.selections.all()
    return repicked(plan, picks, lambda base: selected.get(base, 1), locked)


async def _relocked(plan: Plan, ledger: Ledger) -> dict[str, tuple[Step, ...]]:
    """Return what stands in the place of the shots that are locked now, or were when the plan was made, by step key."""
    locks = await locks_of(ledger, plan.pipeline, plan.profile)
    return {
        step.key: relocked(
            step,
            locks.get(step.key),
            plan.pipeline,
            [other for other in plan.steps if other.further and without_take(other.key) == step.key],
        )
        for step in plan.shots
        if step.key in locks or step.locked is not None
    }


def _fingerprints(step: Step, said: Approval) -> Mapping[int, str]:
    return {number: fingerprint_of(step.base, number) for number in said.offered}


def _not_open(plan: Plan, step: Step, last: Approval | None) -> UsageError:
    if last is None or last.kind == "asked":
        why = "it has no 'approve'" if not step.approve else f"run {plan.run_id} has not come to it"
        return UsageError(f"shot {step.key!r} does not wait for approval: {why}", hint="`animatic review` lists what waits")
    note = f" ({last.note})" if last.note else ""
    return UsageError(
        f"shot {step.key!r} does not wait any more: take {last.take} was {last.kind} by {last.by} at "
        f"{last.at.astimezone():%Y-%m-%d %H:%M}{note}",
        hint=f"go on with `animatic resume {plan.run_id}`; pick another take with `animatic use {plan.pipeline} {step.key} TAKE`",
    )
