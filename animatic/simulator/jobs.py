"""Jobs, and what can become of them: statuses over time, outcomes, refusals, and directives in prompts.

``[sim: fail]`` lets one shot go wrong on purpose, whatever the settings say. A directive is ``[sim: NAME]``, ``[sim: NAME SECONDS]`` and,
with ``once`` at its end, holds for the first request with that prompt only. Unknown ones are refused with 400: a typing error must not pass
for a success. All are taken out of what the slate shows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final, Literal, assert_never, get_args

from animatic.catalog.model import Kind

DirectiveName = Literal[
    "lost-before",
    "429",
    "credits",
    "plan",
    "422",
    "gone",
    "lost",
    "500",
    "524",
    "slow",
    "fail",
    "moderated",
    "empty",
    "cut",
    "deprecated",
    "black",
    "frozen",
]
Flaw = Literal["black", "frozen"]
"""What a clip may look like that checks should find: black from its middle on, or a picture that stands still."""
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
Suffix = Literal["mp4", "png", "mp3", "wav", "glb"]

DIRECTIVES: Final[tuple[DirectiveName, ...]] = get_args(DirectiveName)
"""Where several stand in one prompt, the first of this order that decides something decides."""
FLAWS: Final[tuple[Flaw, ...]] = get_args(Flaw)
STATUSES: Final[tuple[Status, ...]] = get_args(Status)
TERMINAL: Final = frozenset({"completed", "failed", "cancelled"})

_WITH_SECONDS: Final = frozenset({"slow"})
_PATTERN = re.compile(r"\s*\[sim:\s*([^\]]*)\]\s*", re.IGNORECASE)
_PROGRESS: Final[tuple[tuple[float, Status], ...]] = (
    (0.06, "queued"),
    (0.12, "scheduled"),
    (0.35, "processing"),
    (0.9, "sampling"),
    (1.0, "intermediate-complete"),
)
"""Shares of a job's time until which it has a status."""
_FAILS_AT = 0.6
"""Share of its time after which a job that fails has failed."""


@dataclass(slots=True)
class RefusedError(Exception):
    """A request that is answered with an error: status, JSON body (or HTML text), headers."""

    status: int
    body: dict[str, Any] | str
    headers: dict[str, str] = field(default_factory=dict)


class DroppedError(Exception):
    """A request whose connection closes without an answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One accepted request. ``kind`` is the model's; times are seconds since 1970 by the simulator's clock.

    ``usd`` is None where the catalogue knows no price.
    """

    id: str
    route: str
    model: str
    kind: Kind
    body: dict[str, Any]
    request_hash: str
    render_key: str
    suffix: Suffix
    created_at: float
    start_at: float
    seconds: float
    visible_at: float
    outcome: Outcome
    usd: float | None
    webhook: str | None = None
    cancelled_at: float | None = None
    slate: str | None = None
    """The header that told what the slate says."""

    @property
    def end_at(self) -> float:
        """When it has ended at the earliest: rendering may take longer."""
        if self.cancelled_at is not None:
            return self.cancelled_at
        return self.start_at + self.seconds * (1.0 if self.delivers else _FAILS_AT)

    @property
    def mime(self) -> str:
        """MIME type of the result."""
        match self.suffix:
            case "mp4":
                return "video/mp4"
            case "png":
                return "image/png"
            case "mp3":
                return "audio/mpeg"
            case "wav":
                return "audio/wav"
            case "glb":
                return "model/gltf-binary"
            case _:
                assert_never(self.suffix)

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
        if share >= _PROGRESS[-2][0] and self.outcome == "completed" and not rendered:
            return "sampling"
        return next((status for limit, status in _PROGRESS if share < limit), "completed")


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive: its name, seconds where it takes them, and whether only the first request with that prompt is meant."""

    name: DirectiveName
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
        first, *rest = words[:-1] if once else words or [""]
        name = next((name for name in DIRECTIVES if name == first), None)
        if name is None or len(rest) != (name in _WITH_SECONDS) or not all(_is_seconds(word) for word in rest):
            mistakes.append(f"[sim: {written.strip()}] is no directive of the simulator")
            continue
        directives.append(Directive(name, float(rest[0]) if rest else 0.0, once))
    return Parsed(_PATTERN.sub(" ", prompt).strip(), tuple(directives), tuple(mistakes))


def _is_seconds(word: str) -> bool:
    try:
        return 0 <= float(word) < 1e6  # noqa: PLR2004
    except ValueError:
        return False
