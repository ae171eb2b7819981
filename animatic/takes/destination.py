"""Where a plan delivers to: the home of clips and ledger, real or simulated. Light to import: planning needs it, too."""

from __future__ import annotations

from datetime import UTC, datetime

from animatic.storage import Storage, open_storage

SIMULATED = "simulated"
STORAGE_OUTAGE = 60.0
FIRST_READING = 30.0
"""Seconds for the first reading of a destination: nothing hangs on it yet, and a wrong endpoint should not take minutes to show."""


def utc_now() -> datetime:
    """Return the time now, in UTC."""
    return datetime.now(UTC)


def open_destination(deliver: str, *, simulated: bool, outage: float = STORAGE_OUTAGE) -> Storage:
    """Open the home of clips and ledger; simulated runs share nothing with real ones. ``outage``: seconds for which S3 may be silent."""
    storage = open_storage(deliver, patience=outage)
    return storage.below(SIMULATED) if simulated else storage
