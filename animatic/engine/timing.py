"""Time, pauses and chance as the engine uses them: one object, so that a test can put a clock of its own in its place."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the time now, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """Where time comes from; the defaults are this machine's."""

    now: Callable[[], datetime] = utc_now
    """The wall clock: aware, in UTC."""
    monotonic: Callable[[], float] = time.monotonic
    """Seconds that only grow; intervals are measured by these."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    randomness: random.Random = field(default_factory=random.Random)


REAL_TIME = Timing()
