"""Directives inside prompts: ``[sim: fail]`` lets one shot go wrong on purpose, whatever the settings say.

A directive is ``[sim: NAME]``, ``[sim: NAME SECONDS]`` and, with ``once`` at its end, holds for the first request with that prompt
only. Unknown ones are refused with 400: a typing error must not pass for a success. All are taken out of what the slate shows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, Literal

NAMES: Final = frozenset(
    {
        "fail",
        "moderated",
        "empty",
        "gone",
        "credits",
        "plan",
        "slow",
        "500",
        "524",
        "lost",
        "lost-before",
        "429",
        "422",
        "cut",
        "deprecated",
    },
)
_WITH_SECONDS: Final = {"slow"}
_PATTERN = re.compile(r"\s*\[sim:\s*([^\]]*)\]\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Directive:
    """One options: its name, seconds where it takes them, and whether only the first request with that prompt is meant."""

    name: str
    seconds: float = 0.0
    once: bool = False


@dataclass(frozen=True, slots=True)
class Parsed:
    """A prompt without its directives, the directives, and what could not be read."""

    text: str
    directives: tuple[Directive, ...]
    mistakes: tuple[str, ...]


def parse(prompt: str) -> Parsed:
    """Take the directives out of a prompt."""
    directives: list[Directive] = []
    mistakes: list[str] = []
    for written in _PATTERN.findall(prompt):
        words = written.lower().split()
        once = len(words) > 1 and words[-1] == "once"
        name, *rest = words[:-1] if once else words or [""]
        if name not in NAMES or len(rest) != (name in _WITH_SECONDS) or not all(_is_seconds(word) for word in rest):
            mistakes.append(f"[sim: {written.strip()}] is no directive of the simulator")
            continue
        directives.append(Directive(name, float(rest[0]) if rest else 0.0, once))
    return Parsed(_PATTERN.sub(" ", prompt).strip(), tuple(directives), tuple(mistakes))


def _is_seconds(word: str) -> bool:
    try:
        return 0 <= float(word) < 1e6  # noqa: PLR2004
    except ValueError:
        return False


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
