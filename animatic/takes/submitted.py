"""A job that was paid for: what the stages after the submission need to know of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    """A job that was paid for and that somebody has to wait for."""

    fingerprint: str
    attempt: int
    job_id: str
    model: str
    submitted_at: datetime
    usd: Decimal | None
    request: Mapping[str, Any]
    """Body as sent, URLs without query."""
    inputs: tuple[Mapping[str, Any], ...]
    adopted: bool
    """Taken up from the ledger: this process did not send it."""
