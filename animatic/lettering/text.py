"""Sets text of any script: wraps it in lines, measures and draws it, each stretch in a font that has its characters.

Lines run in the direction of their first letter; a stretch of the other direction within one keeps its own.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, groupby, islice
from typing import Literal

from PIL import ImageDraw

from animatic.lettering.fonts import BUILT_IN, covers, face_of, font_for, shapes_scripts
from animatic.line_breaks import extends, may_part

Color = int | tuple[int, int, int]
"""A level of a gray picture, or red, green and blue."""
Direction = Literal["ltr", "rtl"]

LINE_HEIGHT = 1.34
"""Of the size of the font."""
_BASELINE = 0.98
_MAX_UNBROKEN_LENGTH = 12
"""Words of more characters may be broken; on tall slates only, where a shorter one never fills a line."""
_MAX_BOUND = 3
"""Characters beyond which signs are not held together any more: a row of brackets is wider than any line."""
_WIDE = frozenset({"W", "F"})
"""Chinese, Japanese and Korean, whose lines may end after any character."""
_RTL, _LTR = frozenset({"R", "AL"}), frozenset({"L", "EN", "AN"})
_SIGNS = frozenset({"So", "Sk", "Cn", "Co"})
_INVISIBLE = frozenset({"Cf", "Mn"})


@dataclass(frozen=True, slots=True)
class Block:
    """Wrapped lines, the size of their font, and the height of a line in pixels."""

    lines: tuple[str, ...]
    size: int
    leading: int

    @property
    def height(self) -> int:
        """Height of the whole block in pixels."""
        return self.leading * len(self.lines)

    def draw(self, pen: ImageDraw.ImageDraw, box: tuple[int, int, int], fill: Color) -> None:
        """Draw the lines from ``left, top`` on; those that run to the left end at ``right``."""
        left, top, right = box
        for number, line in enumerate(self.lines):
            y = top + number * self.leading
            if direction_of(line) == "rtl":
                draw_text(pen, (right, y), line, self.size, fill, anchor="right")
            else:
                draw_text(pen, (left, y), line, self.size, fill)


@dataclass(frozen=True, slots=True)
class _Run:
    """A stretch of one font and one direction."""

    text: str
    path: str
    direction: Direction


def shown(text: str) -> str:
    """Return the text with signs that no font of this machine has as words: a box says less than ``[fire]``."""
    written: list[str] = []
    for character in text:
        if unicodedata.category(character) in _SIGNS and face_of(character) is None:
            name = unicodedata.name(character, "").lower()
            written.append(f"[{name}]" if name else "")
        elif unicodedata.category(character) in _INVISIBLE and written and written[-1].startswith("["):
            continue  # selects the color of a sign that is a word now
        else:
            written.append(character)
    return "".join(written)


def direction_of(text: str) -> Direction:
    """Return the direction of the first letter."""
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in _RTL:
            return "rtl"
        if kind == "L":
            return "ltr"
    return "ltr"


def width_of(text: str, size: int) -> float:
    """Return how many pixels wide the text is in one line."""
    return sum(_length(run, size) for run in _runs(text))


def draw_text(
    pen: ImageDraw.ImageDraw,
    corner: tuple[float, float],
    text: str,
    size: int,
    fill: Color,
    *,
    anchor: Literal["left", "right"] = "left",
) -> None:
    """Draw one line. The corner is the upper left one, or the upper right one."""
    x, top = corner
    baseline = top + round(size * _BASELINE)
    x -= width_of(text, size) if anchor == "right" else 0
    for run in _in_sight(_runs(text), direction_of(text)):
        font = font_for(size, run.path)
        if shapes_scripts() and run.path != BUILT_IN:
            pen.text((x, baseline), run.text, font=font, fill=fill, anchor="ls", direction=run.direction)
        else:
            pen.text((x, baseline), run.text[::-1] if run.direction == "rtl" else run.text, font=font, fill=fill, anchor="ls")
        x += _length(run, size)


def fitted(text: str, width: int, height: int, sizes: tuple[int, ...]) -> Block:
    """Wrap the text at the first of the sizes at which it fits; at the last one, cut it with an ellipsis."""
    text = shown(text)
    for size in sizes:
        leading = round(size * LINE_HEIGHT)
        room = max(1, height // leading)
        lines = tuple(islice(wrapped(text, size, width), room + 1))
        if len(lines) <= room and all(width_of(line, size) <= width for line in lines):
            return Block(lines, size, leading)
    cut = lines if len(lines) <= room else (*lines[: room - 1], lines[room - 1] + " …")
    return Block(tuple(shortened(line, size, width) for line in cut), size, leading)


def shortened(text: str, size: int, width: float) -> str:
    """Cut the text with an ellipsis where it is too wide."""
    if width_of(text, size) <= width:
        return text
    kept = text.removesuffix("…").rstrip()
    while kept and width_of(kept + "…", size) > width:
        kept = kept[:-1].rstrip()
    return kept + "…"


@lru_cache(maxsize=2048)
def _runs(text: str) -> tuple[_Run, ...]:
    """Split a line, in the order in which it is read. A mark stays with its letter, and signs with the font before them that has them."""
    paths: list[str] = []
    path = BUILT_IN
    for character in text:
        if not paths or not (unicodedata.category(character) in _INVISIBLE or (path != BUILT_IN and covers(path, character))):
            found = face_of(character)
            path = BUILT_IN if found is None else found
        paths.append(path)
    grouped = groupby(zip(text, paths, _directions(text), strict=True), key=lambda item: item[1:])
    return tuple(_Run("".join(item[0] for item in items), path, direction) for (path, direction), items in grouped)


def _directions(text: str) -> list[Direction]:
    """Return the direction of every character: letters have one, what stands between two of one direction has theirs, else the line's."""
    base = direction_of(text)
    kinds = [unicodedata.bidirectional(character) for character in text]
    strong: list[Direction | None] = ["rtl" if kind in _RTL else "ltr" if kind in _LTR else None for kind in kinds]
    before: list[Direction] = []
    for own in strong:
        before.append(own or (before[-1] if before else base))
    after: list[Direction] = []
    for own in reversed(strong):
        after.append(own or (after[-1] if after else base))
    return [own or (left if left == right else base) for own, left, right in zip(strong, before, reversed(after), strict=True)]


def _in_sight(runs: tuple[_Run, ...], base: Direction) -> list[_Run]:
    """Return the runs from left to right: neighbours against the direction of the line swap their places among themselves."""
    pieces = [list(items) for _, items in groupby(runs, key=lambda run: run.direction)]
    ordered = [piece if piece[0].direction == "ltr" else piece[::-1] for piece in pieces]
    return list(chain.from_iterable(ordered if base == "ltr" else reversed(ordered)))


def _length(run: _Run, size: int) -> float:
    return font_for(size, run.path).getlength(run.text)


def wrapped(text: str, size: int, width: int) -> Iterator[str]:
    """Yield the lines. Words are measured once each and taken to add up: prompts are long, and kerning between words is small."""
    measured: dict[str, float] = {}
    space = width_of(" ", size)
    for paragraph in text.splitlines() or [""]:
        line, reach = "", 0.0
        for piece in chain.from_iterable(_pieces(word, size, width, measured) for word in paragraph.split()):
            if line and reach + space + measured[piece] <= width:
                line, reach = f"{line} {piece}", reach + space + measured[piece]
                continue
            if line:
                yield line
            line, reach = piece, measured[piece]
        if line:
            yield line


def _pieces(word: str, size: int, width: int, measured: dict[str, float]) -> Iterator[str]:
    """Break a word that is wider than a line, or a sentence of a script without spaces, between its characters."""
    piece, reach = "", 0.0
    breaks = len(word) > _MAX_UNBROKEN_LENGTH or any(unicodedata.east_asian_width(character) in _WIDE for character in word)
    for part in _clusters(word) if breaks else [word]:
        if part not in measured:
            measured[part] = width_of(part, size)
        if piece and reach + measured[part] > width:
            measured[piece] = reach
            yield piece
            piece, reach = "", 0.0
        piece, reach = piece + part, reach + measured[part]
    measured[piece] = reach
    yield piece


def _clusters(word: str) -> Iterator[str]:
    """Yield characters with what belongs to them: their marks, and signs that neither begin nor end a line."""
    cluster = ""
    for character in word:
        if cluster and not extends(cluster[-1], character) and (may_part(cluster[-1], character) or len(cluster) > _MAX_BOUND):
            yield cluster
            cluster = ""
        cluster += character
    yield cluster
