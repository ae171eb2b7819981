"""Run ids: sortable by time, unique, and fit for folder names."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime


def new_run_id(now: datetime) -> str:
    """Return an id like ``20261121T104512Z-4f3a9c`` for an aware ``now``; ids of different seconds sort as the seconds do."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
