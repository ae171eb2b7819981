"""Limits how many submissions are on their way at once: fewer while Krea is in trouble.

Each answer that is lost may be confused with any other that is on its way, so after a loss they go one by one, and one more at once for
each that is answered.
"""

from __future__ import annotations

import asyncio
from typing import Self


class PostGate:
    """An async context manager around each submission, for one event loop. ``most``: how many at once where all is well."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._allowed = most
        self._under_way = 0
        self._free = asyncio.Event()
        self.losses = 0

    async def __aenter__(self) -> Self:
        while self._under_way >= self._allowed:
            # An event rather than a condition: a wait for it can be cancelled at any moment.
            self._free.clear()
            await self._free.wait()
        self._under_way += 1
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._under_way -= 1
        self._free.set()

    def lost(self) -> None:
        """Go on one by one, as an answer was lost."""
        self._allowed = 1
        self.losses += 1

    def answered(self, losses: int) -> None:
        """Let one more go at once, as an answer came to a submission that was sent after so many ``losses``, and thus since the last."""
        if losses == self.losses:
            self._allowed = min(self._most, self._allowed + 1)
            self._free.set()
