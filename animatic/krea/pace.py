"""How long to wait before asking again, and how far Krea's clock is from ours."""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import anyio

from animatic.backoff import Backoff
from animatic.errors import AnimaticError
from animatic.krea.wire import Job

LONGEST_RETRY_AFTER = 60.0


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
    return None if math.isnan(seconds) else min(max(seconds, 0.0), LONGEST_RETRY_AFTER)


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
    """Krea's clock minus ours, from ``Date`` headers.

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

    def observe(self, date: datetime, *, sent: datetime, received: datetime) -> None:
        """Narrow the interval by one answer; start over where they no longer overlap: a clock was set."""
        low, high = date - received, date + timedelta(seconds=1) - sent
        if self._known and low <= self._high and self._low <= high:
            low, high = max(low, self._low), min(high, self._high)
        self._low, self._high, self._known = low, high, True


REMEMBERED = 20
FEWEST = 2
LONGEST_INTERVAL = 5.0


class Durations:
    """The last durations of each model, in seconds."""

    def __init__(self) -> None:
        self._seconds: dict[str, deque[float]] = {}

    def record(self, model: str, seconds: float) -> None:
        """Remember that a job of the model took that long."""
        if seconds > 0:
            self._seconds.setdefault(model, deque(maxlen=REMEMBERED)).append(seconds)

    def expected(self, model: str | None) -> float | None:
        """Return the middle of what the model took lately, None before two jobs have finished."""
        seen = sorted(self._seconds.get(model or "", ()))
        return seen[len(seen) // 2] if len(seen) >= FEWEST else None


def interval(elapsed: float, expected: float | None, poll: float) -> float:
    """Return the seconds until the next look at a job that has been waited for ``elapsed``.

    The first look comes after a second at most. A job of unknown length is looked at ever more rarely, from ``poll`` to 2.5 times that (5 s at
    most, unless ``poll`` itself is longer). One of known length is looked at as rarely as that until 7/10 of it, then twice in a ``poll``.
    """
    slow = min(2.5 * poll, max(poll, LONGEST_INTERVAL))
    if elapsed <= 0:
        return min(poll, 1.0)
    if expected is None or elapsed > 1.5 * expected:
        return min(max(0.1 * elapsed, poll), slow)
    if elapsed < 0.7 * expected:
        return min(max(0.7 * expected - elapsed, poll / 2), slow)
    return poll / 2


log = logging.getLogger(__name__)


@dataclass(kw_only=True, eq=False)
class Watched:
    """Times are the watcher's monotonic seconds; ``created_at`` is Krea's."""

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
    waiting: int = 0
    job: Job | None = None
    error: AnimaticError | None = None
    ended: anyio.Event = field(default_factory=anyio.Event)
    listeners: list[Callable[[Job], None]] = field(default_factory=list)
    backoff: Backoff = field(default_factory=Backoff)

    def end(self, *, job: Job | None = None, error: AnimaticError | None = None) -> None:
        """Let those who wait go on; the first outcome stands."""
        if not self.ended.is_set():
            self.job, self.error = job, error
            self.ended.set()

    def tell(self, job: Job) -> None:
        """Tell the listeners of a new status. A listener that fails must not keep others waiting."""
        for listener in list(self.listeners):
            try:
                listener(job)
            except Exception:
                log.exception("a listener for job %s failed", self.id)
