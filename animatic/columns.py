"""Sets text in columns for people: aligned, fitted to the width of a terminal, colored sparingly, in the order in which people count."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from animatic.line_breaks import parts

Style = Literal["", "bold", "dim", "green", "yellow", "red", "cyan"]
_CODES: dict[Style, str] = {"": "", "bold": "1", "dim": "2", "green": "32", "yellow": "33", "red": "31", "cyan": "36"}
_GAP = 2
_ELLIPSIS = "…"
_QUOTED = re.compile(r"`[^`]*`")
_WORD = re.compile(r"(\s*)(\S+)")
_KEPT = "\x00"
"""Stands for a space at which a line is not broken."""
_LEAST_LINE = 20
"""Columns of a terminal below which nothing is fitted any more: lines are cut."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """How one column behaves. One without text in any row is left out."""

    title: str
    right: bool = False
    """Whether texts stand at the right, as figures do."""
    least: int | None = None
    """The width to which it may be shortened; None: it is never shortened."""
    drop: int = 0
    """When it is left out for want of room: 1 before 2 before 3; 0 never."""
    keep_end: bool = False
    """Whether the end of a text says more than its beginning, as in ``16x9-en/street``."""


Cell = str | tuple[str, Style]
"""A text, or a text and its style."""


def table(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], *, width: int | None = None, indent: int = 2, color: bool = False
) -> list[str]:
    """Return the lines of a table with its titles. ``width``: the terminal's, None where lines may be as long as they like."""
    kept, widths = _fitted(columns, rows, None if width is None else max(width - indent, _LEAST_LINE))
    titles: list[Cell] = [(column.title, "dim") for column in columns]
    return [" " * indent + _line(columns, row, kept, widths, color=color) for row in (titles, *rows)]


def _fitted(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int | None) -> tuple[list[int], dict[int, int]]:
    """Return the columns that are shown, by position, and how wide each is."""
    natural = {
        number: max(size(text_of(row[number])) for row in rows)
        for number in range(len(columns))
        if any(text_of(row[number]) for row in rows)
    }
    natural = {number: max(wide, size(columns[number].title)) for number, wide in natural.items()}
    while True:
        kept = list(natural)
        if width is None:
            return kept, natural
        room = width - _GAP * (len(kept) - 1)
        least = {number: wide if (small := columns[number].least) is None else min(wide, small) for number, wide in natural.items()}
        droppable = [number for number in kept if columns[number].drop]
        if sum(least.values()) <= room or not droppable:
            return kept, _shortened(natural, least, room)
        del natural[min(droppable, key=lambda number: columns[number].drop)]


def _shortened(natural: dict[int, int], least: dict[int, int], room: int) -> dict[int, int]:
    """Take what is missing from the widest column that can still give, one character at a time."""
    widths = dict(natural)
    for _ in range(max(0, sum(widths.values()) - room)):
        giving = [number for number in widths if widths[number] > least[number]]
        if not giving:
            break
        widths[max(giving, key=lambda number: widths[number])] -= 1
    return widths


def _line(columns: Sequence[Column], row: Sequence[Cell], kept: Sequence[int], widths: dict[int, int], *, color: bool) -> str:
    cells = []
    for place, number in enumerate(kept):
        text = shortened(text_of(row[number]), widths[number], keep_end=columns[number].keep_end)
        space = " " * (widths[number] - size(text))
        style = style_of(row[number])
        painted = paint(text, style, color=color)
        is_last = place == len(kept) - 1
        cells.append(space + painted if columns[number].right else painted if is_last else painted + space)
    return (" " * _GAP).join(cells).rstrip()


def text_of(cell: Cell) -> str:
    """Return the text of a cell, on one line."""
    return " ".join((cell if isinstance(cell, str) else cell[0]).split())


def style_of(cell: Cell) -> Style:
    """Return the style of a cell."""
    return "" if isinstance(cell, str) else cell[1]


def paint(text: str, style: Style, *, color: bool) -> str:
    """Return the text in a style, where there is color."""
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if color and style and text else text


def size(text: str) -> int:
    """Return how many columns of a terminal a text takes: two for wide signs, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(_size_of(sign) for sign in text)


def _size_of(sign: str) -> int:
    if unicodedata.combining(sign) or unicodedata.category(sign) in {"Cf", "Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1


def shortened(text: str, width: int, *, keep_end: bool = False) -> str:
    """Return a text of at most ``width`` columns, with an ellipsis where something is left out."""
    if size(text) <= width:
        return text
    signs = list(reversed(text)) if keep_end else list(text)
    taken: list[str] = []
    room = width - 1
    for sign in signs:
        room -= _size_of(sign)
        if room < 0:
            break
        taken.append(sign)
    return _ELLIPSIS + "".join(reversed(taken)) if keep_end else "".join(taken).rstrip() + _ELLIPSIS


def wrapped(text: str, width: int | None, *, indent: str = "", hanging: str | None = None) -> list[str]:
    """Return a text in lines of at most ``width`` columns; the second and later ones begin with ``hanging`` (default: as the first)."""
    if width is None or size(indent) + size(text) <= width:
        return [indent + text]
    later = indent if hanging is None else hanging
    # A command between backticks stays on one line, so that it can be pasted: the terminal may break it, which copying undoes.
    whole = _QUOTED.sub(lambda match: match.group().replace(" ", _KEPT), text)
    lines, line = [], indent
    for word, space in _words(whole):
        if line.strip() and size(line) + space + size(word) > max(width, _LEAST_LINE):
            lines.append(line)
            line = later
        line += " " * (space if line.strip() else 0) + word
    return [part.replace(_KEPT, " ") for part in (*lines, line)]


def _words(text: str) -> Iterator[tuple[str, int]]:
    """Yield what stays on one line, and how many spaces stand before it: words, and single signs of scripts that need no spaces."""
    for found in _WORD.finditer(text):
        space = len(found[1])
        for part in parts(found[2]):
            yield part, space
            space = 0


def natural(text: str) -> tuple[tuple[int, int | str], ...]:
    """Return the key by which people sort: ``shot2`` before ``shot10``."""
    return tuple((0, int(part)) if part.isdecimal() else (1, part.casefold()) for part in re.split(r"(\d+)", text) if part)


def sorted_naturally(texts: Iterable[str]) -> list[str]:
    """Return the texts in the order in which people count."""
    return sorted(texts, key=lambda text: (natural(text), text))


def few(names: Sequence[str], most: int) -> str:
    """Return the names with commas, and how many more there are beyond ``most``: ``a, b and 3 more``."""
    rest = len(names) - most
    return f"{', '.join(names[:most])} and {rest} more" if rest > 0 else ", ".join(names)
