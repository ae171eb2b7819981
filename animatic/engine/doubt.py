"""A submission in doubt, resolved by reading which job it became, if any.

The candidates are the jobs that Krea lists in the window of the submission, less those that the ledger knows whose they are; with webhooks, the
callback of the submission's own token names it. None after a grace time: it never arrived. Exactly one: it is ours. Several: a person decides.
Nothing here ever submits.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from animatic.engine.crashpoints import crashpoint
from animatic.engine.run import Run
from animatic.errors import InDoubtError
from animatic.krea import Job, KreaClient, LostAnswerError
from animatic.ledger import AlreadySubmittedError, ClaimedError, Failure, How, Intent, Ledger, Submission
from animatic.ledger.submissions import identity

SLOW_GATEWAY = 4.0
"""Times the grace: after a gateway's time-out the origin may still be at work, and the job may appear later than after a plain error."""
LOOK_EVERY = 1.0

_sending: set[str] = set()
"""Tokens of the submissions that this process is sending, or whose lost answers it is looking for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lost:
    """A submission of this process whose answer was lost a moment ago, ``at`` (our clock)."""

    intent: Intent
    error: LostAnswerError
    at: datetime


async def await_owner(run: Run, attempt: Submission) -> bool:
    """Wait for a worker that is still sending this attempt. True: its outcome is recorded now; False: nobody is at work on it any more."""
    while True:
        current = await _current(run, attempt)
        if current.submitted is not None or current.settled is not None:
            return True
        if current.doubt is not None or _abandoned(run, attempt.intent):
            return False
        await asyncio.sleep(_look_every(run))


@contextlib.contextmanager
def sending(intent: Intent) -> Iterator[None]:
    """Say that this process is at work on a submission."""
    _sending.add(intent.token)
    try:
        yield
    finally:
        _sending.discard(intent.token)


def _abandoned(run: Run, intent: Intent) -> bool:
    if (intent.host, intent.pid, intent.started) == identity():
        # Another run of this process, as `serve` has several: it knows what it is doing.
        return intent.token not in _sending and run.clock() - intent.intended_at > STALE_INTENT
    alive = run.ledger.submissions.owner_alive(intent)
    # One that lives long past every time-out is not sending any more.
    return alive is False or _krea_time(run) > intent.by_krea(intent.deadline)


async def resolve_doubt(run: Run, attempt: Submission) -> None:
    """Find out what became of a submission that nobody is sending any more, and record it: look at the ledger afterwards.

    Takes the gate of POSTs, so that no submission of ours appears in Krea's list meanwhile. Raises InDoubtError when several jobs could be it.
    """
    async with run.post_gate:
        current = await _current(run, attempt)
        if current.submitted is None and current.settled is None:
            await _resolve(run, current, None)


async def resolve_lost(run: Run, lost: Lost) -> Job | None:
    """Find out the same for a submission of this process, which holds the gate. Returns its job, None if it never arrived."""
    return await _resolve(run, Submission(number=lost.intent.attempt, intent=lost.intent), lost)


async def resolve_left_behind(run: Run) -> None:
    """Before the first POST of this process: find out what became of those whose processes died a moment ago.

    A new job of ours in their window would make it ambiguous which of the two they became. Called by whoever holds the gate. What needs a person
    stays open: only its own shot stops.
    """
    now = run.clock()
    longest = timedelta(seconds=run.settings.patience.post + SENDING_SLACK)
    for attempt in await run.ledger.submissions.open(now - longest - MARGIN, now):
        window = window_of(attempt.intent)
        if attempt.doubt is None and window.last > _krea_time(run) and run.ledger.submissions.owner_alive(attempt.intent) is False:
            with contextlib.suppress(InDoubtError):
                await _resolve(run, attempt, None)


async def _resolve(run: Run, attempt: Submission, lost: Lost | None) -> Job | None:
    intent, patience = attempt.intent, run.settings.patience
    late = lost is not None and lost.error.late
    grace = patience.grace * (SLOW_GATEWAY if late else 1.0)
    began = _krea_time(run)
    # A submission of long ago has had its time: one look is enough.
    until = min(began, intent.by_krea(intent.deadline)) + timedelta(seconds=grace)
    patient_until = began + timedelta(seconds=2 * grace + _look_every(run))
    window = window_of(intent, lost_at=None if lost is None or late else lost.at)
    while True:
        candidates = await unclaimed(run.client, run.ledger, window)
        rivals = await rivals_for(run.ledger, intent, candidates, post_seconds=patience.post)
        called = await run.receiver.wait_for(intent.token, 0) if run.receiver and lost is not None else None
        ours = next((job for job in candidates if job.id == called), candidates[0] if len(candidates) == 1 and not rivals else None)
        if ours is not None:
            how: How = "callback" if ours.id == called else "listed"
            crashpoint("before-adopted")
            try:
                await run.ledger.submissions.submitted(intent, ours.id, created_at=ours.created_at, how=how)
            except ClaimedError:
                continue
            crashpoint("after-adopted")
            return ours
        # Rivals that still run may yet claim what is theirs; but two that both lost an answer would wait for each other for ever.
        settling = _krea_time(run) < patient_until and any(
            run.ledger.submissions.owner_alive(rival.intent) is not False for rival in rivals
        )
        if candidates and not settling:
            await _ask(run, attempt, candidates)
        # Asking who claimed what may have completed what a dead worker had begun to write: perhaps the job was known all along.
        current = await _current(run, attempt)
        if current.submitted is not None or current.settled is not None:
            return None
        if not candidates and _krea_time(run) >= until:
            await _never_arrived(run, attempt, lost)
            return None
        await asyncio.sleep(_look_every(run))


async def _never_arrived(run: Run, attempt: Submission, lost: Lost | None) -> None:
    message = lost.error.message if lost else "the process ended before an answer came"
    failure = Failure(code="never_arrived", message=message)
    with contextlib.suppress(AlreadySubmittedError):
        await run.ledger.submissions.settle(attempt.intent.fingerprint, attempt.number, "never_arrived", usd=Decimal(0), error=failure)
    if attempt.intent.run_id == run.plan.run_id:
        run.budget.release(attempt.intent.fingerprint, attempt.number)


async def _ask(run: Run, attempt: Submission, candidates: tuple[Job, ...]) -> None:
    ids = tuple(job.id for job in candidates)
    reason = (
        f"{len(ids)} {'job' if len(ids) == 1 else 'jobs'} at Krea could be this submission, or another that was cut off at the same time"
    )
    await run.ledger.submissions.doubt(attempt.intent.fingerprint, attempt.number, reason, ids)
    raise InDoubtError(
        f"shot {attempt.intent.step!r}: {reason}",
        hint="see them with `animatic doubts`, then `animatic adopt SHOT JOB` or, if none is it, `animatic resubmit SHOT`",
        candidates=ids,
    )


async def _current(run: Run, attempt: Submission) -> Submission:
    return await run.ledger.submissions.get(attempt.intent.fingerprint, attempt.number) or attempt


def _krea_time(run: Run) -> datetime:
    return run.clock() + run.client.clock_offset


def _look_every(run: Run) -> float:
    return min(LOOK_EVERY, max(0.05, run.settings.patience.grace / 4))


MARGIN = timedelta(seconds=2)
"""How far two clocks may differ after Krea's Date header was taken into account (it has whole seconds)."""
SENDING_SLACK = 60.0
"""Seconds beyond the time-out of a POST until its owner is certainly not sending it any more."""
STALE_INTENT = timedelta(seconds=20)
"""An intent this old that is not being sent (the machine slept, a disk was full) never will be."""
CLOCKS_DIFFER = timedelta(minutes=10)
"""How far the clocks of two machines of ours may differ: the journal is in the clock of whoever wrote each line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """From when to when, in Krea's clock, margins included."""

    first: datetime
    last: datetime

    def holds(self, job: Job) -> bool:
        """Whether the job was created in it."""
        return self.first <= job.created_at <= self.last


def window_of(intent: Intent, *, lost_at: datetime | None = None) -> Window:
    """Return the window of a submission. ``lost_at`` (owner's clock): when its answer was given up, if Krea had it in its hands by then."""
    last = intent.deadline if lost_at is None else min(lost_at, intent.deadline)
    return Window(first=intent.by_krea(intent.intended_at) - MARGIN, last=intent.by_krea(last) + MARGIN)


async def unclaimed(client: KreaClient, ledger: Ledger, window: Window) -> tuple[Job, ...]:
    """Return the jobs of the window that belong to no submission of this ledger, the newest first."""
    found = [job async for job in client.jobs(since=window.first) if window.holds(job)]
    claimed = await ledger.submissions.claimed(job.id for job in found)
    return tuple(job for job in found if job.id not in claimed)


async def rivals_for(ledger: Ledger, intent: Intent, jobs: Iterable[Job], *, post_seconds: float) -> tuple[Submission, ...]:
    """Return the other submissions without an answer that one of the jobs could belong to.

    Call it after the jobs were listed: whoever made one of them had written its intent before, so it is either among these or has claimed
    its job meanwhile.
    """
    times = [job.created_at for job in jobs]
    if not times:
        return ()
    longest = timedelta(seconds=post_seconds + SENDING_SLACK)
    opened = await ledger.submissions.open(min(times) - longest - CLOCKS_DIFFER, max(times) + CLOCKS_DIFFER)
    others = [attempt for attempt in opened if attempt.intent.token != intent.token]
    return tuple(other for other in others if any(window_of(other.intent).holds(job) for job in jobs))
