"""Renders the results of simulated jobs: clips, stills, and a poster of either.

A clip is a slate with running time codes, its own and the reel's, from the first frame to the last; start picture, end picture and source
clip stand in it as insets. The slate is drawn and converted to YUV once; a frame costs a few patches in place and the encoder: about 0.3 s
of CPU for 4 s of 720p.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction
from itertools import repeat
from pathlib import Path
from typing import assert_never

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from animatic.files import writing_whole
from animatic.lettering.fonts import font_for
from animatic.simulator.jobs import Flaw
from animatic.simulator.render.drawing import Plane, cover, length, load, output_size, rate, size_of, source_planes, to_planes
from animatic.simulator.render.insets import Inset
from animatic.simulator.render.mesh import picture_of
from animatic.simulator.render.recipe import END_FIELDS, SOURCE_FIELDS, START_FIELDS, Media, Recipe
from animatic.simulator.render.slate import Box, Slate, badge, draw

COMMENT = "simulated: a slate by animatic, not made by any model"
_ENCODER = {"preset": "ultrafast", "qp": "28", "threads": "1"}  # a constant quantizer spares the analysis
_CLOCK_CHARACTERS = "0123456789:"
_CELLS = 10.0
"""Digits that a clock is wide: eight, three colons of half the width, and some air."""
_POSTER_WIDTH = 480


def render_clip(recipe: Recipe, target: Path) -> None:
    """Write the clip whole or not at all. Raises what the codecs raise if one of the recipe's files cannot be read."""
    if recipe.of_clip and recipe.source is not None:
        fps = min(rate(recipe.source), 60.0)
        size = _enlarged(recipe, size_of(recipe.source), step=2)
        with writing_whole(target) as part:
            _encode(_enhanced_frames(recipe.source, size, fps), part, size, Fraction(fps).limit_denominator(1001))
        return
    size = output_size(recipe, even=True)
    seconds = recipe.seconds if recipe.seconds is not None else length(recipe.source) if recipe.source else 5.0
    count = max(1, round(seconds * recipe.fps))
    frames = _flawed(_composed(recipe, _slate(recipe, size, round(seconds, 2)), count), recipe.flaw, count)
    with writing_whole(target) as part:
        _encode(frames, part, size, Fraction(recipe.fps).limit_denominator(1001))


def render_still(recipe: Recipe, target: Path) -> None:
    """Write a PNG whole or not at all. Raises what Pillow raises if one of the recipe's files cannot be read."""
    if recipe.kind == "enhance" and recipe.start is not None:
        image = _enhanced(recipe)
    else:
        image = _slate(recipe, output_size(recipe, even=False), None).image
    notes = PngInfo()
    notes.add_text("Comment", COMMENT)
    with writing_whole(target) as part:
        image.save(part, format="PNG", compress_level=1, pnginfo=notes)


def poster(path: Path) -> bytes:
    """Return a JPEG of a still, of the frame in the middle of a clip, or of a mesh from the side."""
    if path.suffix == ".glb":
        image = picture_of(path)
    elif path.suffix == ".mp4":
        with av.open(str(path)) as container:
            container.seek((container.duration or 0) // 2)
            image = Image.fromarray(next(container.decode(video=0)).to_ndarray(format="rgb24"))
    else:
        with Image.open(path) as opened:
            image = opened.convert("RGB")
    image.thumbnail((_POSTER_WIDTH, _POSTER_WIDTH))
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=80)
    return buffer.getvalue()


def _slate(recipe: Recipe, size: tuple[int, int], seconds: float | None) -> Slate:
    start = load(recipe.start) if recipe.start else None
    return draw(recipe, size, seconds, list(_insets(recipe, start)), start)


def _insets(recipe: Recipe, start: Image.Image | None) -> Iterator[Inset]:
    """Yield what the shot is made from, the most important first."""
    if recipe.source:
        yield Inset(image=Image.new("RGB", size_of(recipe.source)), caption=_caption(recipe, "reworks", SOURCE_FIELDS), moving=True)
    if start is not None:
        yield Inset(image=start, caption=_caption(recipe, "starts from", START_FIELDS))
    if recipe.end:
        yield Inset(image=load(recipe.end), caption=_caption(recipe, "ends on", END_FIELDS))
    for number, media in enumerate(recipe.references):
        yield Inset(image=load(media), caption=_caption(recipe, "refers to", recipe.reference_fields[number : number + 1]))


def _caption(recipe: Recipe, verb: str, fields: tuple[str, ...]) -> str:
    words = next((words for field in fields if recipe.note and (words := recipe.note.source(field))), "")
    return f"{verb} {words}" if words else verb


def _composed(recipe: Recipe, slate: Slate, count: int) -> Iterator[Plane]:
    planes = to_planes(slate.image)
    clocks = [_Clock(slate.clock, recipe.fps)]
    if slate.reel_clock is not None and recipe.note is not None and recipe.note.reel_at is not None:
        clocks.append(_Clock(slate.reel_clock, recipe.fps, begin=recipe.note.reel_at))
    bar = _Bar(slate, count)
    window = _Window(slate.window, recipe) if slate.window is not None else None
    for index in range(count):
        for clock in clocks:
            clock.stamp(planes, index)
        bar.fill(planes, index)
        if window is not None:
            window.show(planes)
        yield planes


def _flawed(frames: Iterator[Plane], flaw: Flaw | None, count: int) -> Iterator[Plane]:
    """Yield the frames with what is wrong with them on purpose."""
    match flaw:
        case None:
            yield from frames
        case "frozen":
            yield from repeat(next(frames), count)
        case "black":
            for index, planes in enumerate(frames):
                if index < count // 2:
                    yield planes
                    continue
                black = np.full_like(planes, 128)
                black[: planes.shape[0] * 2 // 3] = 16
                yield black
        case _:
            assert_never(flaw)


class _Window:
    """Plays the source clip in its place on the slate; at its end the last frame stays."""

    def __init__(self, box: Box, recipe: Recipe) -> None:
        assert recipe.source is not None
        self._left, self._top, self._right, self._bottom = box
        self._frames = source_planes(recipe.source, (self._right - self._left, self._bottom - self._top), recipe.fps)

    def show(self, planes: Plane) -> None:
        frame = next(self._frames)
        left, top, right, bottom = self._left, self._top, self._right, self._bottom
        height, width = planes.shape[0] * 2 // 3, planes.shape[1]
        planes[top:bottom, left:right] = frame[: bottom - top]
        into = planes[height:].reshape(2, height // 2, width // 2)
        into[:, top // 2 : bottom // 2, left // 2 : right // 2] = frame[bottom - top :].reshape(2, (bottom - top) // 2, (right - left) // 2)


class _Clock:
    """Writes hours, minutes, seconds and frames into a box: digits in cells of one width, colons in narrower ones."""

    def __init__(self, box: Box, fps: float, *, begin: float = 0.0) -> None:
        self._rate = max(1, round(fps))
        self._first = round(begin * fps)
        left, self._top, right, self._bottom = box
        height = self._bottom - self._top
        digit = max(2, round((right - left) / _CELLS))
        font = font_for(max(6, round(min(height * 0.72, digit * 1.6))))
        self._glyphs = {}
        for character in _CLOCK_CHARACTERS:
            cell = Image.new("L", (digit // 2 if character == ":" else digit, height), 0)
            ImageDraw.Draw(cell).text((cell.width / 2, height / 2), character, font=font, fill=255, anchor="mm")
            self._glyphs[character] = (30 + np.asarray(cell, dtype=np.float32) * (200 / 255)).astype(np.uint8)
        self._left = left + (right - left - sum(self._glyphs[character].shape[1] for character in "00:00:00:00")) // 2

    def stamp(self, planes: Plane, index: int) -> None:
        seconds, frame = divmod(self._first + index, self._rate)
        x = self._left
        for character in f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}:{frame:02}":
            glyph = self._glyphs[character]
            planes[self._top : self._bottom, x : x + glyph.shape[1]] = glyph
            x += glyph.shape[1]


class _Bar:
    """Fills the progress bar with the slate's accent, frame by frame."""

    def __init__(self, slate: Slate, count: int) -> None:
        self._box: Box = slate.bar
        self._count = count
        self._height = slate.image.height
        swatch = to_planes(Image.new("RGB", (16, 16), slate.accent))
        self._color = int(swatch[0, 0]), int(swatch[16, 0]), int(swatch[20, 0])

    def fill(self, planes: Plane, index: int) -> None:
        left, top, right, bottom = self._box
        reach = left + round((right - left) * (index + 1) / self._count / 2) * 2
        luma, blue, red = self._color
        width = planes.shape[1]
        chroma = planes[self._height :].reshape(2, self._height // 2, width // 2)
        planes[top:bottom, left:reach] = luma
        chroma[0, top // 2 : bottom // 2, left // 2 : reach // 2] = blue
        chroma[1, top // 2 : bottom // 2, left // 2 : reach // 2] = red


def _encode(frames: Iterator[Plane], target: Path, size: tuple[int, int], rate: Fraction) -> None:
    with av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as output:
        output.metadata["comment"] = COMMENT
        stream = output.add_stream("libx264", rate=rate, options=_ENCODER)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.gop_size = round(rate * 2)
        stream.color_range = ColorRange.MPEG
        stream.colorspace = stream.color_primaries = stream.color_trc = Colorspace.ITU709
        stream.time_base = stream.codec_context.time_base = 1 / rate
        for index, planes in enumerate(frames):
            frame = _frame_of(planes)
            frame.pts, frame.time_base = index, 1 / rate
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def _frame_of(planes: Plane) -> VideoFrame:
    if planes.shape[0] % 6:  # PyAV takes a buffer for one of a height that four divides, and its colors from the wrong rows
        return VideoFrame.from_ndarray(planes, format="yuv420p")
    # Not copied: the encoder has taken what it needs when it returns.
    return VideoFrame.from_numpy_buffer(planes, format="yuv420p")


def _enhanced(recipe: Recipe) -> Image.Image:
    assert recipe.start is not None
    natural = size_of(recipe.start)
    image = cover(load(recipe.start), _enlarged(recipe, natural, step=1))
    _badge_below(image)
    return image


def _enlarged(recipe: Recipe, natural: tuple[int, int], *, step: int) -> tuple[int, int]:
    """Return the size of what is enhanced: as asked, else several times its own; within the limit, each side a multiple of ``step``."""
    width, height = (side * recipe.scale for side in natural)
    if recipe.width and recipe.height:
        width, height = float(recipe.width), float(recipe.height)
    shrink = min(1.0, recipe.longest_side / max(width, height))
    return max(16, round(width * shrink / step) * step), max(16, round(height * shrink / step) * step)


def _badge_below(image: Image.Image) -> Box:
    """Draw the mark at the lower left, where its source has none; return its box."""
    unit = min(image.size) / 720
    return badge(ImageDraw.Draw(image), (round(32 * unit), image.height - round(76 * unit)), unit)


def _enhanced_frames(source: Media, size: tuple[int, int], fps: float) -> Iterator[Plane]:
    """Yield the source's frames in the new size, each with the mark."""
    width, height = size
    marked = Image.new("RGB", size)
    box = _badge_below(marked)
    left, top, right, bottom = (side // 2 * 2 for side in (box[0], box[1], min(box[2] + 2, width), min(box[3] + 2, height)))
    mark = to_planes(marked)
    frames = source_planes(source, size, fps)
    for _ in range(max(1, round(length(source) * fps))):
        frame = next(frames).copy()
        frame[top:bottom, left:right] = mark[top:bottom, left:right]
        chroma, drawn = (planes[height:].reshape(2, height // 2, width // 2) for planes in (frame, mark))
        chroma[:, top // 2 : bottom // 2, left // 2 : right // 2] = drawn[:, top // 2 : bottom // 2, left // 2 : right // 2]
        yield frame
