"""Renders the results of simulated jobs: clips, stills, and a poster of either.

A clip is a slate with a running time code, which opens on the start picture, closes on the end picture, and lies over a source clip where
one is given. The slate is drawn and converted to YUV once; a frame costs a few patches in place and the encoder: about 0.3 s of CPU for 4 s
of 720p.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from animatic.files import writing_whole
from animatic.simulator.render.drawing import Plane, cover, font_for, length, load, output_size, size_of, source_planes, to_planes
from animatic.simulator.render.recipe import Recipe
from animatic.simulator.render.slate import Box, Slate, badge, draw

COMMENT = "simulated: a slate by animatic, not made by any model"
_ENCODER = {"preset": "ultrafast", "qp": "28", "threads": "1"}  # a constant quantizer spares the analysis
_OPENING_SECONDS, _DISSOLVE_SECONDS = 1.0, 0.4
"""How long the start picture stands alone, and how long it takes to give way to the slate."""
_MAX_OPENING_SHARE = 0.35
"""Opening and dissolve never take more of a short clip than this."""
_TINT_OPACITY, _BAND_OPACITY = 0.25, 0.93
"""How much of the slate lies over the footage of a source clip: its color above, its text below."""
_FEATHER_ROWS = 24
"""Rows over which the one passes into the other."""
_CLOCK_CHARACTERS = "0123456789:"
_ENLARGEMENT = 2
"""How much larger an enhanced still is where the request names no size."""
_POSTER_WIDTH = 480


def render_clip(recipe: Recipe, target: Path) -> None:
    """Write the clip whole or not at all. Raises what the codecs raise if one of the recipe's files cannot be read."""
    size = output_size(recipe, even=True)
    seconds = recipe.seconds if recipe.seconds is not None else length(recipe.source) if recipe.source else 5.0
    start = load(recipe.start) if recipe.start else None
    references = [load(media) for media in recipe.references]
    slate = draw(recipe, size, round(seconds, 2), start, references)
    count = max(1, round(seconds * recipe.fps))
    frames = _composed(recipe, slate, count, start, load(recipe.end) if recipe.end else None)
    with writing_whole(target) as part:
        _encode(frames, part, size, Fraction(recipe.fps).limit_denominator(1001))


def render_still(recipe: Recipe, target: Path) -> None:
    """Write a PNG whole or not at all. Raises what Pillow raises if one of the recipe's files cannot be read."""
    if recipe.kind == "enhance" and recipe.start is not None:
        image = _enhanced(recipe)
    else:
        backdrop = load(recipe.start) if recipe.start else None
        image = draw(recipe, output_size(recipe, even=False), None, backdrop, [load(media) for media in recipe.references]).image
    notes = PngInfo()
    notes.add_text("Comment", COMMENT)
    with writing_whole(target) as part:
        image.save(part, format="PNG", compress_level=1, pnginfo=notes)


def poster(path: Path) -> bytes:
    """Return a JPEG of a still, or of the frame in the middle of a clip."""
    if path.suffix == ".mp4":
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


def _composed(recipe: Recipe, slate: Slate, count: int, start: Image.Image | None, end: Image.Image | None) -> Iterator[Plane]:
    size = slate.image.size
    planes = to_planes(slate.image)
    clock = _Clock(slate, recipe.fps)
    bar = _Bar(slate, count)
    opening = to_planes(cover(start, size)) if start else None
    closing = to_planes(cover(end, size)) if end else None
    stand, dissolve = _timing(count / recipe.fps, recipe.fps)
    footage = source_planes(recipe.source, size, recipe.fps) if recipe.source else None
    weights = _band_weights(slate)
    for index in range(count):
        clock.stamp(planes, index)
        bar.fill(planes, index)
        frame = planes if footage is None else _blend(next(footage), planes, weights)
        if opening is not None and index < stand + dissolve:
            frame = _mix(opening, frame, max(0.0, (index - stand + 1) / (dissolve + 1)))
        if closing is not None and index >= count - stand - dissolve:
            frame = _mix(frame, closing, min(1.0, (index - (count - stand - dissolve) + 1) / (dissolve + 1)))
        yield frame


def _timing(seconds: float, fps: float) -> tuple[int, int]:
    """Return for how many frames the start picture stands, and for how many it dissolves."""
    return int(min(_OPENING_SECONDS, seconds * _MAX_OPENING_SHARE) * fps), int(min(_DISSOLVE_SECONDS, seconds * _MAX_OPENING_SHARE) * fps)


def _mix(first: Plane, second: Plane, share: float) -> Plane:
    """Blend two frames: share 0 is the first, 1 the second."""
    return _blend(first, second, np.uint16(round(min(max(share, 0.0), 1.0) * 256)))


def _blend(first: Plane, second: Plane, weight: np.uint16 | npt.NDArray[np.uint16]) -> Plane:
    """Blend with a weight of 0 to 256 for the second, one for all or one per row."""
    mixed: Plane = ((first * (np.uint16(256) - weight) + second * weight) >> 8).astype(np.uint8)
    return mixed


def _band_weights(slate: Slate) -> npt.NDArray[np.uint16]:
    """Return the slate's weight (of 256) for every sample of a yuv420p array: faint above its band, strong in it."""
    width, height = slate.image.size
    rows = np.interp(np.arange(height), [slate.band - _FEATHER_ROWS, slate.band], [_TINT_OPACITY * 256, _BAND_OPACITY * 256]).astype(
        np.uint16
    )
    luma = np.broadcast_to(rows[:, None], (height, width))
    chroma = np.broadcast_to(rows[None, ::2, None], (2, height // 2, width // 2))
    return np.vstack([luma, chroma.reshape(height // 2, width)])


class _Clock:
    """Writes hours, minutes, seconds and frames into the slate's clock box: digits in cells of one width, colons in narrower ones."""

    def __init__(self, slate: Slate, fps: float) -> None:
        self._rate = max(1, round(fps))
        left, self._top, right, self._bottom = slate.clock
        height = self._bottom - self._top
        digit = max(1, (right - left) // 11)
        font = font_for(max(8, round(height * 0.72)))
        self._glyphs = {}
        for character in _CLOCK_CHARACTERS:
            cell = Image.new("L", (digit // 2 if character == ":" else digit, height), 0)
            ImageDraw.Draw(cell).text((cell.width / 2, height / 2), character, font=font, fill=255, anchor="mm")
            self._glyphs[character] = (30 + np.asarray(cell, dtype=np.float32) * (200 / 255)).astype(np.uint8)
        self._left = left + (right - left - sum(self._glyphs[character].shape[1] for character in "00:00:00:00")) // 2

    def stamp(self, planes: Plane, index: int) -> None:
        seconds, frame = divmod(index, self._rate)
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
            # Not copied: the encoder has taken what it needs when it returns.
            frame = VideoFrame.from_numpy_buffer(planes, format="yuv420p")
            frame.pts, frame.time_base = index, 1 / rate
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def _enhanced(recipe: Recipe) -> Image.Image:
    assert recipe.start is not None
    natural = size_of(recipe.start)
    asked = (recipe.width, recipe.height) if recipe.width and recipe.height else (natural[0] * _ENLARGEMENT, natural[1] * _ENLARGEMENT)
    shrink = min(1.0, recipe.longest_side / max(asked))
    image = cover(load(recipe.start), (max(16, round(asked[0] * shrink)), max(16, round(asked[1] * shrink))))
    unit = min(image.size) / 720
    badge(ImageDraw.Draw(image), (round(32 * unit), image.height - round(76 * unit)), unit)  # its source may carry one at the top
    return image
