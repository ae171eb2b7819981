"""Times: what Krea's headers ask for, how far its clock is from ours, and when to look at a job again.

`retry_after`, `http_date` and `ClockOffset` serve every request; the rest serves those who wait for jobs and callbacks.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from animatic.backoff import Backoff
from animatic.errors import AnimaticError, JobFailedError
from animatic.krea.wire import Job

log = logging.getLogger(__name__)

MAX_RETRY_AFTER_SECONDS = 60.0
REMEMBERED_JOBS = 20
"""Finished jobs of a model whose durations are kept."""
MIN_FINISHED_JOBS = 2
"""Finished jobs that it takes to expect anything of the next one."""
MAX_INTERVAL_SECONDS = 5.0


def retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks for (a number, or an HTTP date against ``now``), at most a minute."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        moment = http_date(value)
        if moment is None:
            return None
        seconds = (moment - now).total_seconds()
    return None if math.isnan(seconds) else min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)


def http_date(value: str | None) -> datetime | None:
    """Return the moment of an HTTP date header in UTC, None if it is none."""
    if not value:
        return None
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


class ClockOffset:
    """Krea's clock minus a clock of ours that never steps, from ``Date`` headers.

    A header has whole seconds, so each answer only says that the offset lies in an interval: from the header's second minus our time of
    receipt, to the end of that second minus our time of sending. The intervals of many answers overlap in a narrow one.
    """

    def __init__(self) -> None:
        self._low = timedelta(0)
        self._high = timedelta(0)
        self._known = False

    @property
    def value(self) -> timedelta:
        """The middle of what is possible; zero while nothing is known."""
        return (self._low + self._high) / 2

    @property
    def error(self) -> timedelta:
        """By how much the value may be wrong: a slow answer tells little of the time at which Krea wrote its header."""
        return (self._high - self._low) / 2

    def observe(self, date: datetime, *, sent: datetime, received: datetime) -> None:
        """Narrow the interval by one answer; start over where they no longer overlap: Krea's clock was set."""
        low, high = date - received, date + timedelta(seconds=1) - sent
        if self._known and low <= self._high and self._low <= high:
            low, high = max(low, self._low), min(high, self._high)
        self._low, self._high, self._known = low, high, True


async def set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait until the event is set, for so many seconds at most; return whether it is."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
    return event.is_set()


class Durations:
    """The last durations of each model, in seconds."""

    def __init__(self) -> None:
        self._seconds: dict[str, deque[float]] = {}

    def record(self, model: str, seconds: float) -> None:
        """Remember that a job of the model took that long."""
        if seconds > 0:
            self._seconds.setdefault(model, deque(maxlen=REMEMBERED_JOBS)).append(seconds)

    def expected(self, model: str | None) -> float | None:
        """Return the median of what the model took lately, None before two jobs have finished."""
        seen = sorted(self._seconds.get(model or "", ()))
        return seen[len(seen) // 2] if len(seen) >= MIN_FINISHED_JOBS else None


def interval(elapsed: float, expected: float | None, poll: float) -> float:
    """Return the seconds until the next look at a job that has been waited for ``elapsed``.

    The first look comes after a second at most. A job of unknown length is looked at ever more rarely, from ``poll`` to 2.5 times that
    (5 s at most, unless ``poll`` itself is longer). One of known length is looked at as rarely as that until 7/10 of it, then twice in a
    ``poll``.
    """
    slow = min(2.5 * poll, max(poll, MAX_INTERVAL_SECONDS))
    if elapsed <= 0:
        return min(poll, 1.0)
    if expected is None or elapsed > 1.5 * expected:
        return min(max(0.1 * elapsed, poll), slow)
    if elapsed < 0.7 * expected:
        return min(max(0.7 * expected - elapsed, poll / 2), slow)
    return poll / 2


@dataclass(kw_only=True, eq=False)
class Watched:
    """A job that is waited for. Times are the watcher's monotonic seconds; ``created_at`` is Krea's."""

    id: str
    created_at: datetime | None
    model: str | None
    began: float
    next_look: float
    next_single: float = float("-inf")
    """Not read by itself before this, where the list does not show it."""
    missing_since: float | None = None
    status: str = ""
    """As last seen; empty: never seen."""
    nudged: bool = False
    reading: asyncio.Task[None] | None = None
    """Reads the job by itself, where that is going on."""
    waiting: int = 0
    job: Job | None = None
    error: AnimaticError | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    listeners: list[Callable[[Job], None]] = field(default_factory=list)
    backoff: Backoff = field(default_factory=Backoff)

    def end(self, *, job: Job | None = None, error: AnimaticError | None = None) -> None:
        """Let those who wait go on; the first outcome stands."""
        if not self.ended.is_set():
            self.job, self.error = job, error
            self.ended.set()

    def saw(self, job: Job, now: float) -> None:
        """Note how Krea shows the job; listeners hear of a new status."""
        self.missing_since = None
        self.next_single = now + self.backoff.next()
        self.created_at = job.created_at
        if job.status != self.status:
            self.status = job.status
            self._notify(job)

    def missed(self, now: float, *, patience: float) -> None:
        """Note that Krea knows no such job; give it up where that has been so for longer than ``patience`` seconds."""
        self.next_single = now + self.backoff.next()
        if self.missing_since is None:
            self.missing_since = now
        if now - self.missing_since > patience:
            self.end(
                error=JobFailedError(
                    f"Krea no longer knows job {self.id}, which may have been billed",
                    hint="it may have been billed: see it in Krea's own list of jobs before making the shot again",
                    code="job_lost",
                    repeatable=False,
                )
            )

    def unreadable(self, error: AnimaticError) -> None:
        """Give the job up, about which nothing that makes sense was heard for long, while Krea answered for others."""
        self.end(error=JobFailedError(f"job {self.id} cannot be read: {error.message}", code="job_unreadable", repeatable=False))

    def _notify(self, job: Job) -> None:
        """Call the listeners. One that fails must not keep others waiting."""
        for listener in list(self.listeners):
            try:
                listener(job)
            except Exception:
                log.exception("a listener for job %s failed", self.id)
