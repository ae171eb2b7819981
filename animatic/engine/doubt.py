"""Finds out which job an unanswered submission became, if any, by reading. Nothing here ever submits.

The candidates are the jobs that Krea lists in the window of the submission, less those that the ledger knows whose they are; with
webhooks, the callback of the submission's own token names it. None after a grace time: it never arrived. Exactly one: it is ours.
Several: a person decides.

`look` collects the evidence, `judge` draws the conclusion from it alone, and `_resolve` acts on that until the submission's fate is on
record.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import assert_never

from animatic.engine.crashpoints import crashpoint
from animatic.engine.run import Run
from animatic.errors import InDoubtError
from animatic.krea import Job, KreaClient, LostAnswerError
from animatic.ledger import AlreadySubmittedError, ClaimedError, Failure, How, Intent, Ledger, Submission
from animatic.ledger.submissions import identity

SLOW_GATEWAY_FACTOR = 4.0
"""Times the grace: after a gateway's time-out the origin may still be at work, and the job may appear later than after a plain error."""
MAX_LOOK_SECONDS = 1.0
"""Between two looks at Krea's list."""
CLOCK_MARGIN = timedelta(seconds=2)
"""How far two clocks may differ after Krea's Date header was taken into account (it has whole seconds)."""
SENDING_SLACK_SECONDS = 60.0
"""Beyond the time-out of a POST until its owner is certainly not sending it any more."""
STALE_INTENT = timedelta(seconds=20)
"""An intent this old that is not being sent (the machine slept, a disk was full) never will be."""
MAX_CLOCK_DIFFERENCE = timedelta(minutes=10)
"""How far the clocks of two machines of ours may differ: the journal is in the clock of whoever wrote each entry."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lost:
    """A submission of this process whose answer was lost a moment ago, ``at`` (our clock)."""

    intent: Intent
    error: LostAnswerError
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """From when to when a submission's job may have been created: in Krea's clock, margins included."""

    first: datetime
    last: datetime

    def holds(self, job: Job) -> bool:
        """Whether the job was created in it."""
        return self.first <= job.created_at <= self.last


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What one look found out about a submission."""

    candidates: tuple[Job, ...]
    """Jobs of its window that belong to no submission, the newest first."""
    rivals: int
    """Other submissions without an answer that one of the candidates could belong to."""
    rivals_running: bool
    """Whether one of those may yet claim its job by itself."""
    called: str | None
    """The job that a callback of the submission's own token names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Adopt:
    """The job is the submission's."""

    job: Job
    how: How


@dataclass(frozen=True, kw_only=True, slots=True)
class AskPerson:
    """Several jobs or submissions fit: only a person can tell."""

    candidates: tuple[Job, ...]


@dataclass(frozen=True, slots=True)
class LookAgain:
    """Too early for a conclusion."""


@dataclass(frozen=True, slots=True)
class NeverArrived:
    """Krea has had its time and has no job for it."""


Conclusion = Adopt | AskPerson | LookAgain | NeverArrived


@dataclass(frozen=True, kw_only=True, slots=True)
class Deadlines:
    """Until when a conclusion is put off, in Krea's clock."""

    listed_by: datetime
    """A job that is not listed by then does not exist."""
    claimed_by: datetime
    """Rivals that still run have claimed theirs by then; two that both lost an answer would wait for each other for ever."""


def judge(evidence: Evidence, now: datetime, deadlines: Deadlines) -> Conclusion:
    """Draw the conclusion from what was seen at ``now`` (Krea's clock)."""
    candidates = evidence.candidates
    if called := next((job for job in candidates if job.id == evidence.called), None):
        return Adopt(job=called, how="callback")
    if len(candidates) == 1 and not evidence.rivals:
        return Adopt(job=candidates[0], how="listed")
    if candidates:
        patient = evidence.rivals_running and now < deadlines.claimed_by
        return LookAgain() if patient else AskPerson(candidates=candidates)
    return NeverArrived() if now >= deadlines.listed_by else LookAgain()


async def await_owner(run: Run, submission: Submission) -> bool:
    """Wait for a worker that is still sending. True: its outcome is recorded now; False: nobody is sending it any more."""
    while True:
        current = await _current(run, submission)
        if current.known:
            return True
        if current.doubt is not None or _abandoned(run, submission.intent):
            return False
        await run.timing.sleep(_look_seconds(run))


def _abandoned(run: Run, intent: Intent) -> bool:
    if (intent.host, intent.pid, intent.started) == identity():
        # Another run of this process, as `serve` has several: what it is sending is known here.
        return intent.token not in run.sending and run.timing.now() - intent.intended_at > STALE_INTENT
    alive = run.ledger.submissions.owner_alive(intent)
    # One that lives long past every time-out is not sending any more.
    return alive is False or _krea_time(run) > intent.by_krea(intent.deadline)


async def resolve_doubt(run: Run, submission: Submission) -> None:
    """Find out what became of a submission that nobody is sending any more, and record it: read the ledger afterwards.

    Takes the gate of POSTs, so that no submission of ours appears in Krea's list meanwhile. Raises InDoubtError when several jobs could
    be it.
    """
    async with run.gates.post:
        current = await _current(run, submission)
        if not current.known:
            await _resolve(run, current, None)


async def resolve_lost(run: Run, lost: Lost) -> Job | None:
    """Find out the same for a submission of this process, which holds the gate. Returns its job, None if it never arrived."""
    return await _resolve(run, Submission(number=lost.intent.attempt, intent=lost.intent), lost)


async def resolve_left_behind(run: Run) -> None:
    """Before the first POST of this process: find out what became of those whose processes died a moment ago.

    A new job of ours in their window would make it ambiguous which of the two they became. Called by whoever holds the gate. What needs
    a person stays open: only its own shot stops.
    """
    now = run.timing.now()
    longest = timedelta(seconds=run.settings.patience.post + SENDING_SLACK_SECONDS)
    for submission in await run.ledger.submissions.open(now - longest - CLOCK_MARGIN, now):
        dead = run.ledger.submissions.owner_alive(submission.intent) is False
        if submission.doubt is None and window_of(submission.intent).last > _krea_time(run) and dead:
            with contextlib.suppress(InDoubtError):
                await _resolve(run, submission, None)


async def _resolve(run: Run, submission: Submission, lost: Lost | None) -> Job | None:
    """Look until there is a conclusion, and record it. Returns the job that was adopted, None where the ledger knows what became of it."""
    intent = submission.intent
    late = lost is not None and lost.error.late
    window = window_of(intent, lost_at=None if lost is None or late else lost.at)
    deadlines = _deadlines(run, intent, late=late)
    while True:
        evidence = await look(run, intent, window, callbacks=lost is not None)
        conclusion = judge(evidence, _krea_time(run), deadlines)
        match conclusion:
            case Adopt(job=job, how=how):
                if await _adopt(run, intent, job, how):
                    return job
                continue  # another submission has claimed it since
            case AskPerson(candidates=candidates):
                await _ask(run, submission, candidates)
            case LookAgain() | NeverArrived():
                pass
            case _:
                assert_never(conclusion)
        # Asking who claimed what may have completed what a dead worker had begun to write: perhaps the job was known all along.
        if (await _current(run, submission)).known:
            return None
        if isinstance(conclusion, NeverArrived):
            await _never_arrived(run, submission, lost)
            return None
        await run.timing.sleep(_look_seconds(run))


def _deadlines(run: Run, intent: Intent, *, late: bool) -> Deadlines:
    grace = run.settings.patience.grace * (SLOW_GATEWAY_FACTOR if late else 1.0)
    now = _krea_time(run)
    return Deadlines(
        # A submission of long ago has had its time: one look is enough.
        listed_by=min(now, intent.by_krea(intent.deadline)) + timedelta(seconds=grace),
        claimed_by=now + timedelta(seconds=2 * grace + _look_seconds(run)),
    )


async def look(run: Run, intent: Intent, window: Window, *, callbacks: bool) -> Evidence:
    """Read what there is to know of a submission now. ``callbacks``: whether this process has registered its token."""
    candidates = await unclaimed(run.client, run.ledger, window)
    rivals = await rivals_for(run.ledger, intent, candidates, post_seconds=run.settings.patience.post)
    return Evidence(
        candidates=candidates,
        rivals=len(rivals),
        rivals_running=any(run.ledger.submissions.owner_alive(rival.intent) is not False for rival in rivals),
        called=await run.receiver.wait_for(intent.token, 0) if run.receiver and callbacks else None,
    )


def window_of(intent: Intent, *, lost_at: datetime | None = None) -> Window:
    """Return the window of a submission. ``lost_at`` (owner's clock): when its answer was given up, if Krea had it in its hands by then."""
    last = intent.deadline if lost_at is None else min(lost_at, intent.deadline)
    return Window(first=intent.by_krea(intent.intended_at) - CLOCK_MARGIN, last=intent.by_krea(last) + CLOCK_MARGIN)


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
    longest = timedelta(seconds=post_seconds + SENDING_SLACK_SECONDS)
    opened = await ledger.submissions.open(min(times) - longest - MAX_CLOCK_DIFFERENCE, max(times) + MAX_CLOCK_DIFFERENCE)
    others = [submission for submission in opened if submission.intent.token != intent.token]
    return tuple(other for other in others if any(window_of(other.intent).holds(job) for job in jobs))


async def _adopt(run: Run, intent: Intent, job: Job, how: How) -> bool:
    """Record that the job is the submission's; False where it belongs to another one."""
    crashpoint("before-adopted")
    try:
        await run.ledger.submissions.submitted(intent, job.id, created_at=job.created_at, how=how)
    except ClaimedError:
        return False
    crashpoint("after-adopted")
    return True


async def _never_arrived(run: Run, submission: Submission, lost: Lost | None) -> None:
    intent = submission.intent
    failure = Failure(code="never_arrived", message=lost.error.message if lost else "the process ended before an answer came")
    with contextlib.suppress(AlreadySubmittedError):
        await run.ledger.submissions.settle(intent.fingerprint, submission.number, "never_arrived", usd=Decimal(0), error=failure)
    if intent.run_id == run.plan.run_id:
        run.budget.release(intent.fingerprint, submission.number)


async def _ask(run: Run, submission: Submission, candidates: tuple[Job, ...]) -> None:
    ids = tuple(job.id for job in candidates)
    jobs = f"{len(ids)} {'job' if len(ids) == 1 else 'jobs'}"
    reason = f"{jobs} at Krea could be this submission, or another that was cut off at the same time"
    await run.ledger.submissions.doubt(submission.intent.fingerprint, submission.number, reason, ids)
    raise InDoubtError(
        f"shot {submission.intent.step!r}: {reason}",
        hint="see them with `animatic doubts`, then `animatic adopt SHOT JOB` or, if none is it, `animatic resubmit SHOT`",
        candidates=ids,
    )


async def _current(run: Run, submission: Submission) -> Submission:
    return await run.ledger.submissions.get(submission.intent.fingerprint, submission.number) or submission


def _krea_time(run: Run) -> datetime:
    return run.timing.now() + run.client.clock_offset


def _look_seconds(run: Run) -> float:
    return min(MAX_LOOK_SECONDS, max(0.05, run.settings.patience.grace / 4))
