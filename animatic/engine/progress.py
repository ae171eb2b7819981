"""Where each shot of a run is, for whoever watches: the terminal, the artifacts, the events. Observing never changes the run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

State = Literal["pending", "preparing", "submitting", "in doubt", "running", "fetching", "delivered", "reused", "failed", "skipped"]
FINAL: frozenset[State] = frozenset({"delivered", "reused", "failed", "skipped", "in doubt"})


@dataclass(kw_only=True, slots=True)
class ShotProgress:
    """One shot, now. ``detail`` is Krea's status while it runs, and the reason once it has failed."""

    key: str
    model: str
    state: State = "pending"
    detail: str = ""
    job_id: str | None = None
    attempt: int = 0
    usd: Decimal | None = None
    began: float | None = None
    ended: float | None = None

    def elapsed(self, now: float) -> float | None:
        """Seconds since the shot began, or that it took."""
        return None if self.began is None else (self.ended or now) - self.began


Listener = Callable[[ShotProgress], None]


@dataclass(kw_only=True, slots=True)
class ProgressTracker:
    """All shots of a run in storyboard order, and who wants to hear of changes."""

    shots: dict[str, ShotProgress]
    listeners: list[Listener] = field(default_factory=list)
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def of(cls, models: Mapping[str, str]) -> ProgressTracker:
        """Start a board for steps (key -> model), all pending."""
        return cls(shots={key: ShotProgress(key=key, model=model) for key, model in models.items()})

    def change(
        self,
        key: str,
        state: State,
        detail: str = "",
        *,
        job_id: str | None = None,
        attempt: int | None = None,
        usd: Decimal | None = None,
        model: str | None = None,
    ) -> None:
        """Note a change and tell the listeners, unless nothing differs."""
        shot = self.shots[key]
        before = (shot.state, shot.detail, shot.job_id, shot.attempt)
        shot.state, shot.detail = state, detail
        shot.job_id = job_id or shot.job_id
        shot.attempt = attempt or shot.attempt
        shot.usd = usd if usd is not None else shot.usd
        shot.model = model or shot.model
        now = self.clock()
        if shot.began is None and state != "pending":
            shot.began = now
        shot.ended = now if state in FINAL else None
        if before != (shot.state, shot.detail, shot.job_id, shot.attempt):
            for listener in self.listeners:
                listener(shot)
