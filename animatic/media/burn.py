"""Burns words into the picture of a reel: captions of at most two lines inside the safe area, and a label in a corner.

Letters stand on a dark box, readable on any picture. They are drawn once per caption, in any script, and laid over each frame in its own
YUV planes, so that nothing else of the picture changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from PIL import Image, ImageDraw

from animatic.lettering.text import LINE_HEIGHT, draw_text, shortened, shown, width_of, wrapped
from animatic.media.conform import BLACK, planes_of
from animatic.media.timeline import Caption, Timeline

Levels = npt.NDArray[np.float32]

_SAFE = 0.05
"""Share of each side that stays free: the graphics safe area of EBU R 95."""
_TEXT_SHARE, _LABEL_SHARE = 22, 34
"""Which part of the reel's shorter side the letters of a caption, and of a label, are high."""
_SMALLEST = 10
"""Pixels below which nobody reads a letter."""
_MAX_LINES = 2
_WIDEST = 0.8
"""Share of the reel's width that a line of a caption takes at most."""
_WHOLE = 255
_BOX_COVER = 0.62
"""How much of the picture the box behind the letters hides."""
_WHITE = (235, 128, 128)
"""Y, U and V of white in limited range."""


@dataclass(frozen=True, slots=True)
class Page:
    """What is shown of a caption at once: from ``start`` to ``end``, in seconds of the reel; ``size`` of the letters in pixels."""

    start: Fraction
    end: Fraction
    lines: tuple[str, ...]
    size: int


@dataclass(frozen=True, slots=True)
class Overlay:
    """What is laid over a part of the picture: ``left``, ``top`` even; per plane the levels to add and the share of the picture kept."""

    left: int
    top: int
    planes: tuple[tuple[Levels, Levels], ...]

    def laid_over(self, frame: VideoFrame) -> None:
        """Write it into a frame (yuv420p, limited BT.709) that is nobody else's."""
        for plane, (added, kept), shift in zip(planes_of(frame), self.planes, (1, 2, 2), strict=True):
            rows, columns = added.shape
            top, left = self.top // shift, self.left // shift
            part = plane[top : top + rows, left : left + columns]
            np.copyto(part, part * kept + added, casting="unsafe")


def burnt(frames: Iterable[VideoFrame], timeline: Timeline) -> Iterator[VideoFrame]:
    """Yield the frames of a reel with its captions and its label in them; the very same frames where there are none."""
    label = label_overlay(timeline.label, timeline.width, timeline.height) if timeline.label else None
    pages = [page for cue in timeline.captions for page in pages_of(cue, timeline.width, timeline.height)]
    said: Page | None = None
    words: Overlay | None = None
    for number, frame in enumerate(frames):
        page = _said_at((number + Fraction(1, 2)) / timeline.rate, pages)
        if page is not said:
            said, words = page, page_overlay(page, timeline.width, timeline.height) if page else None
        overlays = [each for each in (words, label) if each]
        if not overlays:
            yield frame
            continue
        own = _copied(frame)
        for overlay in overlays:
            overlay.laid_over(own)
        yield own


def pages_of(caption: Caption, width: int, height: int) -> list[Page]:
    """Return what is shown of a caption at once, on a reel of that size: two lines; more follow in their share of its time."""
    size = max(_SMALLEST, round(min(width, height) / _TEXT_SHARE))
    text = " ".join(caption.text.split())
    if not text or caption.end <= caption.start:
        return []
    lines = _balanced(text, round(width * _WIDEST), size)
    groups = [lines[number : number + _MAX_LINES] for number in range(0, len(lines), _MAX_LINES)]
    weights = [sum(map(len, group)) for group in groups]
    pages: list[Page] = []
    for group, weight in zip(groups, weights, strict=True):
        start = pages[-1].end if pages else caption.start
        pages.append(Page(start, start + (caption.end - caption.start) * Fraction(weight, sum(weights)), group, size))
    return pages


def page_overlay(page: Page, width: int, height: int) -> Overlay | None:
    """Return a page of a caption for the lower middle of a reel of that size; None where no letter of it is to be seen."""
    gap, leading = page.size // 2, round(page.size * LINE_HEIGHT)
    wide = min(width, round(max(width_of(line, page.size) for line in page.lines)) + 2 * gap)
    high = min(height, leading * len(page.lines) + gap)
    picture = Image.new("L", (wide, high))
    pen = ImageDraw.Draw(picture)
    for number, line in enumerate(page.lines):
        draw_text(pen, ((wide - width_of(line, page.size)) / 2, gap // 2 + number * leading), line, page.size, _WHOLE)
    if picture.getbbox() is None:
        return None
    return _overlay(picture, (width - wide) // 2, height - round(height * _SAFE) - high)


def label_overlay(text: str, width: int, height: int) -> Overlay | None:
    """Return a label for the upper right corner of a reel of that size, in one line; None for a text of blanks."""
    text = " ".join(text.split())
    if not text:
        return None
    size = max(_SMALLEST, round(min(width, height) / _LABEL_SHARE))
    margins = round(width * _SAFE), round(height * _SAFE)
    gap = size // 2
    line = shortened(shown(text), size, width - 2 * margins[0] - 2 * gap)
    wide, high = min(width, round(width_of(line, size)) + 2 * gap), min(height, round(size * LINE_HEIGHT) + gap)
    picture = Image.new("L", (wide, high))
    draw_text(ImageDraw.Draw(picture), (gap, gap // 2), line, size, _WHOLE)
    return _overlay(picture, width - margins[0] - wide, margins[1])


def _balanced(text: str, widest: int, size: int) -> tuple[str, ...]:
    """Return the lines of a text, of about one length: as few as the width allows, each no longer than that takes."""
    text = shown(text)
    lines = tuple(wrapped(text, size, widest))
    for share in range(50, 100, 5):
        narrower = tuple(wrapped(text, size, widest * share // 100))
        if len(lines) > 1 and len(narrower) == len(lines):
            return narrower
    return lines


def _said_at(time: Fraction, pages: Sequence[Page]) -> Page | None:
    """Return the page of that time; of several, the one that began last."""
    now = [page for page in pages if page.start <= time < page.end]
    return max(now, key=lambda page: page.start) if now else None


def _overlay(letters: Image.Image, left: int, top: int) -> Overlay:
    """Return white letters on a dark box whose corner lies there, moved and grown to whole pixels of color."""
    left, top = max(0, left) // 2 * 2, max(0, top) // 2 * 2
    grown = Image.new("L", (letters.width // 2 * 2, letters.height // 2 * 2))
    grown.paste(letters)
    ink = np.asarray(grown, dtype=np.float32) / _WHOLE
    coarse = ink.reshape(ink.shape[0] // 2, 2, ink.shape[1] // 2, 2).mean(axis=(1, 3))
    planes = []
    for share, white, black in zip((ink, coarse, coarse), _WHITE, BLACK, strict=True):
        kept = (1 - share) * np.float32(1 - _BOX_COVER)
        planes.append((share * np.float32(white) + (1 - share) * np.float32(_BOX_COVER * black) + np.float32(0.5), kept))
    return Overlay(left, top, tuple(planes))


def _copied(frame: VideoFrame) -> VideoFrame:
    copy = VideoFrame(frame.width, frame.height, "yuv420p")
    for target, plane in zip(planes_of(copy), planes_of(frame), strict=True):
        np.copyto(target, plane)
    return copy
