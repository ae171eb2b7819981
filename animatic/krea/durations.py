"""How long jobs of a model take, learned as they finish: when to look, and when not to bother."""

from __future__ import annotations

from collections import deque

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
