"""Draws the slate: what a simulated clip or still shows. Drawn once per render; only the clocks, the bar and a source clip move.

Top left stand the shot's number, id and title, from the first frame on, so that somebody who watches the reel can name what is too long.
"""

from __future__ import annotations

import colorsys
import hashlib
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from animatic.lettering.text import draw_text, fitted, shortened, shown, width_of
from animatic.simulator.render.drawing import cover
from animatic.simulator.render.insets import Inset, Insets
from animatic.simulator.render.recipe import Recipe
from animatic.slate import SlateNote

Box = tuple[int, int, int, int]

_INK, _SOFT, _WARN = (244, 242, 236), (178, 180, 188), (255, 196, 61)
_PANEL = (16, 17, 21)
_PROMPT_SIZES = (64, 54, 46, 40, 34, 29, 25, 22, 19)
_NUMBER, _ID, _TITLE, _SMALL, _CLOCK_LABEL = 76, 44, 28, 22, 15
"""Sizes of type on a slate of the design height."""
_LINE_SIZES, _LINE_ROOM = (30, 26, 22), 84
"""Sizes of type of the line that is spoken over a shot, and the height that it may take."""
_DESIGN_HEIGHT = 720
_DESIGN_WIDTH = 720
"""Below this width (tall formats) everything shrinks with the width instead of the height."""
_MOST_TICKS = 60
"""More would be a solid line."""


@dataclass(frozen=True, slots=True)
class Slate:
    """The drawn slate, and where the clip renderer puts what moves: left, top, right, bottom, all even."""

    image: Image.Image
    clock: Box
    reel_clock: Box | None
    bar: Box
    window: Box | None
    """Where a source clip plays."""
    accent: tuple[int, int, int]


def draw(recipe: Recipe, size: tuple[int, int], seconds: float | None, insets: list[Inset], backdrop: Image.Image | None) -> Slate:
    """Draw the slate of that size; ``seconds`` None: a still, without clocks and bar."""
    width, height = size
    unit = min(height / _DESIGN_HEIGHT, width / _DESIGN_WIDTH)
    margin = max(4, round(48 * unit))
    accent = accent_of(recipe)
    image = _background(size, accent, backdrop)
    pen = ImageDraw.Draw(image)
    _corners(pen, size, margin // 2, max(1, round(2 * unit)))
    top = _header(pen, recipe, (margin, margin, width - margin), accent, unit)
    bar_height = max(2, round(5 * unit) * 2)
    bottom = height - margin - (0 if seconds is None else bar_height + round(86 * unit))
    if recipe.note is not None and recipe.note.line:
        bottom = _line(pen, recipe.note.line, (margin, bottom, width - margin), accent, unit)
    placed = Insets.placed(insets, (margin, top + round(14 * unit), width - margin, bottom - round(14 * unit)), unit)
    placed.paste(image, pen, _SOFT)
    left, line, right, end = placed.text_box
    block = fitted(recipe.text or "(no prompt)", max(1, right - left), max(1, end - line), _sizes(_PROMPT_SIZES, unit))
    block.draw(pen, (left, line + max(0, end - line - block.height) // 2, right), _INK)
    if seconds is None:
        return Slate(image, (0, 0, 0, 0), None, (0, 0, 0, 0), None, accent)
    bar = _even((margin, height - margin - bar_height, width - margin, height - margin))
    clock = _even((margin, bar[1] - round(74 * unit), margin + round(252 * unit), bar[1] - round(22 * unit)))
    aside = clock[2] - clock[0] + round(12 * unit)
    in_reel = recipe.note is not None and recipe.note.reel_at is not None
    reel_clock = _even((clock[0] + aside, clock[1], clock[2] + aside, clock[3])) if in_reel else None
    _footer(pen, f"{seconds:g} s · {recipe.fps:g} fps · {width}x{height}", clock, reel_clock, bar, seconds, unit=unit)
    return Slate(image, _digits(clock, unit), reel_clock and _digits(reel_clock, unit), bar, placed.window, accent)


def accent_of(recipe: Recipe) -> tuple[int, int, int]:
    """Return the color of this prompt; each variation has one of its own."""
    seed = hashlib.sha256(recipe.text.encode()).digest()
    hue = (seed[0] / 256 + recipe.variation * 0.381966) % 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.62, 0.92)
    return round(red * 255), round(green * 255), round(blue * 255)


def badge(pen: ImageDraw.ImageDraw, position: tuple[int, int], unit: float) -> Box:
    """Draw the SIMULATED mark; return the box it takes."""
    size = _scaled(_SMALL, unit)
    left, top = position
    pad_x, pad_y = round(14 * unit), round(8 * unit)
    box = (left, top, left + 2 * pad_x + round(width_of("SIMULATED", size)), top + 2 * pad_y + round(size * 1.1))
    pen.rounded_rectangle(box, radius=round(6 * unit), fill=_WARN)
    draw_text(pen, (left + pad_x, top + pad_y), "SIMULATED", size, _PANEL)
    return box


def badge_width(unit: float) -> int:
    """Return how wide the mark is."""
    return 2 * round(14 * unit) + round(width_of("SIMULATED", _scaled(_SMALL, unit)))


def _header(pen: ImageDraw.ImageDraw, recipe: Recipe, line: tuple[int, int, int], accent: tuple[int, int, int], unit: float) -> int:
    """Draw the mark and the model at the right, the shot at the left; return the row below."""
    left, top, right = line
    small = _scaled(_SMALL, unit)
    mark = badge(pen, (right - badge_width(unit), top), unit)
    label = recipe.model if recipe.variation == 0 else f"{recipe.model} · variation {recipe.variation + 1}"
    note = recipe.note
    if note is None:
        draw_text(pen, (left, top + round(8 * unit)), shortened(label, small, mark[0] - left - small), small, _SOFT)
        return mark[3] + round(18 * unit)
    edge = _number(pen, note, (left, top), accent, unit)
    room = mark[0] - edge - round(20 * unit)
    draw_text(pen, (edge, top - round(6 * unit)), shortened(note.shot, _scaled(_ID, unit), room), _scaled(_ID, unit), _INK)
    below = top + round(50 * unit)
    title = shown(" · ".join(text for text in (note.title, note.variant) if text))
    size = _scaled(_TITLE, unit)
    draw_text(pen, (edge, below), shortened(title, size, room), size, _SOFT)
    draw_text(pen, (right, top + round(96 * unit)), shortened(label, small, right - edge), small, _SOFT, anchor="right")
    return top + round(124 * unit)


def _number(pen: ImageDraw.ImageDraw, note: SlateNote, corner: tuple[int, int], accent: tuple[int, int, int], unit: float) -> int:
    """Draw ``03/12``; return where the text beside it begins."""
    left, top = corner
    big, small = _scaled(_NUMBER, unit), _scaled(_TITLE, unit)
    number, rest = f"{note.number:02}", f"/{note.count:02}"
    wide = round(width_of(number, big) + width_of(rest, small))
    pad = round(12 * unit)
    pen.rounded_rectangle((left, top, left + wide + 2 * pad, top + round(90 * unit)), radius=round(6 * unit), fill=accent)
    draw_text(pen, (left + pad, top + round(2 * unit)), number, big, _PANEL)
    draw_text(pen, (left + pad + width_of(number, big), top + round(48 * unit)), rest, small, _PANEL)
    return left + wide + 2 * pad + round(20 * unit)


def _line(pen: ImageDraw.ImageDraw, text: str, base: tuple[int, int, int], accent: tuple[int, int, int], unit: float) -> int:
    """Draw what is spoken over the shot, from the row ``base[1]`` up; return the row above it."""
    left, bottom, right = base
    aside = left + round(20 * unit)
    block = fitted(" ".join(text.split()), max(1, right - aside), round(_LINE_ROOM * unit), _sizes(_LINE_SIZES, unit))
    top = bottom - block.height
    pen.rectangle((left, top, left + max(1, round(5 * unit)), bottom - round(4 * unit)), fill=accent)
    block.draw(pen, (aside, top, right), _INK)
    return top - round(8 * unit)


def _footer(pen: ImageDraw.ImageDraw, facts: str, clock: Box, reel_clock: Box | None, bar: Box, seconds: float, *, unit: float) -> None:
    size, label = _scaled(_SMALL, unit), _scaled(_CLOCK_LABEL, unit)
    for box, name in ((clock, "CLIP"), (reel_clock, "REEL")):
        if box is not None:
            pen.rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=_PANEL)
            draw_text(pen, (box[0] + round(8 * unit), box[1] + round(18 * unit)), name, label, _SOFT)
    last = reel_clock or clock
    room = bar[2] - last[2] - round(20 * unit)
    while " · " in facts and width_of(facts, size) > room:
        facts = facts.rpartition(" · ")[0]
    facts = shortened(facts, size, room)
    draw_text(pen, (bar[2], clock[1] + round(14 * unit)), facts, size, _SOFT, anchor="right")
    pen.rectangle((bar[0], bar[1], bar[2] - 1, bar[3] - 1), fill=_PANEL)
    if seconds <= _MOST_TICKS:
        for second in range(1, int(seconds) + 1):
            x = bar[0] + round((bar[2] - bar[0]) * second / seconds)
            pen.line((x, bar[1] - round(8 * unit), x, bar[1] - round(3 * unit)), fill=_SOFT, width=max(1, round(unit)))


def _digits(box: Box, unit: float) -> Box:
    """Return the part of a clock's box in which its digits run: the rest holds its name."""
    return _even((box[0] + round(48 * unit), box[1], box[2], box[3]))


def _background(size: tuple[int, int], accent: tuple[int, int, int], backdrop: Image.Image | None) -> Image.Image:
    """Draw a dark gradient in the accent's hue with light falling in from one side; a backdrop shows through, out of focus."""
    width, height = size
    rows, columns = np.mgrid[0:1:90j, 0:1:160j]
    light = np.clip(0.34 - 0.2 * rows + 0.16 * np.exp(-((columns - 0.22) ** 2 * 5 + (rows - 0.15) ** 2 * 7)), 0.05, 1.0)
    shade = (light[..., None] * (np.asarray(accent) * 0.72 + 40)).clip(0, 255).astype(np.uint8)
    image = Image.fromarray(shade).resize(size, Image.Resampling.BICUBIC)
    if backdrop is not None:
        small = cover(backdrop, (max(16, width // 8), max(16, height // 8))).filter(ImageFilter.GaussianBlur(6))
        image = Image.blend(image, small.resize(size, Image.Resampling.BICUBIC), 0.2)
    return image


def _corners(pen: ImageDraw.ImageDraw, size: tuple[int, int], inset: int, stroke: int) -> None:
    """Mark the edges of the safe area, as in a viewfinder."""
    width, height = size
    arm = max(6, min(width, height) // 22)
    for x, toward_x in ((inset, 1), (width - 1 - inset, -1)):
        for y, toward_y in ((inset, 1), (height - 1 - inset, -1)):
            pen.line((x, y, x + toward_x * arm, y), fill=_SOFT, width=stroke)
            pen.line((x, y, x, y + toward_y * arm), fill=_SOFT, width=stroke)


def _sizes(sizes: tuple[int, ...], unit: float) -> tuple[int, ...]:
    return tuple(dict.fromkeys(_scaled(size, unit) for size in sizes))


def _scaled(size: int, unit: float) -> int:
    return max(7, round(size * unit))


def _even(box: Box) -> Box:
    left, top, right, bottom = box
    return left - left % 2, top - top % 2, right - right % 2, bottom - bottom % 2
