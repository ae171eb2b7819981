"""Take a text of comma-separated values apart, as RFC 4180 has it: each cell with its place, and every quote that is out of order.

Written by hand because the standard library's reader knows no columns and stops at the first fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from animatic.errors import Place, Problem
from animatic.source.document import Positions

_LINE_END = re.compile(r"\r\n|\r|\n")
_QUOTED = re.compile(r'"((?:[^"]|"")*)"')


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One cell: its text (each line end is one newline; what stood without quotes has no spaces around it) and where it stands."""

    text: str
    place: Place

    @property
    def blank(self) -> bool:
        """Whether there is nothing in it to read."""
        return not self.text.strip()


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """The cells of one record, which may cover several lines."""

    line: int
    cells: tuple[Cell, ...]

    @property
    def blank(self) -> bool:
        """Whether all cells are."""
        return all(cell.blank for cell in self.cells)


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """All records of a text, and what is wrong with its quotes."""

    rows: tuple[Row, ...]
    problems: tuple[Problem, ...]


def parse(text: str, delimiter: str, name: str, *, most: int | None = None) -> Grid:
    """Take a text apart at a delimiter of one character; up to ``most`` records in which something stands, or all."""
    reader = _Reader(text, delimiter, name)
    rows: list[Row] = []
    filled = 0
    for row in reader.rows():
        rows.append(row)
        filled += not row.blank
        if filled == most:
            break
    return Grid(rows=tuple(rows), problems=tuple(reader.problems))


class _Reader:
    """Walks the text once."""

    def __init__(self, text: str, delimiter: str, name: str) -> None:
        self.text = text
        self.positions = Positions(text, name)
        self.problems: list[Problem] = []
        self.at = 0
        self._plain = re.compile(rf"[^{re.escape(delimiter)}\r\n]*")
        self._spaces = re.compile(r"[ ]*" if delimiter == "\t" else r"[ \t]*")
        self._delimiter = delimiter

    def rows(self) -> Iterator[Row]:
        """Yield the records; a line end at the end of the text begins none."""
        while self.at < len(self.text):
            line = self.positions.place(self.at).line
            cells = [self._cell()]
            while self.text.startswith(self._delimiter, self.at):
                self.at += 1
                cells.append(self._cell())
            end = _LINE_END.match(self.text, self.at)
            self.at = end.end() if end else len(self.text)
            yield Row(line=line, cells=tuple(cells))

    def _cell(self) -> Cell:
        """Read a cell, up to the delimiter or line end behind it."""
        start = self.at
        quote = self._skip(start)
        if not self.text.startswith('"', quote):
            return self._unquoted(start)
        match = _QUOTED.match(self.text, quote)
        if match is None:
            self._note("the quote that opens here is never closed", quote, 1, 'close it; a quote within a quoted cell is doubled: ""')
            return self._unquoted(start)
        self.at = self._skip(match.end())
        self._nothing_more(quote)
        content = _LINE_END.sub("\n", match[1].replace('""', '"'))
        return Cell(text=content, place=self.positions.place(quote, self._shown(quote, match.end())))

    def _unquoted(self, start: int) -> Cell:
        match = self._plain.match(self.text, start)
        assert match is not None, "it matches nothing at least"
        self.at = match.end()
        content = match[0].strip()
        begin = start + len(match[0]) - len(match[0].lstrip()) if content else start
        return Cell(text=content, place=self.positions.place(begin, max(1, len(content))))

    def _nothing_more(self, opened: int) -> None:
        """Note what stands between a closing quote and the end of its cell, and skip it."""
        rest = self._plain.match(self.text, self.at)
        if rest is None or not rest[0]:
            return
        place = self.positions.place(opened)
        self._note(
            "text follows behind a closing quote",
            self.at,
            len(rest[0]),
            'double the quotes within a cell (""), and close the cell that opened before',
            related=((place, "the quoted cell opens here"),),
        )
        self.at = rest.end()

    def _skip(self, index: int) -> int:
        match = self._spaces.match(self.text, index)
        return match.end() if match else index

    def _shown(self, start: int, stop: int) -> int:
        """Return how much of a cell lies on its first line."""
        end = _LINE_END.search(self.text, start, stop)
        return max(1, (end.start() if end else stop) - start)

    def _note(self, message: str, index: int, length: int, hint: str, related: tuple[tuple[Place, str], ...] = ()) -> None:
        self.problems.append(Problem(message, self.positions.place(index, length), hint=hint, code="quotes", related=related))
