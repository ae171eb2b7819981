"""Selections: which take of a shot counts. Without one it is the first."""

from __future__ import annotations

from animatic.ledger.layout import SELECTIONS, number_of, numbered, selection_folder
from animatic.ledger.model import Selection
from animatic.ledger.parallel import each
from animatic.ledger.series import Series

FIRST_TAKE = 1


class Selections(Series):
    """The part of the ledger that knows which take was chosen; ``base`` is what all takes of a shot have in common."""

    async def selected(self, base: str) -> Selection | None:
        """Return the last choice, None if there was none: take 1 counts then."""
        return (await self._last(selection_folder(base), Selection))[1]

    async def select(self, base: str, take: int, fingerprint: str, why: str) -> Selection:
        """Choose a take from now on."""

        def choose(last: Selection | None) -> Selection:
            highest = max(take, last.highest if last else FIRST_TAKE)
            return Selection(take=take, fingerprint=fingerprint, why=why, at=self._clock(), highest=highest)

        return await self._append(selection_folder(base), Selection, choose)

    async def selections(self) -> dict[str, int]:
        """Return the chosen take of every shot that has a choice, by base. One listing, and one read for each."""
        last: dict[str, int] = {}
        for entry in await self._storage.list(SELECTIONS):
            base = entry.key.removeprefix(SELECTIONS).partition("/")[0]
            if number := number_of(entry.key):
                last[base] = max(number, last.get(base, 0))
        chosen = await each(lambda item: self._read(numbered(selection_folder(item[0]), item[1]), Selection), last.items())
        return {base: selection.take for base, selection in zip(last, chosen, strict=True) if selection}

    async def highest_take(self, base: str) -> int:
        """Return the highest take number that was ever chosen for the shot, at least 1: the next new take is one more."""
        selection = await self.selected(base)
        return selection.highest if selection else FIRST_TAKE
