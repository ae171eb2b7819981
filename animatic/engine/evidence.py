"""Reads what there is to know of a submission whose answer is missing, and draws the conclusion from that alone.

The candidates are the jobs that Krea lists in the window of the submission, less those that the ledger knows whose they are; with
webhooks, the callback of the submission's own token names it. None once Krea has had its time: it never arrived. Exactly one: it is
ours. Several: a person decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from animatic.engine.run import Run
from animatic.krea import Job, KreaClient
from animatic.ledger import How, Intent, Ledger, Submission

CLOCK_MARGIN = timedelta(seconds=2)
"""How far two clocks may differ after Krea's Date header was taken into account (it has whole seconds)."""
SENDING_SLACK_SECONDS = 60.0
"""Beyond the time-out of a POST until its owner is certainly not sending it any more."""
MAX_CLOCK_DIFFERENCE = timedelta(minutes=10)
"""How far the clocks of two machines of ours may differ: the journal is in the clock of whoever wrote each entry."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """From when to when a submission's job may have been created: in Krea's clock, margins included."""

    first: datetime
    last: datetime | None
    """None: the moment of each look. Krea may create the job long after its answer was lost."""

    def holds(self, job: Job) -> bool:
        """Whether the job was created in it."""
        return self.first <= job.created_at and (self.last is None or job.created_at <= self.last)


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What one look found out about a submission."""

    candidates: tuple[Job, ...]
    """Jobs of its window that belong to no submission, the newest first."""
    rivals: int
    """Other submissions without an answer that one of the candidates could belong to."""
    rivals_running: bool
    """Whether one of those may yet claim its job by itself."""
    expected_types: tuple[str, ...]
    """Krea's types of jobs for such requests, as far as the ledger has learned them."""
    called: str | None
    """The job that a callback of the submission's own token names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Adopt:
    """The job is the submission's."""

    job: Job
    how: How
    expected_types: tuple[str, ...] = ()


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


def judge(evidence: Evidence, now: float, deadlines: Deadlines) -> Conclusion:
    """Draw the conclusion from what was seen at ``now`` (monotonic seconds)."""
    candidates = evidence.candidates
    if called := next((job for job in candidates if job.id == evidence.called), None):
        return Adopt(job=called, how="callback")
    if len(candidates) == 1 and not evidence.rivals:
        early = now < deadlines.adopted_by
        return LookAgain() if early else Adopt(job=candidates[0], how="evidence", expected_types=evidence.expected_types)
    if candidates:
        patient = evidence.rivals_running and now < deadlines.claimed_by
        return LookAgain() if patient else AskPerson(candidates=candidates)
    return NeverArrived() if now >= deadlines.listed_by else LookAgain()


def out_of_reach(run: Run, intent: Intent) -> str | None:
    """Tell why the job of a submission may exist although this run does not see it: another Krea, another token. None: it would see it."""
    if not intent.origin:
        return None
    if intent.origin != run.client.origin:
        return f"it was sent to {intent.origin}, and this run asks {run.client.origin}"
    return None if intent.account == run.client.account(intent.token) else "it was sent with another KREA_API_TOKEN than this run has"


async def look(run: Run, intent: Intent, window: Window, *, callbacks: bool) -> Evidence:
    """Read what there is to know of a submission now. ``callbacks``: whether this process has registered its token."""
    candidates = await unclaimed(run.client, run.ledger, window)
    types = await run.ledger.submissions.answered_types(intent) if any(job.type for job in candidates) else ()
    candidates = tuple(job for job in candidates if not contradicts(job, intent, types))
    rivals = await rivals_for(run.ledger, intent, candidates, post_seconds=run.settings.patience.post)
    return Evidence(
        candidates=candidates,
        rivals=len(rivals),
        rivals_running=any(run.ledger.submissions.owner_alive(rival.intent) is not False for rival in rivals),
        expected_types=types,
        called=await run.receiver.wait_for(intent.token, 0) if run.receiver and callbacks else None,
    )


def contradicts(job: Job, intent: Intent, types: tuple[str, ...]) -> bool:
    """Whether Krea's type of the job says that it is for another kind of request. ``types``: those known of such requests."""
    if job.type is None:
        return False
    if types:
        return job.type not in types
    kind = intent.endpoint.removeprefix("/generate/").partition("/")[0]
    named = {name for name in ("video", "image") if name in job.type.lower()}
    return kind in {"video", "image"} and len(named) == 1 and kind not in named


def window_of(intent: Intent) -> Window:
    """Return the window of a submission: as long as its owner may be sending it."""
    return Window(first=intent.by_krea(intent.intended_at) - CLOCK_MARGIN, last=intent.by_krea(intent.deadline) + CLOCK_MARGIN)


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
