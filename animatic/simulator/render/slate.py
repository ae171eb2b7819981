"""Draws the slate: what a simulated clip or still shows. Drawn once per render; only time code and progress bar move."""

from __future__ import annotations

import colorsys
import hashlib
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from animatic.simulator.render.drawing import cover, fitted, font_for, shortened
from animatic.simulator.render.recipe import Recipe

Box = tuple[int, int, int, int]

_INK, _SOFT, _WARN = (244, 242, 236), (178, 180, 188), (255, 196, 61)
_PANEL = (16, 17, 21)
_SIZES = (64, 54, 46, 40, 34, 29, 25, 22, 19)
_BAND = 0.5
"""Share of the height that is left to the footage of a source clip."""
_DESIGN_HEIGHT = 720
_DESIGN_WIDTH = 720
"""Below this width (tall formats) everything shrinks with the width instead of the height."""


@dataclass(frozen=True, slots=True)
class Slate:
    """The drawn slate, and where the clip renderer puts what moves: left, top, right, bottom, all even."""

    image: Image.Image
    clock: Box
    bar: Box
    accent: tuple[int, int, int]
    band: int
    """First row of what is written; above it footage may show."""


def draw(
    recipe: Recipe, size: tuple[int, int], seconds: float | None, backdrop: Image.Image | None, references: list[Image.Image]
) -> Slate:
    """Draw the slate of that size; ``seconds`` None: a still, without clock and bar. Over a source clip it keeps to the lower half."""
    width, height = size
    unit = min(height / _DESIGN_HEIGHT, width / _DESIGN_WIDTH)
    margin = max(4, round(48 * unit))
    accent = accent_of(recipe)
    image = _background(size, accent, backdrop)
    pen = ImageDraw.Draw(image)
    band = 0 if recipe.source is None else round(height * _BAND / 2) * 2
    if not band:
        _corners(pen, size, margin // 2, max(1, round(2 * unit)))
    top = _header(pen, recipe, width, (margin, band + (margin // 2 if band else margin)), unit)
    bar_height = max(2, round(5 * unit) * 2)
    bottom = height - margin - (0 if seconds is None else bar_height + round(78 * unit))
    if references:
        bottom -= _thumbnails(image, references, (margin, bottom), unit)
    block = fitted(recipe.text or "(no prompt)", width - 2 * margin, max(1, bottom - top - round(20 * unit)), _sizes(unit))
    line = top + (bottom - top - block.height) // 2
    for text in block.lines:
        pen.text((margin, line), text, font=block.font, fill=_INK)
        line += block.leading
    clock, bar = (0, 0, 0, 0), (0, 0, 0, 0)
    if seconds is not None:
        bar = _even((margin, height - margin - bar_height, width - margin, height - margin))
        clock = _clock_box(margin, bar[1] - round(70 * unit), unit)
        _footer(pen, f"{seconds:g} s · {recipe.fps:g} fps · {width}x{height}", clock, bar, seconds, unit=unit)
    return Slate(image, clock, bar, accent, band)


def accent_of(recipe: Recipe) -> tuple[int, int, int]:
    """Return the color of this prompt; each variation has one of its own."""
    seed = hashlib.sha256(recipe.text.encode()).digest()
    hue = (seed[0] / 256 + recipe.variation * 0.381966) % 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.62, 0.92)
    return round(red * 255), round(green * 255), round(blue * 255)


def badge(pen: ImageDraw.ImageDraw, position: tuple[int, int], unit: float) -> Box:
    """Draw the SIMULATED mark; return the box it takes."""
    font = font_for(max(8, round(22 * unit)))
    left, top = position
    pad_x, pad_y = round(14 * unit), round(8 * unit)
    text_box = pen.textbbox((left + pad_x, top + pad_y), "SIMULATED", font=font)
    box = (left, top, round(text_box[2]) + pad_x, round(text_box[3]) + pad_y)
    pen.rounded_rectangle(box, radius=round(6 * unit), fill=_WARN)
    pen.text((left + pad_x, top + pad_y), "SIMULATED", font=font, fill=_PANEL)
    return box


def _header(pen: ImageDraw.ImageDraw, recipe: Recipe, width: int, corner: tuple[int, int], unit: float) -> int:
    mark = badge(pen, corner, unit)
    margin = corner[0]
    font = font_for(max(8, round(22 * unit)))
    label = recipe.model if recipe.variation == 0 else f"{recipe.model} · variation {recipe.variation + 1}"
    label = shortened(label, font, width - margin - mark[2] - round(24 * unit))
    pen.text((width - margin, (mark[1] + mark[3]) / 2), label, font=font, fill=_SOFT, anchor="rm")
    return mark[3] + round(18 * unit)


def _footer(pen: ImageDraw.ImageDraw, facts: str, clock: Box, bar: Box, seconds: float, *, unit: float) -> None:
    font = font_for(max(8, round(22 * unit)))
    facts = shortened(facts, font, bar[2] - clock[2] - round(20 * unit))
    pen.text((bar[2], (clock[1] + clock[3]) / 2), facts, font=font, fill=_SOFT, anchor="rm")
    pen.rectangle((clock[0], clock[1], clock[2] - 1, clock[3] - 1), fill=_PANEL)
    pen.rectangle((bar[0], bar[1], bar[2] - 1, bar[3] - 1), fill=_PANEL)
    if seconds <= 60:  # noqa: PLR2004 - more ticks would be a solid line
        for second in range(1, int(seconds) + 1):
            x = bar[0] + round((bar[2] - bar[0]) * second / seconds)
            pen.line((x, bar[1] - round(8 * unit), x, bar[1] - round(3 * unit)), fill=_SOFT, width=max(1, round(unit)))


def _clock_box(left: int, top: int, unit: float) -> Box:
    return _even((left, top, left + round(260 * unit), top + round(52 * unit)))


def _background(size: tuple[int, int], accent: tuple[int, int, int], backdrop: Image.Image | None) -> Image.Image:
    """Draw a dark gradient in the accent's hue with light falling in from one side; a backdrop shows through, out of focus."""
    width, height = size
    rows, columns = np.mgrid[0:1:90j, 0:1:160j]
    light = np.clip(0.34 - 0.2 * rows + 0.16 * np.exp(-((columns - 0.22) ** 2 * 5 + (rows - 0.15) ** 2 * 7)), 0.05, 1.0)
    shade = (light[..., None] * (np.asarray(accent) * 0.72 + 40)).clip(0, 255).astype(np.uint8)
    image = Image.fromarray(shade).resize(size, Image.Resampling.BICUBIC)
    if backdrop is not None:
        small = cover(backdrop, (max(16, width // 8), max(16, height // 8))).filter(ImageFilter.GaussianBlur(3))
        image = Image.blend(image, small.resize(size, Image.Resampling.BICUBIC), 0.3)
    return image


def _corners(pen: ImageDraw.ImageDraw, size: tuple[int, int], inset: int, stroke: int) -> None:
    """Mark the edges of the safe area, as in a viewfinder."""
    width, height = size
    arm = max(6, min(width, height) // 22)
    for x, toward_x in ((inset, 1), (width - 1 - inset, -1)):
        for y, toward_y in ((inset, 1), (height - 1 - inset, -1)):
            pen.line((x, y, x + toward_x * arm, y), fill=_SOFT, width=stroke)
            pen.line((x, y, x, y + toward_y * arm), fill=_SOFT, width=stroke)


def _thumbnails(image: Image.Image, references: list[Image.Image], corner: tuple[int, int], unit: float) -> int:
    """Put small references in a row that ends at the corner's height; return the height that they take."""
    side = max(16, round(104 * unit))
    left, bottom = corner
    for index, reference in enumerate(references):
        image.paste(cover(reference, (side, side)), (left + index * (side + side // 8), bottom - side))
    return side + side // 4


def _sizes(unit: float) -> tuple[int, ...]:
    return tuple(dict.fromkeys(max(7, round(size * unit)) for size in _SIZES))


def _even(box: Box) -> Box:
    left, top, right, bottom = box
    return left - left % 2, top - top % 2, right - right % 2, bottom - bottom % 2
