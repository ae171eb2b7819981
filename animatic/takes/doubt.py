"""A submission in doubt, resolved by reading which job it became, if any.

The candidates are the jobs that Krea lists in the window of the submission, less those that the ledger knows whose they are; with webhooks, the callback
of the submission's own token names it. None after a grace time: it never
arrived. Exactly one: it is ours. Several: a person decides. Nothing here ever submits.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime, timedelta
from decimal import Decimal

from animatic.errors import InDoubtError
from animatic.krea import Job, LostAnswerError
from animatic.ledger import AlreadySubmittedError, Attempt, ClaimedError, Failure, How
from animatic.takes.run import Run

MARGIN = timedelta(seconds=2)
"""How far two clocks may differ after Krea's Date header was taken into account (it has whole seconds)."""
SLOW_GATEWAY_GRACE = 60.0
"""After a gateway's time-out the origin may still be at work: the job may appear later than after a plain error."""
LOOK_EVERY = 1.0


async def await_owner(run: Run, attempt: Attempt) -> bool:
    """Wait for a worker that is still sending this attempt. True: its outcome is recorded now; False: nobody is at work on it any more."""
    while True:
        current = await _current(run, attempt)
        if current.submitted is not None or current.settled is not None:
            return True
        if current.doubt is not None:
            return False
        alive = run.ledger.owner_alive(attempt.intent)
        overdue = run.clock() > attempt.intent.deadline
        if alive is False or (overdue and alive is None):
            return False
        if overdue and alive and not run.post_gate.locked():
            # Alive, yet long past every time-out: it is not sending any more (a reused pid, or this very process gave up).
            return False
        await asyncio.sleep(LOOK_EVERY)


async def resolve_doubt(run: Run, attempt: Attempt, *, lost: LostAnswerError | None = None) -> Job | None:
    """Find out what became of a submission and record it. Returns the job, or None if it never arrived.

    ``lost``: the answer was lost just now, in this process, which holds the gate of POSTs; otherwise the gate is taken here, so that no submission of
    ours appears in the list meanwhile. Raises InDoubtError when several jobs could be it.
    """
    if lost is not None:
        return await _resolve(run, attempt, lost)
    async with run.post_gate:
        current = await _current(run, attempt)
        if current.submitted is not None or current.settled is not None:
            return None
        return await _resolve(run, current, None)


async def _resolve(run: Run, attempt: Attempt, lost: LostAnswerError | None) -> Job | None:
    patience = run.settings.patience
    grace = max(patience.grace, SLOW_GATEWAY_GRACE) if lost is not None and lost.late else patience.grace
    began = run.clock()
    # A submission of long ago has had its time: one look is enough.
    until = min(began, attempt.intent.deadline) + timedelta(seconds=grace)
    patient_until = began + timedelta(seconds=2 * grace + LOOK_EVERY)
    while True:
        others = await _others_in_window(run, attempt)
        candidates = await _candidates(run, attempt, run.clock() if lost is not None else attempt.intent.deadline)
        called = await run.receiver.wait_for(attempt.intent.token, 0) if run.receiver and lost is not None else None
        ours = next((job for job in candidates if job.id == called), candidates[0] if len(candidates) == 1 and not others else None)
        if ours is not None:
            how: How = "callback" if ours.id == called else "listed"
            try:
                await run.ledger.submitted(attempt.intent, ours.id, created_at=ours.created_at, how=how)
            except ClaimedError:
                continue
            return ours
        # Others that still run may yet claim what is theirs; but two that both lost an answer would wait for each other for ever.
        settling = run.clock() < patient_until and any(run.ledger.owner_alive(other.intent) is not False for other in others)
        if candidates and not settling:
            await _ask(run, attempt, candidates)
        # Asking who claimed what may have completed what a dead worker had begun to write: perhaps the job was known all along.
        current = await _current(run, attempt)
        if current.submitted is not None or current.settled is not None:
            return None
        if not candidates and run.clock() >= until:
            with contextlib.suppress(AlreadySubmittedError):
                await run.ledger.settle(
                    attempt.intent.fingerprint,
                    attempt.number,
                    "never_arrived",
                    usd=Decimal(0),
                    error=Failure(code="never_arrived", message=lost.message if lost else "the process ended before an answer came"),
                )
            return None
        await asyncio.sleep(min(LOOK_EVERY, max(0.05, grace / 4)))


async def _candidates(run: Run, attempt: Attempt, until: datetime) -> list[Job]:
    """List unclaimed jobs of the submission's window, in Krea's clock."""
    offset = run.client.clock_offset
    first = attempt.intent.intended_at + offset - MARGIN
    last = until + offset + MARGIN
    found = [job async for job in run.client.jobs(since=first) if first <= job.created_at <= last]
    claimed = await run.ledger.claimed(job.id for job in found)
    return [job for job in found if job.id not in claimed]


async def _others_in_window(run: Run, attempt: Attempt) -> tuple[Attempt, ...]:
    """Return other submissions without an answer that the same jobs could belong to."""
    before = timedelta(seconds=run.settings.patience.post)
    opened = await run.ledger.open_intents(attempt.intent.intended_at - before, min(run.clock(), attempt.intent.deadline))
    return tuple(other for other in opened if other.intent.token != attempt.intent.token)


async def _ask(run: Run, attempt: Attempt, candidates: list[Job]) -> None:
    ids = tuple(job.id for job in candidates)
    reason = f"{len(ids)} jobs at Krea could be this submission"
    await run.ledger.doubt(attempt.intent.fingerprint, attempt.number, reason, ids)
    raise InDoubtError(
        f"shot {attempt.intent.step!r}: {reason}",
        hint="see them with `animatic doubts`, then `animatic adopt SHOT JOB` or, if none is it, `animatic resubmit SHOT`",
        candidates=ids,
    )


async def _current(run: Run, attempt: Attempt) -> Attempt:
    attempts = await run.ledger.attempts(attempt.intent.fingerprint)
    return next((found for found in attempts if found.number == attempt.number), attempt)
