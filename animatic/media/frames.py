"""Single pictures out of clips: the frame that the next shot starts from (lossless), and thumbnails."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from av.codec.context import ThreadType
from av.video.frame import VideoFrame
from PIL import Image, ImageOps, ImageStat

from animatic.errors import BadClipError, BadMediaError
from animatic.media.container import OpenClip, decoding, identify, opened_clip, time_base
from animatic.media.picture import to_image

_REPRESENTATIVE = 0.5
"""How far into a clip its thumbnail is looked for."""
_FLAT = 6.0
"""Standard deviation of brightness below which a frame shows nothing: a fade, a black lead-in."""
_LOOK = 96
"""Frames to look through for one that is not flat."""


def extract_frame(path: Path, frame: Literal["first", "last"] | float, target: Path) -> None:
    """Write one frame of the clip to ``target`` as PNG, in the clip's own size.

    ``last`` is the frame with the greatest time stamp, found by decoding to the end; a number is seconds from the first frame and
    yields the frame shown then. A still is taken as it is. Raises BadMediaError if it does not decode, or has no frame at that time.
    """
    try:
        image = _still(path) if identify(path).startswith("image/") else to_image(_frame(path, frame))
    except BadClipError as error:
        raise BadMediaError(error.message, hint=error.hint, code=error.code) from error
    save(image, target, format="PNG", compress_level=4)


def thumbnail(path: Path, target: Path, width: int = 480) -> None:
    """Write a JPEG of at most ``width`` pixels across: the still, or a telling frame of the clip. BadClipError if it does not decode."""
    save(representative(path, width), target, format="JPEG", quality=82, optimize=True, progressive=True)


def representative(path: Path, width: int) -> Image.Image:
    """Return the still, or the first frame from the middle of the clip on that is not flat, at most ``width`` pixels across, as RGB."""
    image = _still(path) if identify(path).startswith("image/") else _telling(path)
    if image.width > width:
        image = image.resize((width, max(1, round(image.height * width / image.width))), Image.Resampling.LANCZOS)
    return image


def save(image: Image.Image, target: Path, *, format: str, **options: int | bool) -> None:  # noqa: A002 - Pillow's own word
    """Write the image whole or not at all."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        image.save(part, format=format, **options)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def shown_frames(clip: OpenClip) -> Iterator[tuple[float, VideoFrame]]:
    """Yield every frame from the demuxer's position on with its time in seconds after the stream's first frame, in order of time."""
    clip.video.thread_type = ThreadType.AUTO
    unit = time_base(clip.video)
    start: int | None = None
    for frame in clip.container.decode(clip.video):
        if frame.pts is None:
            continue
        start = frame.pts if start is None else start
        yield float((frame.pts - start) * unit), frame


def _frame(path: Path, wanted: Literal["first", "last"] | float) -> VideoFrame:
    until = {"first": 0.0, "last": math.inf}.get(wanted, 0.0) if isinstance(wanted, str) else float(wanted)
    best: VideoFrame | None = None
    end = 0.0
    with opened_clip(path) as clip:
        for time, frame in shown_frames(clip):
            if best is not None and time > until:
                return best
            best, end = frame, time + float((frame.duration or 0) * time_base(clip.video))
            if wanted == "first":
                return best
    if best is None:
        raise BadClipError(f"{path.name} holds no frames", code="no_frames")
    if not isinstance(wanted, str) and not 0 <= until <= end:
        raise BadMediaError(
            f"{path.name} is {end:.2f} s long and has no frame at {wanted:g} s", hint=f"use 0 to {end:.2f}, first or last", code="no_frame"
        )
    return best


def _telling(path: Path) -> Image.Image:
    best: Image.Image | None = None
    early: VideoFrame | None = None
    liveliest = -1.0
    with opened_clip(path) as clip:
        wanted = (clip.container.duration or 0) * _REPRESENTATIVE
        # Seeking goes to the key frame before: often the very first, which of a chained shot shows what came before it.
        clip.container.seek(int(wanted))
        seen = 0
        for _, frame in shown_frames(clip):
            if best is None and frame.time is not None and frame.time * 1_000_000 < wanted:
                early = frame
                continue
            seen += 1
            image = to_image(frame)
            contrast = ImageStat.Stat(image.convert("L").resize((64, 36))).stddev[0]
            if contrast > liveliest:
                best, liveliest = image, contrast
            if liveliest >= _FLAT or seen > _LOOK:
                break
    if best is None and early is not None:
        best = to_image(early)
    if best is None:
        raise BadClipError(f"{path.name} holds no frames", code="no_frames")
    return best


def _still(path: Path) -> Image.Image:
    with decoding(path), Image.open(path) as image:
        image.load()
        upright = ImageOps.exif_transpose(image)
        if upright.mode in {"RGBA", "LA", "PA"} or "transparency" in upright.info:
            backdrop = Image.new("RGBA", upright.size, "white")
            return Image.alpha_composite(backdrop, upright.convert("RGBA")).convert("RGB")
        return upright.convert("RGB")
