"""Growing pauses between tries: exponential, capped, shortened at random so that many clients spread out."""

from __future__ import annotations

import random
from dataclasses import dataclass, field


@dataclass(kw_only=True, slots=True)
class Backoff:
    """The pauses of one series of tries, in seconds: ``first``, twice that, and so on up to ``longest``, times a random factor."""

    first: float = 0.5
    longest: float = 10.0
    least_factor: float = 0.5
    """The random factor lies between this and 1; 1 makes the pauses exact."""
    randomness: random.Random = field(default_factory=random.Random)
    tries: int = 0

    def next(self, asked_for: float | None = None) -> float:
        """Return the next pause. ``asked_for``: what the server wants (``Retry-After``), which is taken as it is."""
        pause = min(self.first * 2.0 ** min(self.tries, 32), self.longest)
        self.tries += 1
        return asked_for if asked_for is not None else pause * self.randomness.uniform(self.least_factor, 1.0)
