"""Numbered records below a folder, of which the last one counts: what may change is never overwritten, only followed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from animatic.ledger.layout import number_of, numbered
from animatic.ledger.shelf import Shelf

T = TypeVar("T")


class Series(Shelf):
    """Reading the last record of a series and adding one behind it."""

    async def _last(self, folder: str, kind: type[T]) -> tuple[int, T | None]:
        """Return the number of the last record and the record; 0 and None if there is none."""
        number = max((number_of(entry.key) or 0 for entry in await self._storage.list(folder)), default=0)
        return number, await self._read(numbered(folder, number), kind) if number else None

    async def _append(self, folder: str, kind: type[T], make: Callable[[T | None], T]) -> T:
        """Add the record that ``make`` derives from the last one; made again when somebody else was quicker."""
        number, last = await self._last(folder, kind)
        while not await self._create(numbered(folder, number + 1), record := make(last)):
            number, last = number + 1, await self._read(numbered(folder, number + 1), kind)
        return record
