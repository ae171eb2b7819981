"""How long to wait before asking again, and how far Krea's clock is from ours."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

FIRST_DELAY = 0.5
LONGEST_DELAY = 10.0
LONGEST_RETRY_AFTER = 60.0


@dataclass(kw_only=True)
class Backoff:
    """Delays that double from half a second to ten, shortened at random by up to half, so that many clients spread out."""

    randomness: random.Random = field(default_factory=random.Random)
    tries: int = 0

    def next(self, retry_after: float | None = None) -> float:
        """Return the next delay in seconds; a server's own wish wins over ours."""
        delay = min(FIRST_DELAY * 2**self.tries, LONGEST_DELAY)
        self.tries = min(self.tries + 1, 16)
        return retry_after if retry_after is not None else delay * self.randomness.uniform(0.5, 1.0)


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
