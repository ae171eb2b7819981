"""A contact sheet: all shots of a storyboard at one look."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from animatic.media.frames import representative, save

_CELL = (480, 270)
_GAP = 16
_CAPTION = 28
_MOST_COLUMNS = 4
_PAPER, _INK, _MOUNT = (250, 249, 246), (40, 40, 44), (24, 24, 27)


def contact_sheet(paths: Sequence[Path], target: Path) -> None:
    """Write a JPEG with one captioned picture per clip or still, in order, at most four across.

    Raises ValueError without paths, BadClipError if one of them does not decode.
    """
    if not paths:
        raise ValueError("a contact sheet needs at least one clip or still")
    columns = min(_MOST_COLUMNS, math.ceil(math.sqrt(len(paths))))
    rows = math.ceil(len(paths) / columns)
    width, height = _CELL
    step_x, step_y = width + _GAP, height + _CAPTION + _GAP
    sheet = Image.new("RGB", (columns * step_x + _GAP, rows * step_y + _GAP), _PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=16)
    for index, path in enumerate(paths):
        left, top = _GAP + index % columns * step_x, _GAP + index // columns * step_y
        sheet.paste(ImageOps.pad(representative(path, width), _CELL, color=_MOUNT), (left, top))
        draw.text((left, top + height + 6), _shortened(path.stem, width, font), font=font, fill=_INK)
    save(sheet, target, format="JPEG", quality=85, optimize=True)


def _shortened(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"
