"""Jobs that came too late: Krea made them after their submissions had been given up, or beside the one that was taken. Never submits.

One that can be of one submission only becomes its job, and counts as spent; where several may have caused it, as many of them count as
spent as can have a job of their own.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from animatic.engine.evidence import unclaimed
from animatic.engine.expectation import has_other_type, learn
from animatic.engine.reach import out_of_reach
from animatic.engine.windows import LATE_JOBS_SINCE, MAX_CLOCK_DIFFERENCE, Window, late_window, turned_away_window, window_of
from animatic.krea import ANSWERED_NO, Job, KreaClient
from animatic.ledger import AlreadySubmittedError, ClaimedError, Ledger, Submission
from animatic.ledger.days import days_so_far
from animatic.ledger.late_jobs import with_own_jobs
from animatic.ledger.model import PRESUMED, Grounds
from animatic.ledger.spending import counts_as_lost

Late = tuple[Submission, tuple[Job, ...]]
"""A submission that was given up, or that another job was taken for, and the unclaimed jobs that may be its own."""


async def late_jobs(client: KreaClient, ledger: Ledger, submissions: Iterable[Submission], seen: list[Job] | None = None) -> list[Late]:
    """Return those submissions of which an unclaimed job may be, although they count as ended or have another, with the jobs.

    ``seen`` is given all unclaimed jobs that were looked at: some of them may be of submissions that wait for an answer.
    """
    windows = [(one, window) for one in submissions if (window := _window_of_late_jobs(one)) and not out_of_reach(client, one.intent)]
    if not windows:
        return []
    listed = await unclaimed(client, ledger, Window(first=min(window.first for _, window in windows), last=None))
    if seen is not None:
        seen += listed
    found: list[Late] = []
    for submission, window in windows:
        jobs = tuple(job for job in listed if window.holds(job))
        if jobs:
            learned = learn(await ledger.recent.answered(submission.intent.model), {})
            jobs = tuple(job for job in jobs if not has_other_type(job.type, submission.intent, learned))
        if jobs:
            found.append((submission, jobs))
    return found


async def claim_late_jobs(ledger: Ledger, late: Sequence[Late], others: Iterable[Submission], now: datetime) -> list[Submission]:
    """Record each late job that can be of one given up submission only as its job; returns those submissions anew.

    Only where its take is there all the same, so that the job is a stray: time and type alone make no clip. What a job is worth that might
    still become one is for the next run to find out, which compares results.

    ``others``: submissions without an answer, which the jobs may belong to just as well.
    """
    windows = [window_of(other.intent) for other in others]
    claims = Counter(job.id for _, jobs in late for job in jobs)
    recorded: list[Submission] = []
    made = await ledger.takes.get_many(sorted({submission.intent.fingerprint for submission, _ in late}))
    for submission, jobs in late:
        (job, *more), intent = jobs, submission.intent
        if (
            intent.fingerprint not in made
            or submission.submitted is not None
            or more
            or claims[job.id] > 1
            or any(window.holds(job) for window in windows)
        ):
            continue
        grounds = Grounds(since=window_of(intent).first, seen_at=now, type=job.type)
        with contextlib.suppress(ClaimedError, AlreadySubmittedError):
            await ledger.submissions.submitted(intent, job.id, created_at=job.created_at, how="evidence", type=job.type, evidence=grounds)
            recorded += [anew for anew in [await ledger.submissions.get(intent.fingerprint, submission.number)] if anew]
    return recorded


async def keep_late_jobs(
    ledger: Ledger, late: Sequence[Late], others: Iterable[Submission] = (), seen: Iterable[Job] = ()
) -> frozenset[str]:
    """Record which late jobs may be of which submissions, so that as many count as spent as can have a job of their own.

    ``others``: submissions without an answer, and given up ones, which the jobs may belong to as well; ``seen``: all unclaimed jobs, so
    that a submission without an answer which may have another one leaves the late one to whom it may belong. Returns the jobs that count.
    """
    created = {job.id: job.created_at for _, jobs in late for job in jobs}
    # What was taken for one of them may be another's: then a job that came since is its own.
    unclaimed_ones = {job.id: job.created_at for job in seen}
    presumed = {one.submitted.job_id: one.submitted.created_at for one, _ in late if one.submitted and one.submitted.created_at}
    concerned = {one.intent.token: one for one in (*others, *(one for one, _ in late))}
    possible = {one.intent.token: [job.id for job in jobs] for one, jobs in late}
    for token, one in concerned.items():
        window = _window_of_late_jobs(one) if one.known else window_of(one.intent)
        candidates = presumed if one.known else presumed | created | unclaimed_ones
        found = [job_id for job_id, at in candidates.items() if window and window.holds_time(at)]
        possible[token] = list(dict.fromkeys((*possible.get(token, ()), *found)))
    billed = set(with_own_jobs(possible).values())
    for job_id in billed:
        owners = [concerned[token] for token, jobs in possible.items() if job_id in jobs]
        await ledger.late_jobs.record(job_id, (created | presumed | unclaimed_ones)[job_id], owners)
    return frozenset(billed)


async def ask_for_late_jobs(client: KreaClient, ledger: Ledger, now: datetime) -> tuple[list[Late], list[Submission]]:
    """Ask Krea for the late jobs of all submissions that were given up of late, and record what can be said of them.

    Returns those that nobody can tell the submission of, and the submissions that got their job. Krea is asked only where there is a
    submission to ask about. Raises KreaUnreachableError, KreaRefusedError, StorageError.
    """
    days = days_so_far((now - LATE_JOBS_SINCE).date(), now)
    lines = [cost.line for cost in (await ledger.spending.on(days)).costs if cost.outcome and counts_as_lost(cost.outcome)]
    given_up = [await ledger.submissions.get(line.fingerprint, line.attempt) for line in lines]
    taken = await ledger.recent.by_evidence(days)
    suspects = [*(one for one in given_up if one), *taken]
    seen: list[Job] = []
    late = await late_jobs(client, ledger, suspects, seen)
    if not late:
        return [], []
    # Read after the jobs were listed: whoever made one of them is among these, or has claimed it meanwhile.
    unanswered = await ledger.recent.open(now - LATE_JOBS_SINCE, now + MAX_CLOCK_DIFFERENCE)
    recorded = await claim_late_jobs(ledger, late, unanswered, now)
    tokens = {one.intent.token for one in recorded}
    left = [(one, jobs) for one, jobs in late if one.intent.token not in tokens]
    waiting = [one for one in unanswered if not out_of_reach(client, one.intent)]
    if waiting:  # one that was sent before all of these may have a job that is older than any that was looked at
        seen += await unclaimed(client, ledger, Window(first=min(window_of(one.intent).first for one in waiting), last=None))
    reachable = [*waiting, *(one for one in suspects if not out_of_reach(client, one.intent))]
    await keep_late_jobs(ledger, left, reachable, seen)
    return left, recorded


def _window_of_late_jobs(submission: Submission) -> Window | None:
    """Return when a job may have been made that is a submission's all the same; None where none can."""
    intent, window = submission.intent, window_of(submission.intent)
    if submission.submitted is not None:
        return window if submission.submitted.how in PRESUMED else None
    if submission.settled is None:
        return None
    match submission.settled.outcome:
        case "never_arrived" | "withdrawn":
            return late_window(intent, submission.settled.at)
        case "unsent" if submission.settled.error and submission.settled.error.code in ANSWERED_NO:
            return turned_away_window(intent, submission.settled.at)
        case _:
            return None


def why_late(submission: Submission) -> str:
    """Return why a further job may be a submission's."""
    if submission.submitted is not None:
        return f"job {submission.submitted.job_id} was taken for it, and Krea has made another one at that time"
    if submission.settled is not None and submission.settled.outcome == "unsent":
        return "it was turned away, and all the same Krea has made what may be its job"
    return "it was given up, and Krea has made what may be its job"
