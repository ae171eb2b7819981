"""Directives inside prompts: ``[sim: fail]`` lets one shot go wrong on purpose, whatever the settings say.

A directive is ``[sim: NAME]``, ``[sim: NAME SECONDS]`` and, with ``once`` at its end, holds for the first request with that prompt
only. Unknown ones are refused with 400: a typing error must not pass for a success. All are taken out of what the slate shows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

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
    """One wish: its name, seconds where it takes them, and whether only the first request with that prompt is meant."""

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
