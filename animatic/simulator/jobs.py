"""A job and its statuses. What a job is doing follows from when it was accepted and what the clock says: nothing needs to run for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

Outcome = Literal["completed", "failed", "moderated", "empty"]
Status = Literal[
    "backlogged",
    "queued",
    "scheduled",
    "processing",
    "sampling",
    "intermediate-complete",
    "completed",
    "failed",
    "cancelled",
]
STATUSES: Final[tuple[Status, ...]] = (
    "backlogged",
    "queued",
    "scheduled",
    "processing",
    "sampling",
    "intermediate-complete",
    "completed",
    "failed",
    "cancelled",
)
TERMINAL: Final = frozenset({"completed", "failed", "cancelled"})

_WALK: Final[tuple[tuple[float, Status], ...]] = (
    (0.06, "queued"),
    (0.12, "scheduled"),
    (0.35, "processing"),
    (0.9, "sampling"),
    (1.0, "intermediate-complete"),
)
_FAILS_AT = 0.6
"""Share of its time after which a job that fails has failed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One accepted request. Times are seconds since 1970 by the simulator's clock; ``usd`` None: the catalogue knows no price."""

    id: str
    route: str
    model: str
    kind: str
    body: dict[str, Any]
    request_hash: str
    render_key: str
    suffix: str
    created_at: float
    start_at: float
    seconds: float
    visible_at: float
    outcome: Outcome
    usd: float | None
    webhook: str | None = None
    cancelled_at: float | None = None

    @property
    def end_at(self) -> float:
        """When it has ended at the earliest: rendering may take longer."""
        if self.cancelled_at is not None:
            return self.cancelled_at
        return self.start_at + self.seconds * (1.0 if self.delivers else _FAILS_AT)

    @property
    def delivers(self) -> bool:
        """Whether it ends ``completed``, with a file or without."""
        return self.outcome in {"completed", "empty"}

    def status_at(self, now: float, *, rendered: bool) -> Status:
        """Return the status at that time. A job whose render is not finished stays ``sampling``."""
        if self.cancelled_at is not None and now >= self.cancelled_at:
            return "cancelled"
        if now < self.start_at:
            return "backlogged"
        if now >= self.end_at and not self.delivers:
            return "failed"
        share = (now - self.start_at) / self.seconds if self.seconds else 1.0
        if share >= _WALK[-2][0] and self.outcome == "completed" and not rendered:
            return "sampling"
        return next((status for limit, status in _WALK if share < limit), "completed")
