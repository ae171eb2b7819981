"""Finds the submissions that a job whose submission is not known could belong to as well: the rivals of the one that is looked for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, timedelta

from animatic.engine.reach import out_of_reach
from animatic.engine.run import Run
from animatic.engine.windows import (
    JOURNAL_MARGIN,
    LATE_CREATION,
    SENDING_SLACK_SECONDS,
    Window,
    late_window,
    latest,
    turned_away_window,
    was_perhaps_not_sent,
    window_of,
)
from animatic.krea import Job
from animatic.ledger import Intent, Submission
from animatic.ledger.days import days_of


def may_be_of(run: Run, rival: Submission, job: Job, *, late: bool) -> bool:
    """Whether a job may have been made for another submission, by its time.

    One whose answer was lost may get its job for as long as Krea may make one that is late. One of which nobody knows whether it was sent
    has the time of another POST, and so has one for which a job was taken that may be another's, unless the types of the two differ, which
    equal requests do not give, or neither has one: each rival more is a question to a person more. One that a person gave up can get any
    job but those that the person had seen. ``late``: the job came when nobody waited for it any more, so there is nothing to put off.
    """
    if _was_refused_by_a_person(rival, job):
        return False
    return _window_of_rival(run, rival, job, late=late).holds(job)


def _window_of_rival(run: Run, rival: Submission, job: Job, *, late: bool) -> Window:
    intent, window = rival.intent, window_of(rival.intent)
    if rival.settled is None:
        return window
    if rival.settled.outcome == "unsent":
        return turned_away_window(intent, rival.settled.at)
    if rival.submitted is not None and (late or rival.submitted.type != job.type):
        return window
    if late:
        return late_window(intent, rival.settled.at)
    if rival.settled.outcome == "withdrawn":
        return window
    another_post = latest(intent, rival.settled.at) + timedelta(seconds=run.settings.patience.post)
    typed = rival.submitted is not None and rival.submitted.type is not None  # without a type, any stranger's job may have been taken
    if typed or was_perhaps_not_sent(rival):
        return Window(first=window.first, last=another_post)
    assert window.last is not None
    return Window(first=window.first, last=max(window.last, another_post))


def _was_refused_by_a_person(submission: Submission, job: Job) -> bool:
    withdrawn = submission.settled is not None and submission.settled.outcome == "withdrawn"
    return withdrawn and submission.doubt is not None and job.id in submission.doubt.candidates


def _is_presumed(submission: Submission) -> bool:
    """Whether the job that was taken for a submission may be a stranger's, as types say nothing of it, or that of an earlier attempt."""
    taken = submission.submitted
    if taken is None or taken.evidence is None:
        return False
    return taken.type is None or not taken.evidence.expected_types or submission.number > 1


async def rivals_for(run: Run, intent: Intent, jobs: Iterable[Job], *, late: bool = False) -> tuple[Submission, ...]:
    """Return the other submissions without an answer that one of the jobs could belong to, by their time and account.

    Those that were given up are among them: Krea may have made their jobs later than anybody waited. So are those whose job was taken
    for them and may be another's, with their own still to come. For one that is late, those that were turned away
    are rivals as well: a proxy that repeats a POST passes on the last answer only. For others they are not: a busy account has many.

    Call it after the jobs were listed: whoever made one of them had written its intent before, so it is either among these or has claimed
    its job meanwhile.
    """
    times = [moment for job in jobs for moment in (job.created_at, job.latest)]
    if not times:
        return ()
    longest = timedelta(seconds=run.settings.patience.post + SENDING_SLACK_SECONDS) + LATE_CREATION
    since, until = min(times) - longest - JOURNAL_MARGIN, max(times) + JOURNAL_MARGIN
    opened = await run.ledger.recent.unanswered(since, until, turned_away=late)
    taken = await run.ledger.recent.by_evidence(days_of(since.astimezone(UTC).date(), until.astimezone(UTC).date()))
    presumed = [one for one in taken if _is_presumed(one)]
    others = [
        one for one in (*opened, *presumed) if one.intent.fingerprint != intent.fingerprint and not out_of_reach(run.client, one.intent)
    ]
    return tuple(other for other in others if any(may_be_of(run, other, job, late=late) for job in jobs))
