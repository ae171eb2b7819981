"""What a slate of the simulator is told beside the request: which shot it stands for, and where in the reel.

Requests to Krea carry no shot, number or title: they travel in a header that is sent to the simulator alone, and that only it reads.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, fields
from typing import Any

SLATE_HEADER = "X-Animatic-Slate"
_MAX_TITLE, _MAX_LINE, _MAX_SOURCES = 200, 300, 16


@dataclass(frozen=True, kw_only=True, slots=True)
class SlateNote:
    """A shot and its place: ``number`` of ``count``; times in seconds."""

    shot: str
    number: int
    count: int
    title: str = ""
    line: str = ""
    """What is spoken or written over the shot."""
    variant: str = ""
    reel_at: float | None = None
    """Where the clip begins in the reel; None where it is in none, or a length before it is not known."""
    sources: tuple[tuple[str, str], ...] = ()
    """Media fields and what they take, in words: ``("start_image", "dawn, last frame")``."""

    def to_header(self) -> str:
        """Return the header's value: ASCII, whatever the title's script."""
        data = {item.name: getattr(self, item.name) for item in fields(self)}
        data |= {"title": self.title[:_MAX_TITLE], "line": self.line[:_MAX_LINE], "sources": self.sources[:_MAX_SOURCES]}
        return base64.b64encode(json.dumps(data).encode()).decode()

    @classmethod
    def from_header(cls, value: str) -> SlateNote | None:
        """Read a header's value; None for one that is not understood: a slate without its number is still a slate."""
        try:
            data: Any = json.loads(base64.b64decode(value, validate=True))
            reel_at = data.get("reel_at")
            return cls(
                shot=str(data["shot"]),
                number=int(data["number"]),
                count=int(data["count"]),
                title=str(data.get("title", "")),
                line=str(data.get("line", "")),
                variant=str(data.get("variant", "")),
                reel_at=None if reel_at is None else max(0.0, float(reel_at)),
                sources=tuple((str(field), str(words)) for field, words in data.get("sources", ())),
            )
        except (ValueError, TypeError, KeyError, AttributeError):
            return None

    def source(self, field: str) -> str:
        """Return what a media field takes, in words; empty where nobody said."""
        return next((words for name, words in self.sources if name == field), "")
