"""The journal: all submissions by day, and for past days which of them are final and at what price."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, timedelta
from decimal import Decimal

from animatic.ledger.layout import journal_folder, journal_time, spending_key
from animatic.ledger.model import Line, Outcome
from animatic.ledger.shelf import Shelf

CLOSED_AFTER = timedelta(days=2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """One submission and its price: what was billed, or what is expected while that is not known. None: no price is known at all."""

    line: Line
    usd: Decimal | None
    outcome: Outcome | None
    """None while it is not settled."""

    @property
    def day(self) -> date:
        """The day (UTC) on which it was intended."""
        return self.line.at.astimezone(UTC).date()


@dataclass(frozen=True, kw_only=True, slots=True)
class ClosedDay:
    """What is final of a past day, by the key of each line in the journal."""

    costs: dict[str, Cost]


class Journal(Shelf):
    """The index by day: which submissions there were, and which of them are final."""

    async def _lines(self, day: date) -> list[str]:
        """Return the keys of all lines of a day, by time."""
        return [entry.key for entry in await self._storage.list(journal_folder(day)) if journal_time(entry.key)]

    async def _closed(self, day: date) -> ClosedDay | None:
        """Return the sums of a day, None where there are none yet."""
        return await self._read(spending_key(day), ClosedDay) if self._is_past(day) else None

    def _is_past(self, day: date) -> bool:
        return day + CLOSED_AFTER <= self._clock().astimezone(UTC).date()

    async def _not_final(self, day: date) -> list[str]:
        """Return the keys of those lines of a day that may still be open, by time."""
        keys = await self._lines(day)
        closed = await self._closed(day) if keys else None
        return [key for key in keys if closed is None or key not in closed.costs]
