"""One decoded frame as it is meant to be seen: right colors, right way up, square pixels; and fitted into a given size."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from PIL import Image

Plane = npt.NDArray[np.uint8]

_UNSPECIFIED = 2
_HD_HEIGHT = 720
"""From this height on, players take untagged footage as BT.709; below, as BT.601."""
_SCALER = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
"""Without the last two every conversion darkens by 2 of 255, which chained shots would add up."""
_BLACK = (16, 128, 128)


def display_size(frame: VideoFrame) -> tuple[int, int]:
    """Return width and height after rotation."""
    return (frame.height, frame.width) if frame.rotation % 180 else (frame.width, frame.height)


def to_image(frame: VideoFrame) -> Image.Image:
    """Return the frame as RGB, upright."""
    matrix = _matrix(frame)
    rgb = frame.reformat(format="rgb24", src_colorspace=matrix, dst_colorspace=matrix, interpolation=_SCALER)
    image = Image.fromarray(rgb.to_ndarray())
    return image.rotate(frame.rotation, expand=True) if frame.rotation % 360 else image


def fit(frame: VideoFrame, width: int, height: int) -> VideoFrame:
    """Return the frame as yuv420p BT.709 of exactly that (even) size, scaled to fit and padded with black; its time stamp is the caller's to set."""
    if frame.rotation % 360:
        frame = VideoFrame.from_ndarray(np.asarray(to_image(frame)))
    if _is_so_already(frame, width, height):
        frame.pict_type = PictureType.NONE  # left in place, it would tell the encoder where to put keyframes
        return frame
    scale = min(width / frame.width, height / frame.height)
    inner_width, inner_height = (
        min(limit, max(2, round(side * scale / 2) * 2)) for side, limit in ((frame.width, width), (frame.height, height))
    )
    planar = frame.reformat(
        width=inner_width,
        height=inner_height,
        format="yuv420p",
        src_colorspace=_matrix(frame),
        dst_colorspace=Colorspace.ITU709,
        src_color_range=frame.color_range,
        dst_color_range=ColorRange.MPEG,
        interpolation=_SCALER,
    )
    if (inner_width, inner_height) == (width, height):
        return VideoFrame.from_ndarray(planar.to_ndarray(), format="yuv420p")
    return VideoFrame.from_ndarray(_padded(planar, width, height), format="yuv420p")


def _is_so_already(frame: VideoFrame, width: int, height: int) -> bool:
    """Whether converting would copy: most clips of a reel are of its own size and color."""
    limited = frame.color_range in {ColorRange.MPEG, ColorRange.UNSPECIFIED}
    return (frame.width, frame.height, frame.format.name) == (width, height, "yuv420p") and limited and _matrix(frame) == Colorspace.ITU709


def planes_of(frame: VideoFrame) -> tuple[Plane, Plane, Plane]:
    """Return the Y, U and V planes of a yuv420p frame with even sides, without copying rows twice."""
    stacked = np.asarray(frame.to_ndarray(), dtype=np.uint8)
    height, width = frame.height, frame.width
    chroma = stacked[height:].reshape(2, height // 2, width // 2)
    return stacked[:height], chroma[0], chroma[1]


def _padded(frame: VideoFrame, width: int, height: int) -> Plane:
    canvas = np.empty((height * 3 // 2, width), dtype=np.uint8)
    chroma = canvas[height:].reshape(2, height // 2, width // 2)
    left, top = (width - frame.width) // 4 * 2, (height - frame.height) // 4 * 2
    for plane, target, black, shift in zip(planes_of(frame), (canvas[:height], chroma[0], chroma[1]), _BLACK, (1, 2, 2), strict=True):
        target[:] = black
        rows, columns = plane.shape
        target[top // shift : top // shift + rows, left // shift : left // shift + columns] = plane
    return canvas


def _matrix(frame: VideoFrame) -> int:
    """Return the YUV matrix; the scaler's numbers for them are those of the streams."""
    if frame.colorspace not in (0, _UNSPECIFIED):
        return frame.colorspace
    return Colorspace.ITU709 if frame.height >= _HD_HEIGHT else Colorspace.ITU601
