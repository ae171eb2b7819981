"""Tells which run of ours a flow run is."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

RUN_ID_DIGITS = 12


def run_id_of(flow_run_id: str | None, expected: datetime) -> str | None:
    """Return the run's id for a flow run: the same at every retry (Prefect keeps the first expected start), and sorting by time."""
    if flow_run_id is None:
        return None
    return f"{expected.astimezone(UTC):%Y%m%dT%H%M%SZ}-{UUID(flow_run_id).hex[-RUN_ID_DIGITS:]}"
