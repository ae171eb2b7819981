"""Asks a person before what hangs on a shot is paid for, finds what was said, and records an approval. Nothing here submits anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from animatic.engine.plan_run import step_named
from animatic.engine.run import Run
from animatic.errors import ApprovalError, ShotError, UsageError
from animatic.ledger import Ledger
from animatic.ledger.approvals import BY_HAND, TIME_OUT, Approval, Entered, NotOpenError
from animatic.money import dollars
from animatic.plan import Plan, Step, dependents, fingerprint_of, reachable
from animatic.plan.locking import unlocking


class ApprovalTimeoutError(ShotError):
    """A shot is made, nobody approved it in time, and the run was to stop then."""

    code = "approval_timeout"


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


async def current(ledger: Ledger, base: str) -> Approval | None:
    """Return what counts of a shot's questions and answers; one that nobody has answered in time is answered now, as it was declared."""
    said = await ledger.approvals.lapse(base)
    if said is not None and said.kind == "approved" and said.by == TIME_OUT:
        chosen = await ledger.selections.current(base)
        if chosen is None or chosen.at < said.at:
            await ledger.selections.select(base, said.take, fingerprint_of(base, said.take), f"approved by {TIME_OUT}")
    return said


async def approval_of(run: Run, step: Step) -> Approval:
    """Return the approval of the take that counts; a question is recorded where none was.

    Raises ApprovalError where a person has to look first, ApprovalTimeoutError where nobody did in time.
    """
    await current(run.ledger, step.base)
    offered = tuple(sorted(other.take for other in run.plan.steps if other.base == step.base and other.variant_name == step.variant_name))
    await run.ledger.shot_log.note_subject(run.plan.pipeline, step.key, step.base, run.plan.profile)
    said = await run.ledger.approvals.ask(
        step.base,
        take=step.take,
        offered=offered,
        run_id=run.plan.run_id,
        step=step.key,
        within=step.approve_within,
        on_timeout=step.on_timeout,
    )
    if said.kind == "approved" and said.take == step.take:
        return said
    if said.kind == "lapsed":
        raise ApprovalTimeoutError(
            f"nobody approved it until {moment(said.at)}",
            hint=f"`animatic use {run.plan.pipeline} {step.key} {said.take}` approves it all the same; "
            f"then `animatic resume {run.plan.run_id}`",
        )
    following = await following_of(run.plan, step, run.ledger)
    raise ApprovalError(
        f"shot {step.key!r} waits for approval{deadline(said)}: {following.text}",
        hint=f"look at it, then `animatic approve {run.plan.run_id} {step.key}`"
        + (" (--take N for another take)" if len(offered) > 1 else "")
        + f" and `animatic resume {run.plan.run_id}`",
    )


def deadline(asked: Approval) -> str:
    """Return `` (until 2026-12-01 09:30, then take 1 goes on)``: how long a question stands; empty for one that stands for ever."""
    if asked.until is None:
        return ""
    return f" (until {moment(asked.until)}, then {f'take {asked.take} goes on' if asked.on_timeout == 'first' else 'the run stops'})"


def moment(at: datetime) -> str:
    """Return a time as people here read it."""
    return f"{at.astimezone():%Y-%m-%d %H:%M}"


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


async def approve(
    plan: Plan,
    ledger: Ledger,
    shot: str,
    *,
    take: int | None,
    by: str,
    note: str | None,
    question: datetime | None = None,
    entered: Entered = BY_HAND,
) -> Approval:
    """Record a person's approval of a shot's take.

    ``question``: when the question that is meant was asked; None: that which stands. Raises UsageError where nothing is asked, or there is
    no such take; StorageError.
    """
    step = step_named(plan, shot)
    asked = await current(ledger, step.base)
    if asked is not None and asked.kind == "asked" and question in {None, asked.at}:
        there = await ledger.takes.get_many(_fingerprints(step, asked).values())
        chosen = asked.take if take is None else take
        if _fingerprints(step, asked).get(chosen) not in there:
            numbers = [str(number) for number, print_ in _fingerprints(step, asked).items() if print_ in there]
            raise UsageError(f"shot {step.key!r} has no take {chosen} to approve", hint=f"delivered takes: {', '.join(numbers) or 'none'}")
        await _refuse_other_than_locked(plan, ledger, step, fingerprint_of(step.base, chosen))
    try:
        said = await ledger.approvals.approve(step.base, take, by=by, note=note, question=question, entered=entered)
    except NotOpenError as closed:
        raise not_open(plan, step, closed.last) from None
    await ledger.selections.select(step.base, said.take, fingerprint_of(step.base, said.take), f"approved by {by}")
    return said


async def _refuse_other_than_locked(plan: Plan, ledger: Ledger, step: Step, chosen: str) -> None:
    lock = (await ledger.locks.of(plan.pipeline, plan.profile)).get(step.key)
    if lock is not None and lock.fingerprint != chosen:
        raise UsageError(
            f"shot {step.key!r} is locked to take {lock.take} by {lock.by}: no other one is picked",
            hint=f"approve take {lock.take}, or unlock it first: {unlocking(plan.pipeline, step.key)}",
        )


async def check_open(plan: Plan, ledger: Ledger, step: Step, *, question: datetime | None = None) -> Approval:
    """Return what a person is asked about a shot now. Raises UsageError where nothing is, or something else than is meant."""
    said = await current(ledger, step.base)
    if said is None or said.kind != "asked" or question not in {None, said.at}:
        raise not_open(plan, step, said)
    return said


async def reject(
    plan: Plan, ledger: Ledger, step: Step, *, by: str, note: str | None, changes: Mapping[str, Any] | None = None
) -> Approval:
    """Record that a person wants none of a shot's takes, and with which changes another run makes one instead.

    Raises UsageError where nothing is asked (any more); StorageError.
    """
    try:
        return await ledger.approvals.reject(step.base, by=by, note=note, changes=changes or None)
    except NotOpenError as closed:
        raise not_open(plan, step, closed.last) from None


def _fingerprints(step: Step, said: Approval) -> Mapping[int, str]:
    return {number: fingerprint_of(step.base, number) for number in said.offered}


def not_open(plan: Plan, step: Step, last: Approval | None) -> UsageError:
    """Return the error for a decision about a shot of which nothing is asked, or not that any more: it says what was decided before."""
    if last is None:
        why = "it has no 'approve'" if not step.approve else f"run {plan.run_id} has not come to it"
        return UsageError(f"shot {step.key!r} does not wait for approval: {why}", hint="`animatic review` lists what waits")
    if last.kind == "asked":  # another question than was meant
        return UsageError(
            f"shot {step.key!r} waits for another decision: its take {last.take} was made since", hint="`animatic review` lists what waits"
        )
    use = f"`animatic use {plan.pipeline} {step.key} TAKE`"
    if last.kind == "lapsed":
        return UsageError(
            f"shot {step.key!r} does not wait any more: nobody had decided until {moment(last.at)}, when its time was over",
            hint=f"the takes are kept: approve one with {use}, then `animatic resume {plan.run_id}`",
        )
    note, said = f" ({last.note})" if last.note else "", last.subject("was", "were")
    return UsageError(
        f"shot {step.key!r} does not wait any more: {said} already {last.kind} by {last.by} at {moment(last.at)}{note}",
        hint=f"go on with `animatic resume {plan.run_id}`; pick another take with {use}",
    )
