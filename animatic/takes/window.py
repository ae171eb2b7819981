"""Which jobs a submission may have become, by time: the window in which Krea can have created its job, in Krea's clock.

Every comparison is made in Krea's clock, into which each intent carries its owner's difference: machines may disagree about the time by minutes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from animatic.krea import Job, KreaClient
from animatic.ledger import Attempt, Intent, Ledger

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
    claimed = await ledger.claimed(job.id for job in found)
    return tuple(job for job in found if job.id not in claimed)


async def rivals_for(ledger: Ledger, intent: Intent, jobs: Iterable[Job], *, post_seconds: float) -> tuple[Attempt, ...]:
    """Return the other submissions without an answer that one of the jobs could belong to.

    Call it after the jobs were listed: whoever made one of them had written its intent before, so it is either among these or has claimed
    its job meanwhile.
    """
    times = [job.created_at for job in jobs]
    if not times:
        return ()
    longest = timedelta(seconds=post_seconds + SENDING_SLACK)
    opened = await ledger.open_intents(min(times) - longest - CLOCKS_DIFFER, max(times) + CLOCKS_DIFFER)
    others = [attempt for attempt in opened if attempt.intent.token != intent.token]
    return tuple(other for other in others if any(window_of(other.intent).holds(job) for job in jobs))
