"""Breaks what is said into captions: two lines at most, in every script, where people would break it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from animatic.line_breaks import extends, parts

MAX_LINES = 2
MAX_COLUMNS = 42
"""Latin letters of a line, as broadcasters have it."""
_WIDE_COLUMNS = 2.5
"""Of a Chinese, Japanese or Korean sign: about 16 of them make a line."""
_WIDE = frozenset({"W", "F"})
_SENTENCE = frozenset(".!?…。！？।؟")  # noqa: RUF001 (these are the signs that are meant)
_CLAUSE = frozenset(",;:–—，、；：،؛")  # noqa: RUF001 (these are the signs that are meant)


@dataclass(frozen=True, slots=True)
class _Atom:
    """A stretch that is never broken; ``space``: one stands before it."""

    text: str
    space: bool


def columns_of(text: str) -> float:
    """Return how wide a text is, in Latin letters."""
    width = 0.0
    for character in text:
        if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Me", "Cf"}:
            continue
        width += _WIDE_COLUMNS if unicodedata.east_asian_width(character) in _WIDE else 1
    return width


def captions_of(text: str) -> tuple[tuple[str, ...], ...]:
    """Return the captions that a text becomes, each one or two lines. Line breaks of the text are kept where that fits one caption."""
    written = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    if not written:
        return ()
    if len(written) <= MAX_LINES and all(columns_of(line) <= MAX_COLUMNS for line in written):
        return (tuple(written),)
    atoms = list(_atoms(" ".join(written)))
    found: list[tuple[str, ...]] = []
    while atoms:
        taken = _fitting(atoms)
        if taken < len(atoms):
            taken = _better_end(atoms, taken)
        found.append(_balanced(atoms[:taken]))
        atoms = atoms[taken:]
    return tuple(found)


def _atoms(text: str) -> Iterator[_Atom]:
    for word in text.split(" "):
        space = True
        for piece in parts(word):
            # what no line could hold is broken between its letters
            while columns_of(piece) > MAX_COLUMNS:
                cut = next(at for at in range(len(piece), 0, -1) if columns_of(piece[:at]) <= MAX_COLUMNS)
                while cut > 1 and extends(piece[cut - 1], piece[cut]):
                    cut -= 1
                yield _Atom(piece[:cut], space)
                piece, space = piece[cut:], False  # noqa: PLW2901
            yield _Atom(piece, space)
            space = False


def _line(atoms: Sequence[_Atom]) -> str:
    return "".join((" " if atom.space and at else "") + atom.text for at, atom in enumerate(atoms))


def _fitting(atoms: Sequence[_Atom]) -> int:
    """Return how many atoms two lines hold; one at least."""
    at = 0
    for _ in range(MAX_LINES):
        start, width = at, 0.0
        while at < len(atoms):
            width += columns_of(atoms[at].text) + (1 if atoms[at].space and at > start else 0)
            if width > MAX_COLUMNS and at > start:
                break
            at += 1
    return max(1, at)


def _better_end(atoms: Sequence[_Atom], taken: int) -> int:
    """Return where to end a caption: behind a sentence, else a clause, in its second half; else where it is full."""
    for signs in (_SENTENCE, _CLAUSE):
        for at in range(taken, taken // 2, -1):
            if atoms[at - 1].text[-1] in signs:
                return at
    # nothing speaks for a place: two captions of about the same length read better than a full one and a rest
    rest = len(atoms) - taken
    if rest < taken // 3:
        return _spaced(atoms, (len(atoms) + 1) // 2, taken)
    return _spaced(atoms, taken, taken)


def _spaced(atoms: Sequence[_Atom], at: int, most: int) -> int:
    """Return the nearest place up to ``most`` with a space behind it, so that no word is parted that need not be."""
    places = [place for place in range(max(1, most // 2), most + 1) if place == len(atoms) or atoms[place].space]
    return min(places, key=lambda place: abs(place - at)) if places else at


def _balanced(atoms: Sequence[_Atom]) -> tuple[str, ...]:
    """Return a caption's lines: one where it fits, else two that are about as long as each other, the first not the longer if it can be."""
    whole = _line(atoms)
    if columns_of(whole) <= MAX_COLUMNS or len(atoms) == 1:
        return (whole,)

    def cost(at: int) -> float:
        first, second = _line(atoms[:at]), _line(atoms[at:])
        widths = columns_of(first), columns_of(second)
        parted = 0 if atoms[at].space else 4
        clause = 0 if first[-1] in _SENTENCE | _CLAUSE else 6
        return max(*widths) + parted + clause + (1000 if max(*widths) > MAX_COLUMNS else 0)

    best = min(range(1, len(atoms)), key=cost)
    return _line(atoms[:best]), _line(atoms[best:])
