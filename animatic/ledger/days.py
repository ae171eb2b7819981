"""Days, in UTC, by which the ledger keeps its journal: from one to another, and up to now by any machine's clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

CLOCKS_AHEAD = timedelta(days=1)
"""By how much the clock of a machine may be ahead of ours whose submissions count now."""


def days_of(first: date, last: date) -> tuple[date, ...]:
    """Return every day from the first to the last, both included."""
    return tuple(first + timedelta(days=offset) for offset in range((last - first).days + 1))


def days_so_far(first: date, now: datetime) -> tuple[date, ...]:
    """Return every day (UTC) from the first on to which a submission may have been entered by now: some clocks are ahead."""
    return days_of(first, (now + CLOCKS_AHEAD).astimezone(UTC).date())
