"""Makes pictures of clips: the frame that the next shot starts from (lossless), thumbnails and contact sheets.

Owns the conversion between a clip's own color and RGB, and the guess at what an untagged clip means.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
from av.codec.context import ThreadType
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, Interpolation
from PIL import Image, ImageDraw, ImageFont, ImageOps

from animatic.errors import BadClipError, BadMediaError
from animatic.files import writing_whole
from animatic.media.container import OpenClip, decoding, identify, opened_clip, time_base
from animatic.media.lively import Lively

THUMBNAIL_AT = 0.5
"""How far into a clip its thumbnail is looked for."""
_THUMBNAIL_WIDTH = 480

_UNSPECIFIED = 2
_HD_HEIGHT = 720
"""From this height on, players take untagged footage as BT.709; below, as BT.601."""
_EXACT = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
"""Without the last two every conversion darkens by 2 of 255, which chained shots would add up."""

_MICROSECONDS = 1_000_000
"""FFmpeg's own unit of time, in a second."""
_CELL = (480, 270)
_GAP = 16
_CAPTION_HEIGHT = 28
_MAX_COLUMNS = 4
_PAPER, _INK, _MOUNT = (250, 249, 246), (40, 40, 44), (24, 24, 27)


def extract_frame(path: Path, frame: Literal["first", "last"] | float, target: Path) -> None:
    """Write one frame of the clip to ``target`` as PNG, in the clip's own size.

    ``last`` is the frame with the greatest time stamp, found by decoding to the end; a number is seconds from the first frame and
    yields the frame shown then. A still is taken as it is. Raises BadMediaError if it does not decode, or has no frame at that time.
    """
    try:
        image = still_picture(path) if identify(path).startswith("image/") else _frame(path, frame)
    except BadClipError as error:
        raise BadMediaError(error.message, hint=error.hint, code=error.code) from error
    _save(image, target, format="PNG", compress_level=4)


def first_picture(path: Path) -> Image.Image:
    """Return the still, or the first frame of the clip, as RGB. Raises BadClipError if it does not decode."""
    return still_picture(path) if identify(path).startswith("image/") else _frame(path, "first")


def thumbnail(path: Path, target: Path, width: int = _THUMBNAIL_WIDTH) -> None:
    """Write a JPEG of at most ``width`` pixels across: the still, or a lively frame of the clip. BadClipError if it does not decode."""
    _save_small(_representative(path, width), target)


def thumbnail_of(frame: VideoFrame, pixel_shape: Fraction, target: Path) -> None:
    """Write the same of a frame that was found while the clip was decoded for something else; ``pixel_shape``: that of `OpenClip`."""
    _save_small(to_image(frame, pixel_shape, _THUMBNAIL_WIDTH), target)


def contact_sheet(paths: Sequence[Path | None], target: Path, captions: Sequence[str] | None = None) -> None:
    """Write a JPEG with one captioned picture per clip or still, in order, at most four across; None leaves an empty frame.

    Captions are the files' names where none are given. Raises ValueError without paths, BadClipError if one of them does not decode.
    """
    if not paths:
        raise ValueError("a contact sheet needs at least one clip or still")
    captions = [path.stem if path else "" for path in paths] if captions is None else captions
    columns = min(_MAX_COLUMNS, math.ceil(math.sqrt(len(paths))))
    rows = math.ceil(len(paths) / columns)
    width, height = _CELL
    step_x, step_y = width + _GAP, height + _CAPTION_HEIGHT + _GAP
    sheet = Image.new("RGB", (columns * step_x + _GAP, rows * step_y + _GAP), _PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=16)
    for index, path in enumerate(paths):
        left, top = _GAP + index % columns * step_x, _GAP + index // columns * step_y
        picture = Image.new("RGB", _CELL, _MOUNT) if path is None else ImageOps.pad(_representative(path, width), _CELL, color=_MOUNT)
        sheet.paste(picture, (left, top))
        draw.text((left, top + height + 6), _shortened(captions[index], width, font), font=font, fill=_INK)
    _save(sheet, target, format="JPEG", quality=85, optimize=True)


def shown_frames(clip: OpenClip) -> Iterator[tuple[float, VideoFrame]]:
    """Yield every frame from the demuxer's position on with its time in seconds after the stream's first frame, in order of time."""
    clip.video.thread_type = ThreadType.AUTO
    unit = time_base(clip.video)
    start: int | None = None
    for frame in decoded_frames(clip):
        if frame.pts is None:
            continue
        start = frame.pts if start is None else start
        yield float((frame.pts - start) * unit), frame


def decoded_frames(clip: OpenClip) -> Iterator[VideoFrame]:
    """Yield every frame that decodes. Damaged ones in the middle of a clip are left out, as players do."""
    for packet in clip.container.demux(clip.video):
        with contextlib.suppress(av.error.InvalidDataError):
            yield from clip.video.decode(packet if packet.size else None)


def display_size(frame: VideoFrame, pixel_shape: Fraction) -> tuple[int, int]:
    """Return width and height in square pixels, after rotation; ``pixel_shape``: that of `OpenClip`."""
    width, height = square_size(frame, pixel_shape)
    return (height, width) if frame.rotation % 180 else (width, height)


def square_size(frame: VideoFrame, pixel_shape: Fraction) -> tuple[int, int]:
    """Return width and height in square pixels, before rotation. One side grows and none shrinks, so that no detail is lost."""
    if pixel_shape >= 1:
        return round(frame.width * pixel_shape), frame.height
    return frame.width, round(frame.height / pixel_shape)


def to_image(frame: VideoFrame, pixel_shape: Fraction, across: int | None = None) -> Image.Image:
    """Return the frame as RGB, upright, in square pixels; at most ``across`` pixels wide, where that is given."""
    matrix = matrix_of(frame)
    width, height = square_size(frame, pixel_shape)
    upright = height if frame.rotation % 180 else width
    scaler = Interpolation.BICUBIC
    if across is not None and upright > across:
        width, height = (max(1, round(side * across / upright)) for side in (width, height))
        scaler = Interpolation.LANCZOS
    rgb = frame.reformat(
        width=width, height=height, format="rgb24", src_colorspace=matrix, dst_colorspace=matrix, interpolation=scaler | _EXACT
    )
    image = Image.fromarray(rgb.to_ndarray())
    return image.rotate(frame.rotation, expand=True) if frame.rotation % 360 else image


def _frame(path: Path, wanted: Literal["first", "last"] | float) -> Image.Image:
    with opened_clip(path) as clip:
        return to_image(_frame_at(clip, path.name, wanted), clip.pixel_shape)


def _frame_at(clip: OpenClip, name: str, wanted: Literal["first", "last"] | float) -> VideoFrame:
    until = {"first": 0.0, "last": math.inf}.get(wanted, 0.0) if isinstance(wanted, str) else float(wanted)
    best: VideoFrame | None = None
    end = 0.0
    for time, frame in shown_frames(clip):
        if best is not None and time > until:
            return best
        best, end = frame, time + float((frame.duration or 0) * time_base(clip.video))
        if wanted == "first":
            return best
    if best is None:
        raise BadClipError(f"{name} holds no frames", code="no_frames")
    if not isinstance(wanted, str) and not 0 <= until <= end:
        raise BadMediaError(
            f"{name} is {end:.2f} s long and has no frame at {wanted:g} s", hint=f"use 0 to {end:.2f}, first or last", code="no_frame"
        )
    return best


def _representative(path: Path, width: int) -> Image.Image:
    """Return the still, or the first frame from the middle of the clip on that is not flat, at most ``width`` pixels across, as RGB."""
    if not identify(path).startswith("image/"):
        return _first_lively(path, width)
    image = still_picture(path)
    if image.width > width:
        image = image.resize((width, max(1, round(image.height * width / image.width))), Image.Resampling.LANCZOS)
    return image


def _first_lively(path: Path, width: int) -> Image.Image:
    with opened_clip(path) as clip:
        wanted = (clip.container.duration or 0) * THUMBNAIL_AT
        # Seeking goes to the key frame before: often the very first, which of a chained shot shows what came before it.
        clip.container.seek(int(wanted))
        lively = Lively(wanted / _MICROSECONDS)
        for time, frame in shown_frames(clip):
            lively.add(time if frame.time is None else frame.time, frame)
            if lively.found:
                break
        if lively.frame is None:
            raise BadClipError(f"{path.name} holds no frames", code="no_frames")
        return to_image(lively.frame, clip.pixel_shape, width)


def still_picture(path: Path) -> Image.Image:
    """Return a still as RGB, upright, on white where it is see-through. Raises BadClipError if it does not decode."""
    with decoding(path), Image.open(path) as image:
        image.load()
        upright = ImageOps.exif_transpose(image)
        if upright.mode in {"RGBA", "LA", "PA"} or "transparency" in upright.info:
            backdrop = Image.new("RGBA", upright.size, "white")
            return Image.alpha_composite(backdrop, upright.convert("RGBA")).convert("RGB")
        return upright.convert("RGB")


def _save_small(image: Image.Image, target: Path) -> None:
    _save(image, target, format="JPEG", quality=82, optimize=True, progressive=True)


def _save(image: Image.Image, target: Path, *, format: str, **options: int | bool) -> None:  # noqa: A002 - Pillow's own word
    """Write the image whole or not at all."""
    with writing_whole(target) as part:
        image.save(part, format=format, **options)


def matrix_of(frame: VideoFrame) -> int:
    """Return the YUV matrix; the scaler's numbers for them are those of the streams."""
    if frame.colorspace not in (0, _UNSPECIFIED):
        return frame.colorspace
    return Colorspace.ITU709 if frame.height >= _HD_HEIGHT else Colorspace.ITU601


def _shortened(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"
