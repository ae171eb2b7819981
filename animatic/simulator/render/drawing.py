"""Reads the pictures that a request names: stills, single frames, the frames of a source clip.

Pictures are RGB images or planes: one yuv420p array (BT.709, limited range) of height * 3 / 2 rows.
"""

from __future__ import annotations

from collections.abc import Iterator

import av
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from PIL import Image, ImageOps

from animatic.simulator.render.recipe import Media, Recipe

Plane = npt.NDArray[np.uint8]

_SCALER = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
_FAST_SCALER = Interpolation.FAST_BILINEAR
_MIN_SIDE = 16


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


def rate(media: Media) -> float:
    """Return how many frames the clip shows in a second."""
    with av.open(media.path) as container:
        stream = container.streams.video[0]
        return float(stream.average_rate or stream.guessed_rate or 24)


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
    return 16 / 9 if recipe.makes == "video" else 1.0


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
