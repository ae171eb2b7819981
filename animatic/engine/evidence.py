"""Reads what there is to know of a submission whose answer is missing, and draws the conclusion from that alone.

The candidates are the jobs that Krea lists in the window of the submission, less those that the ledger knows whose they are and those
that their type or result speaks against; with webhooks, the callback of the submission's own token names it. None once Krea has had its
time: it never arrived. Exactly one, which fits no other submission: it is ours. Anything else: a person decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from animatic.engine.compare import learned_of, results_of, starts_elsewhere, starts_here, starts_of
from animatic.engine.expectation import Result, fitting, gives_other, has_other_type
from animatic.engine.job_clock import recall_job_clock
from animatic.engine.rivals import may_be_of, rivals_for
from animatic.engine.run import Run
from animatic.engine.windows import Window, latest
from animatic.krea import Job, KreaClient, incomplete
from animatic.ledger import How, Intent, Ledger, Submission
from animatic.media import likeness

LONGEST_SEARCH = 100.0
"""Times the grace: so long after its deadline nobody who sent a submission looks for its job any more (`animatic.engine.search`)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What one look found out about a submission."""

    candidates: tuple[Job, ...]
    """Jobs of its window that belong to no submission and that nothing speaks against, the newest first."""
    rivals: int
    """Other submissions without an answer that one of the candidates could belong to."""
    rivals_running: bool
    """Whether one of those may yet claim its job by itself."""
    expected_types: tuple[str, ...]
    """Krea's types of jobs for such requests, as far as the ledger has learned them."""
    called: str | None
    """The job that a callback of the submission's own token names."""
    results: Mapping[str, Result] = field(default_factory=dict)
    """What candidates gave, by job id, as far as it was looked at."""
    likeness: Mapping[str, float | None] = field(default_factory=dict)
    """Of their first pictures to the one that the submission starts from."""
    elsewhere: tuple[Job, ...] = ()
    """Jobs without an owner that look like another submission's: until that one has claimed them, nothing is certain."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Adopt:
    """The job is the submission's."""

    job: Job
    how: How
    expected_types: tuple[str, ...] = ()
    result: Result | None = None
    likeness: float | None = None


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
    """Until when a conclusion is put off, in monotonic seconds: a wall clock may step meanwhile."""

    adopted_by: float
    """Until then a lone candidate may be a stranger's, and our own still to come."""
    listed_by: float
    """A job that is not listed by then does not exist."""
    claimed_by: float
    """Rivals that still run have claimed theirs by then; two that both lost an answer would wait for each other for ever."""
    compared_by: float
    """Until then the results of candidates are waited for, which may tell them apart or show that the only one is a stranger's."""


def judge(evidence: Evidence, now: float, deadlines: Deadlines) -> Conclusion:
    """Draw the conclusion from what was seen at ``now`` (monotonic seconds)."""
    candidates = evidence.candidates
    if called := next((job for job in candidates if job.id == evidence.called), None):
        return Adopt(job=called, how="callback")
    if not candidates and evidence.elsewhere and now >= deadlines.listed_by:
        return LookAgain() if now < deadlines.claimed_by else AskPerson(candidates=evidence.elsewhere)
    if not candidates:
        return NeverArrived() if now >= deadlines.listed_by else LookAgain()
    unclaimed_yet = evidence.rivals_running and now < deadlines.claimed_by
    unfinished = now < deadlines.compared_by and not all(job.terminal for job in candidates)
    if now < deadlines.adopted_by or unclaimed_yet or unfinished:
        return LookAgain()
    if len(candidates) > 1 or evidence.rivals:
        return AskPerson(candidates=candidates)
    (job,) = candidates
    return Adopt(
        job=job,
        how="evidence",
        expected_types=evidence.expected_types,
        result=evidence.results.get(job.id),
        likeness=evidence.likeness.get(job.id),
    )


async def look(
    run: Run,
    intent: Intent,
    window: Window,
    *,
    callbacks: bool,
    closely: bool,
    until: datetime | None = None,
    seen_before: tuple[str, ...] = (),
    late: bool = False,
) -> Evidence:
    """Read what there is to know of a submission now.

    ``callbacks``: whether this process has registered its token. ``closely``: whether the results of completed candidates are fetched
    and compared as well. ``until``: later jobs count only if no other submission that is on its way may have made them, or if none of
    these has claimed them in the grace: its answer may be lost as well. ``seen_before``:
    candidates of an earlier look, which count although they are not listed any more. ``late``: nobody waits for the submission any more.
    """
    called = await run.receiver.wait_for(intent.token, 0) if run.receiver and callbacks else None
    found = await unclaimed(run.client, run.ledger, window, seen_before)
    if not found:
        return Evidence(candidates=(), rivals=0, rivals_running=False, expected_types=(), called=called)
    learned = await learned_of(run, intent.model)
    candidates = tuple(job for job in found if not has_other_type(job.type, intent, learned))
    given = {job.id: await results_of(run, job) for job in candidates} if closely else {}
    if given:  # while they were fetched, an answer may have come that tells more of such jobs
        learned = await learned_of(run, intent.model)
        candidates = tuple(job for job in candidates if not has_other_type(job.type, intent, learned))
    candidates = tuple(job for job in candidates if not gives_other(given.get(job.id, ()), intent, learned))
    results = {job.id: seen for job in candidates if (seen := fitting(given.get(job.id, ()), intent, learned))}
    rivals = await rivals_for(run, intent, candidates, late=late)
    starts = await starts_of(run, (intent, *(rival.intent for rival in rivals))) if results else {}
    elsewhere = {job_id for job_id, seen in results.items() if starts_elsewhere(seen.picture, intent.token, starts)}
    others_own = tuple(job for job in candidates if job.id in elsewhere)
    candidates = tuple(job for job in candidates if job.id not in elsewhere)
    fitting_rivals = await _rivals_by_job(run, rivals, candidates, given, results, starts, intent, late=late)
    if until is not None:
        claimed_since = run.timing.now() + run.client.clock_offset - timedelta(seconds=run.settings.patience.grace)
        candidates = tuple(
            job
            for job in candidates
            if job.created_at <= max(until, claimed_since) or not any(_is_running(run, rival) for rival in fitting_rivals[job.id])
        )
    # Whoever made one of them may have had its answer, and claimed it, while all this was read.
    claimed = await run.ledger.submissions.claimed(job.id for job in (*candidates, *others_own))
    candidates = tuple(job for job in candidates if job.id not in claimed)
    left = {rival.intent.token: rival for job in candidates for rival in fitting_rivals[job.id]}
    ours = starts.get(intent.token)
    return Evidence(
        candidates=candidates,
        rivals=len(left),
        rivals_running=any(_is_running(run, rival) for rival in left.values()),
        expected_types=tuple(sorted(learned.types.get(intent.media_fields, ()))),
        called=called,
        results=results,
        elsewhere=tuple(job for job in others_own if job.id not in claimed),
        likeness={job_id: likeness(ours, seen.picture) for job_id, seen in results.items() if seen.picture} if ours is not None else {},
    )


def _is_running(run: Run, rival: Submission) -> bool:
    """Whether a submission may yet claim its job by itself: of one of another machine only its time tells that nobody looks any more."""
    if rival.known or run.ledger.submissions.owner_alive(rival.intent) is False:
        return False
    looked_until = latest(rival.intent, rival.intent.deadline) + timedelta(seconds=LONGEST_SEARCH * run.settings.patience.grace)
    return run.timing.now() + run.client.clock_offset < looked_until


async def _rivals_by_job(
    run: Run,
    rivals: tuple[Submission, ...],
    candidates: tuple[Job, ...],
    given: Mapping[str, tuple[Result | None, ...]],
    results: Mapping[str, Result],
    starts: Mapping[str, bytes | None],
    intent: Intent,
    *,
    late: bool,
) -> dict[str, list[Submission]]:
    """Return, for each candidate, those of the rivals that it could belong to, now that more is known of it."""
    found: dict[str, list[Submission]] = {job.id: [] for job in candidates}
    for rival in rivals:
        learned = await learned_of(run, rival.intent.model)
        for job in candidates:
            if not may_be_of(run, rival, job, late=late) or has_other_type(job.type, rival.intent, learned):
                continue
            if gives_other(given.get(job.id, ()), rival.intent, learned):
                continue
            if job.id in results and starts_here(results[job.id].picture, intent.token, rival.intent.token, starts):
                continue
            found[job.id].append(rival)
    return found


async def unclaimed(client: KreaClient, ledger: Ledger, window: Window, seen_before: tuple[str, ...] = ()) -> tuple[Job, ...]:
    """Return the jobs of the window, and those of ``seen_before``, that belong to no submission of this ledger, the newest first.

    Raises KreaUnreachableError where Krea's list does not tell.
    """
    await recall_job_clock(client, ledger)
    listed = [job async for job in client.jobs(since=window.first, complete=True) if not job.dated or window.holds(job)]
    known = {job.id: job for job in listed}  # one may stand on two pages
    found = [*known.values(), *[job for job_id in seen_before if job_id not in known and (job := await client.job(job_id))]]
    claimed = await ledger.submissions.claimed(job.id for job in found)
    left = tuple(job for job in found if job.id not in claimed)
    if any(not job.dated for job in left):
        raise incomplete("it does not say when a job was made that may be a stranger's")
    return left
