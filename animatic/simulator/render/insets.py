"""Places the pictures that a shot is made from on its slate: start and end picture, source clip, references, each with a caption."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from PIL import Image, ImageDraw, ImageOps

from animatic.lettering.text import Color, draw_text, shortened, shown

Box = tuple[int, int, int, int]

_COLUMN, _WINDOW_COLUMN = 0.34, 0.46
"""Share of the width that pictures take beside the prompt, and that a playing source clip takes."""
_ROW = 0.42
"""Share of the height that they take below the prompt, on tall slates."""
_GAP, _CAPTION = 16, 30
_CAPTION_SIZE = 18
_LEAST_SIDE = 16
"""Pixels; below that nothing is to be seen."""
_FRAME = (16, 17, 21)


@dataclass(frozen=True, kw_only=True, slots=True)
class Inset:
    """A picture and what is said of it; ``moving`` for the source clip, which plays in its place."""

    image: Image.Image
    caption: str
    moving: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Insets:
    """Pictures with their boxes, and the box that is left for text."""

    pictures: tuple[tuple[Inset, Box], ...]
    text_box: Box
    unit: float

    @classmethod
    def placed(cls, insets: list[Inset], box: Box, unit: float) -> Self:
        """Share a box out: pictures in a column at the right, or in a row at the bottom where it is taller than wide."""
        left, top, right, bottom = box
        gap = max(2, round(_GAP * unit))
        if not insets or right - left < 4 * _LEAST_SIDE or bottom - top < 2 * _LEAST_SIDE:
            return cls(pictures=(), text_box=box, unit=unit)
        if bottom - top > right - left:
            edge = bottom - round((bottom - top) * _ROW)
            area, text_box = (left, edge, right, bottom), (left, top, right, edge - gap)
        else:
            edge = right - round((right - left) * (_WINDOW_COLUMN if insets[0].moving else _COLUMN))
            area, text_box = (edge, top, right, bottom), (left, top, edge - 2 * gap, bottom)
        caption = round(_CAPTION * unit)
        grids = [_grid(area, len(insets), columns, gap) for columns in range(1, len(insets) + 1)]
        fitted = [[_fitting(inset.image.size, cell, caption) for inset, cell in zip(insets, grid, strict=True)] for grid in grids]
        boxes = zip(insets, max(fitted, key=lambda boxes: sum((box[2] - box[0]) * (box[3] - box[1]) for box in boxes)), strict=True)
        seen = tuple((inset, found) for inset, found in boxes if min(found[2] - found[0], found[3] - found[1]) >= _LEAST_SIDE)
        return cls(pictures=seen, text_box=text_box, unit=unit)

    @property
    def window(self) -> Box | None:
        """Where the source clip plays."""
        return next((box for inset, box in self.pictures if inset.moving), None)

    def paste(self, image: Image.Image, pen: ImageDraw.ImageDraw, color: Color) -> None:
        """Draw the pictures with their captions."""
        size = max(7, round(_CAPTION_SIZE * self.unit))
        edge = max(1, round(3 * self.unit))
        for inset, (left, top, right, bottom) in self.pictures:
            pen.rectangle((left - edge, top - edge, right + edge - 1, bottom + edge - 1), fill=_FRAME)
            image.paste(ImageOps.fit(inset.image, (right - left, bottom - top), Image.Resampling.BICUBIC), (left, top))
            text = shortened(shown(inset.caption), size, right - left + 2 * edge)
            draw_text(pen, (left, bottom + round(7 * self.unit)), text, size, color)


def _grid(area: Box, count: int, columns: int, gap: int) -> list[Box]:
    """Return that many equal cells, row by row."""
    left, top, right, bottom = area
    rows = -(-count // columns)
    wide, tall = (right - left - gap * (columns - 1)) // columns, (bottom - top - gap * (rows - 1)) // rows
    corners = ((left + number % columns * (wide + gap), top + number // columns * (tall + gap)) for number in range(count))
    return [(x, y, x + wide, y + tall) for x, y in corners]


def _fitting(size: tuple[int, int], cell: Box, caption: int) -> Box:
    """Return the largest box of a picture's shape in a cell, at its upper left, all even; its caption has room below."""
    left, top, right, bottom = cell
    scale = min((right - left) / size[0], (bottom - caption - top) / size[1])
    wide, tall = max(0, int(size[0] * scale) // 2 * 2), max(0, int(size[1] * scale) // 2 * 2)
    x, y = left - left % 2, top - top % 2
    return x, y, x + wide, y + tall
