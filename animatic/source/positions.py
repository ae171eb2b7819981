"""Between offsets in a text and the lines and columns that editors show."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property

from animatic.errors import Place

_LINE_END = re.compile(r"\r\n|\r|\n")


class Positions:
    """The lines of one text; places carry the name of its file."""

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.name = name

    @cached_property
    def lines(self) -> list[str]:
        """The lines as editors count them, without their ends."""
        return _LINE_END.split(self.text)

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in _LINE_END.finditer(self.text))]

    def place(self, index: int, length: int = 1) -> Place:
        """Return the place of the character at an offset."""
        line = bisect_right(self._starts, index)
        return Place(self.name, line, index - self._starts[line - 1] + 1, length)

    def index(self, place: Place) -> int:
        """Return the offset of a place."""
        return self._starts[place.line - 1] + place.column - 1

    def at(self, place: Place) -> str:
        """Return the text that a place covers."""
        start = self.index(place)
        return self.text[start : start + place.length]
