"""Defines a mark of origin: what a delivered file says of itself, and the pieces of which a marked file is written.

The words are IPTC's (`digital source type`, `AI system used`), so that programs which know nothing of animatic understand them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TERMS: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/"
TRAINED: Final = f"{TERMS}trainedAlgorithmicMedia"
"""Made by a model that was trained on media."""
ALGORITHMIC: Final = f"{TERMS}algorithmicMedia"
"""Made by a plain algorithm: what the simulator draws."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """What a file says of itself. ``shot`` is the step's key, for a reel its name; ``model`` names several of a reel, comma-separated."""

    run: str
    pipeline: str
    shot: str
    model: str
    simulated: bool
    software: str
    """Name and version of the program that delivered it."""

    @property
    def source_type(self) -> str:
        """IPTC's digital source type, an address."""
        return ALGORITHMIC if self.simulated else TRAINED

    @property
    def sentence(self) -> str:
        """The mark for people, in the comment that players and file managers show."""
        how = "SIMULATED: drawn by a simulator, no model was asked" if self.simulated else f"AI-generated ({self.model})"
        return f"{how}; {self.pipeline} / {self.shot}, run {self.run}; {self.software}"


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of the source file that are copied as they are: from ``start`` up to ``end``."""

    start: int
    end: int


Pieces = list[bytes | Span]
"""A marked file: spans of the unmarked one and bytes between them."""
Edit = Callable[[Path, Mark], Pieces | None]
"""Tells how a file of one format is marked; None where its structure is not understood, so that it is better left alone."""
