"""Text on slates: fonts that are always there, wrapping, and the largest size that fits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_BEYOND_BUILT_IN = 0x250
"""The font that comes with Pillow covers Latin; prompts in other scripts need one of the system's."""
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
    block = Block((), font_for(sizes[-1], wide=wide), 1)
    for size in sizes:
        font = font_for(size, wide=wide)
        block = Block(tuple(_wrapped(text, font, width)), font, round(size * 1.34))
        if block.height <= height:
            return block
    room = max(1, height // block.leading)
    lines = block.lines[:room]
    return Block((*lines[:-1], shortened(lines[-1] + " …", block.font, width)), block.font, block.leading)


def shortened(text: str, font: Font, width: int) -> str:
    """Cut the text with an ellipsis where it is too wide."""
    if font.getlength(text) <= width:
        return text
    kept = text.removesuffix("…").rstrip()
    while kept and font.getlength(kept + "…") > width:
        kept = kept[:-1].rstrip()
    return kept + "…"


def _wrapped(text: str, font: Font, width: int) -> list[str]:
    lines: list[str] = []
    measured: dict[str, float] = {}
    space = font.getlength(" ")
    for paragraph in text.splitlines() or [""]:
        line, reach = "", 0.0
        for word in paragraph.split():
            if word not in measured:
                measured[word] = font.getlength(word)
            if line and reach + space + measured[word] <= width:
                line, reach = f"{line} {word}", reach + space + measured[word]
                continue
            if line:
                lines.append(line)
            line, reach = word, measured[word]
            while reach > width and len(line) > 1:  # a word (or a script without spaces) wider than the slate
                cut = _fitting(line, font, width)
                lines.append(line[:cut])
                line = line[cut:]
                reach = font.getlength(line)
        if line:
            lines.append(line)
    return lines or [""]


def _fitting(text: str, font: Font, width: int) -> int:
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if font.getlength(text[:middle]) <= width:
            low = middle
        else:
            high = middle - 1
    return low
