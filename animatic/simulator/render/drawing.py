"""Reads the pictures that a request names (stills, single frames, the frames of a source clip), and sets text in lines.

Pictures are RGB images or planes: one yuv420p array (BT.709, limited range) of height * 3 / 2 rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice

import av
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from PIL import Image, ImageFont, ImageOps

from animatic.simulator.render.recipe import Media, Recipe

Plane = npt.NDArray[np.uint8]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_SCALER = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
_FAST_SCALER = Interpolation.FAST_BILINEAR
_MIN_SIDE = 16
_LINE_HEIGHT = 1.34
"""Of the size of the font."""
_LATIN_END = 0x250
"""The font that comes with Pillow covers Latin; prompts in other scripts need one of the system's."""
_PUNCTUATION = range(0x2000, 0x2070)
_SYSTEM_FONTS = ("NotoSansCJK-Regular.ttc", "NotoSans-Regular.ttf", "DejaVuSans.ttf", "Arial Unicode.ttf", "arial.ttf")
_MAX_UNBROKEN_LENGTH = 12
"""Words of more characters may be broken; on tall slates only, where a shorter one never fills a line."""


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


def load(media: Media) -> Image.Image:
    """Return the still, upright, or the last frame of the clip, as RGB."""
    if media.moving:
        return _last_frame(media)
    with Image.open(media.path) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


def cover(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Scale to fill the size, cropping what hangs over."""
    return image if image.size == size else ImageOps.fit(image, size, Image.Resampling.BICUBIC)


def to_planes(image: Image.Image) -> Plane:
    """Return the picture, whose sides are even, as planes."""
    rgb = VideoFrame.from_ndarray(np.asarray(image))
    planar = rgb.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG, interpolation=_SCALER)
    return np.asarray(planar.to_ndarray(), dtype=np.uint8)


def length(media: Media) -> float:
    """Return how many seconds the clip lasts."""
    with av.open(media.path) as container:
        return (container.duration or av.time_base) / av.time_base


def size_of(media: Media) -> tuple[int, int]:
    """Return width and height in pixels, as they are shown: a clip of a telephone is turned by its player."""
    if not media.moving:
        with Image.open(media.path) as image:
            return ImageOps.exif_transpose(image).size
    with av.open(media.path) as container:
        stream = container.streams.video[0]
        frame = next(container.decode(stream))
        width = round(stream.width * (stream.sample_aspect_ratio or 1))
        return (stream.height, width) if frame.rotation % 180 else (width, stream.height)


def output_size(recipe: Recipe, *, even: bool) -> tuple[int, int]:
    """Return the sides: as asked, else those of the picture that it starts from, else by ratio and resolution; never beyond the limit."""
    if recipe.width and recipe.height:
        width, height = float(recipe.width), float(recipe.height)
    else:
        aspect = recipe.aspect or _natural_aspect(recipe)
        width, height = (recipe.side * aspect, float(recipe.side)) if aspect >= 1 else (float(recipe.side), recipe.side / aspect)
    shrink = min(1.0, recipe.longest_side / max(width, height))
    step = 2 if even else 1
    return max(_MIN_SIDE, round(width * shrink / step) * step), max(_MIN_SIDE, round(height * shrink / step) * step)


def _natural_aspect(recipe: Recipe) -> float:
    if leading := recipe.start or recipe.source:
        width, height = size_of(leading)
        return min(max(width / height, 0.2), 5.0)
    return 16 / 9 if recipe.kind == "video" else 1.0


def source_planes(media: Media, size: tuple[int, int], fps: float) -> Iterator[Plane]:
    """Yield the clip's frames, one per output frame and without end: the last one stays."""
    width, height = size
    current: Plane | None = None
    made = 0
    with av.open(media.path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for decoded in container.decode(stream):
            frame = _upright(decoded)
            while current is not None and (made + 0.5) / fps < (decoded.time or 0.0):
                yield current
                made += 1
            same = (frame.width, frame.height, frame.format.name) == (width, height, "yuv420p")
            planar = frame if same else frame.reformat(width=width, height=height, format="yuv420p", interpolation=_FAST_SCALER)
            current = np.asarray(planar.to_ndarray(), dtype=np.uint8)
    while current is not None:
        yield current


def _last_frame(media: Media) -> Image.Image:
    last: VideoFrame | None = None
    with av.open(media.path) as container:
        for frame in container.decode(video=0):
            last = frame
    if last is None:
        raise ValueError("a clip without frames")
    return _image(last)


def _image(frame: VideoFrame) -> Image.Image:
    image = Image.fromarray(frame.reformat(format="rgb24", interpolation=_SCALER).to_ndarray())
    return image.rotate(frame.rotation, expand=True) if frame.rotation % 360 else image


def _upright(frame: VideoFrame) -> VideoFrame:
    return VideoFrame.from_ndarray(np.asarray(_image(frame))) if frame.rotation % 360 else frame


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
    return any(ord(character) >= _LATIN_END and ord(character) not in _PUNCTUATION for character in text)


def fitted(text: str, width: int, height: int, sizes: tuple[int, ...]) -> Block:
    """Wrap the text at the first of the sizes at which it fits; at the last one, cut it with an ellipsis."""
    wide = is_wide(text)
    for size in sizes:
        font, leading = font_for(size, wide=wide), round(size * _LINE_HEIGHT)
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
    for character in word if len(word) > _MAX_UNBROKEN_LENGTH else [word]:
        if character not in measured:
            measured[character] = font.getlength(character)
        if piece and reach + measured[character] > width:
            measured[piece] = reach
            yield piece
            piece, reach = "", 0.0
        piece, reach = piece + character, reach + measured[character]
    measured[piece] = reach
    yield piece
