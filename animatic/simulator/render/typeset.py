"""Text on slates: fonts that are always there, wrapping, and the largest size that fits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_BEYOND_BUILT_IN = 0x250
"""The font that comes with Pillow covers Latin; prompts in other scripts need one of the system's."""
_LONG_WORD = 12
"""Words of more characters may be broken; on tall slates only, where a shorter one never fills a line."""
_PUNCTUATION = range(0x2000, 0x2070)
_SYSTEM_FONTS = ("NotoSansCJK-Regular.ttc", "NotoSans-Regular.ttf", "DejaVuSans.ttf", "Arial Unicode.ttf", "arial.ttf")


@dataclass(frozen=True, slots=True)
class Block:
    """Wrapped lines, their font, and the height of a line in pixels."""

    lines: tuple[str, ...]
    font: Font
    leading: int

    @property
    def height(self) -> int:
        """Height of the whole block in pixels."""
        return self.leading * len(self.lines)


@lru_cache(maxsize=64)
def font_for(size: int, *, wide: bool = False) -> Font:
    """Return a font of that size; ``wide``: one of the system's that covers more than Latin, where there is one."""
    if wide:
        for name in _SYSTEM_FONTS:
            try:
                return ImageFont.truetype(name, size)
            except OSError:
                continue
    return ImageFont.load_default(size)


def is_wide(text: str) -> bool:
    """Tell whether the text needs more than the built-in font."""
    return any(ord(character) >= _BEYOND_BUILT_IN and ord(character) not in _PUNCTUATION for character in text)


def fitted(text: str, width: int, height: int, sizes: tuple[int, ...]) -> Block:
    """Wrap the text at the first of the sizes at which it fits; at the last one, cut it with an ellipsis."""
    wide = is_wide(text)
    for size in sizes:
        font, leading = font_for(size, wide=wide), round(size * 1.34)
        room = max(1, height // leading)
        lines = tuple(islice(_wrapped(text, font, width), room + 1))
        if len(lines) <= room:
            return Block(lines, font, leading)
    return Block((*lines[: room - 1], shortened(lines[room - 1] + " …", font, width)), font, leading)


def shortened(text: str, font: Font, width: int) -> str:
    """Cut the text with an ellipsis where it is too wide."""
    if font.getlength(text) <= width:
        return text
    kept = text.removesuffix("…").rstrip()
    while kept and font.getlength(kept + "…") > width:
        kept = kept[:-1].rstrip()
    return kept + "…"


def _wrapped(text: str, font: Font, width: int) -> Iterator[str]:
    """Yield the lines. Words are measured once each and taken to add up: prompts are long, and kerning between words is small."""
    measured: dict[str, float] = {}
    space = font.getlength(" ")
    for paragraph in text.splitlines() or [""]:
        line, reach = "", 0.0
        for piece in chain.from_iterable(_pieces(word, font, width, measured) for word in paragraph.split()):
            if line and reach + space + measured[piece] <= width:
                line, reach = f"{line} {piece}", reach + space + measured[piece]
                continue
            if line:
                yield line
            line, reach = piece, measured[piece]
        if line:
            yield line


def _pieces(word: str, font: Font, width: int, measured: dict[str, float]) -> Iterator[str]:
    """Break a word that is wider than a line, or a sentence of a script without spaces, character by character."""
    piece, reach = "", 0.0
    for character in word if len(word) > _LONG_WORD else [word]:
        if character not in measured:
            measured[character] = font.getlength(character)
        if piece and reach + measured[character] > width:
            measured[piece] = reach
            yield piece
            piece, reach = "", 0.0
        piece, reach = piece + character, reach + measured[character]
    measured[piece] = reach
    yield piece
