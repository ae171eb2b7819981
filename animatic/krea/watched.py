"""One job that somebody waits for, as the watcher knows it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import anyio

from animatic.errors import AnimaticError
from animatic.krea.pace import Backoff
from animatic.krea.wire import Job

log = logging.getLogger(__name__)


@dataclass(kw_only=True, eq=False)
class Watched:
    """Times are the watcher's monotonic seconds; ``created_at`` is Krea's."""

    id: str
    created_at: datetime | None
    model: str | None
    began: float
    next_look: float
    next_single: float = float("-inf")
    """Not read by itself before this, where the list does not show it."""
    missing_since: float | None = None
    status: str = ""
    """As last seen; empty: never seen."""
    nudged: bool = False
    waiting: int = 0
    job: Job | None = None
    error: AnimaticError | None = None
    ended: anyio.Event = field(default_factory=anyio.Event)
    listeners: list[Callable[[Job], None]] = field(default_factory=list)
    backoff: Backoff = field(default_factory=Backoff)

    def end(self, *, job: Job | None = None, error: AnimaticError | None = None) -> None:
        """Let those who wait go on; the first outcome stands."""
        if not self.ended.is_set():
            self.job, self.error = job, error
            self.ended.set()

    def tell(self, job: Job) -> None:
        """Tell the listeners of a new status. A listener that fails must not keep others waiting."""
        for listener in list(self.listeners):
            try:
                listener(job)
            except Exception:
                log.exception("a listener for job %s failed", self.id)
