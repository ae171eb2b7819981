"""Gives a PDF the fonts that its texts need, and sets them: any script, in its direction, clamped to so many lines."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Iterable

from fpdf import FPDF
from fpdf.enums import Align, MethodReturnValue, WrapMode
from fpdf.fonts import TTFFont

from animatic.lettering.fonts import BUILT_IN, face_of, usual_face
from animatic.lettering.text import direction_of, shown
from animatic.line_breaks import extends, may_part

_CORE = "helvetica"
"""The font that every reader of PDF has, for machines without any: it knows Western European letters only."""
_LEADING = 1.28
_PLAIN = str.maketrans({"…": "...", "“": '"', "”": '"', "‘": "'", "’": "'", "\u2013": "-", "\u2014": "-"})
"""Signs of good typography as that font can show them."""
ELLIPSIS = " …"
_LEAST_FILLED = 2 / 3
"""Of a line that is cut: a last word that would leave less is cut itself, as are titles of scripts without spaces."""
_MAX_LETTERS = 400
"""More than any line of a sheet holds."""
_EM = 1000
"""Units of a font's widths in its size."""
_KERNING = 1.05
"""More than letters grow apart beside each other."""


class Typeface:
    """The fonts of one document. Sizes in points."""

    def __init__(self, pdf: FPDF, texts: Iterable[str]) -> None:
        self._pdf = pdf
        base = usual_face()
        faces = {face_of(character) or BUILT_IN for character in set("".join(map(shown, texts)))}
        families = {
            path: f"face{number}" for number, path in enumerate(dict.fromkeys([*([base] if base else []), *sorted(faces - {BUILT_IN})]))
        }
        for path, family in families.items():
            pdf.add_font(family, fname=path)
        self._shaped = bool(families)
        self._family = families.get(base or "", _CORE)
        pdf.set_fallback_fonts([family for family in families.values() if family != self._family], exact_match=False)
        if self._shaped:
            pdf.set_text_shaping(use_shaping_engine=True)

    def put(
        self,
        text: str,
        at: tuple[float, float],
        width: float,
        size: float,
        *,
        lines: int = 1,
        color: int = 0,
        align: Align | None = None,
    ) -> float:
        """Set a text into a column; returns the height that it took. What does not fit into ``lines`` is cut with an ellipsis."""
        clean = self._writable(" ".join(text.split()))
        if not clean:
            return 0.0
        pdf = self._pdf
        pdf.font_family = ""  # what a fallback font set last is not what fpdf believes to be set
        pdf.set_font(self._family, size=size)
        pdf.set_text_color(color)
        found = self._lines(clean, width, size)
        if len(found) > lines:
            found = [*found[: lines - 1], self._shortened(_rest(clean, found[: lines - 1]), width)]
        align = align or (Align.R if direction_of(clean) == "rtl" else Align.L)
        for number, line in enumerate(found):
            pdf.set_xy(at[0], at[1] + number * size * _LEADING)
            pdf.cell(width, size * _LEADING, line, align=align)
        return len(found) * size * _LEADING

    def _lines(self, text: str, width: float, size: float) -> list[str]:
        if self._surely_fits(text, width, size):
            return [text]
        found = self._pdf.multi_cell(
            width, size * _LEADING, text, dry_run=True, output=MethodReturnValue.LINES, wrapmode=WrapMode.WORD, padding=0
        )
        assert isinstance(found, list)
        return [str(line) for line in found]

    def _surely_fits(self, text: str, width: float, size: float) -> bool:
        """Whether a text fits into one line by the widths of its letters alone: a tenth of the work of breaking it into lines."""
        font = self._pdf.current_font
        if not isinstance(font, TTFFont) or not text.isascii():
            return False
        return sum(font.cw[ord(letter)] for letter in text) * size / _EM * _KERNING < width

    def _shortened(self, text: str, width: float) -> str:
        """Return as much of a text as one line holds, with an ellipsis: to the end of a word, where that leaves little empty."""
        room, ellipsis = width - 2 * self._pdf.c_margin, self._writable(ELLIPSIS)
        ends = range(min(len(text), _MAX_LETTERS) + 1)
        end = bisect_right(ends, room, key=lambda end: self._pdf.get_string_width(text[:end] + ellipsis)) - 1
        while 0 < end < len(text) and (extends(text[end - 1], text[end]) or not may_part(text[end - 1], text[end])):
            end -= 1
        kept = text[:end]
        word = end if text[end : end + 1] in {" ", ""} else kept.rfind(" ")
        if word >= end * _LEAST_FILLED:
            return kept[:word].rstrip() + ellipsis
        return kept.rstrip() + ellipsis.strip()

    def _writable(self, text: str) -> str:
        """Return the text with what the fonts cannot show as words or signs that they have."""
        text = shown(text)
        if self._shaped:
            return "".join(character for character in text if unicodedata.category(character) != "Cc")
        return text.translate(_PLAIN).encode("latin-1", errors="replace").decode("latin-1")


def _rest(text: str, lines: list[str]) -> str:
    """Return what stands behind the first lines of a text, which have lost the spaces at which they end."""
    at = 0
    for line in lines:
        written = line.strip()
        at = max(text.find(written, at), at) + len(written)
    return text[at:].lstrip()
