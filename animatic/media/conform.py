"""Conforms frames to the reel: its size by letterbox or crop, square pixels, upright, yuv420p in limited BT.709.

One filter graph does all of it, so that a frame is touched once; what is so already goes through untouched. Also the view of a frame as
planes that numbers can be written to, which transitions and captions use.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
from av.filter import Graph
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import ColorRange, Colorspace

from animatic.media.frames import matrix_of, square_size, still_picture
from animatic.media.timeline import Fit

Plane = npt.NDArray[np.uint8]

BLACK = (16, 128, 128)
"""Y, U and V of black in limited range."""
_FLAGS = "bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"
"""Without the last two every conversion darkens by 2 of 255, which chained shots would add up."""
_MATRICES = {1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020", 10: "bt2020"}
"""Names that the scaler has for the matrices of H.273; GBR has none, and needs none."""
_TURNS = {90: ("transpose", "cclock"), 180: ("hflip", "vflip"), 270: ("transpose", "clock")}
"""Filters that turn a picture against the clock: with an argument, or two of them."""


class Conformer:
    """Makes frames of one source fit a reel of ``width`` x ``height`` (even numbers); sources may change their size on the way."""

    def __init__(self, width: int, height: int, fit: Fit) -> None:
        self._size = width, height
        self._fit = fit
        self._for: tuple[object, ...] = ()
        self._graph: Graph | None = None

    def conformed(self, frame: VideoFrame, pixel_shape: Fraction) -> VideoFrame:
        """Return the frame as the reel shows it. Its time stamp is the caller's to set."""
        kind = (frame.width, frame.height, frame.format.name, matrix_of(frame), frame.color_range, frame.rotation % 360, pixel_shape)
        if kind != self._for:
            self._for, self._graph = kind, self._graph_for(frame, pixel_shape)
        if self._graph is None:
            frame.pict_type = PictureType.NONE  # left in place, it would tell the encoder where to put keyframes
            return frame
        frame.pts, frame.time_base = 0, Fraction(1)
        self._graph.vpush(frame)
        return self._graph.vpull()

    def _graph_for(self, frame: VideoFrame, pixel_shape: Fraction) -> Graph | None:
        """Build the chain for frames like this one; None where there is nothing to do."""
        turn = frame.rotation % 360
        limited = frame.color_range in {ColorRange.MPEG, ColorRange.UNSPECIFIED}
        inner = self._inner_size(frame, pixel_shape)
        alike = frame.format.name == "yuv420p" and limited and matrix_of(frame) == Colorspace.ITU709
        if alike and turn not in _TURNS and inner == (frame.width, frame.height) == self._size:
            return None
        graph = Graph()
        source = graph.add(
            "buffer", f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}:time_base=1/1:pixel_aspect=1/1{_tags(frame)}"
        )
        matrix = _MATRICES.get(matrix_of(frame), "bt709")
        before = inner if turn % 180 == 0 or turn not in _TURNS else inner[::-1]
        scale = f"{before[0]}:{before[1]}:flags={_FLAGS}:in_color_matrix={matrix}:out_color_matrix=bt709:out_range=tv"
        chain = [graph.add("scale", scale), graph.add("format", "yuv420p")]
        if turn == 180:  # noqa: PLR2004 - degrees
            chain += [graph.add(name) for name in _TURNS[turn]]
        elif turn in _TURNS:
            name, way = _TURNS[turn]
            chain.append(graph.add(name, way))
        if inner != self._size:
            width, height = self._size
            left, top = (abs(side - limit) // 4 * 2 for side, limit in zip(inner, self._size, strict=True))
            place = f"{width}:{height}:{left}:{top}"
            chain.append(graph.add("crop", place) if self._fit == "crop" else graph.add("pad", f"{place}:black"))
        sink = graph.add("buffersink")
        graph.link_nodes(source, *chain, sink).configure()
        return graph

    def _inner_size(self, frame: VideoFrame, pixel_shape: Fraction) -> tuple[int, int]:
        """Return the size of the whole picture on the reel, upright: within the reel's for a letterbox, at least the reel's for a crop."""
        square = square_size(frame, pixel_shape)
        sides = square[::-1] if frame.rotation % 180 else square
        ratios = [Fraction(limit, side) for side, limit in zip(sides, self._size, strict=True)]
        if self._fit == "crop":
            grown = [(max(limit, _even(side * max(ratios)))) for side, limit in zip(sides, self._size, strict=True)]
            return grown[0], grown[1]
        fitted = [min(limit, max(2, _even(side * min(ratios)))) for side, limit in zip(sides, self._size, strict=True)]
        return fitted[0], fitted[1]


def conformed_still(path: Path, conformer: Conformer) -> VideoFrame:
    """Return a still as a frame of the reel. Raises BadClipError if it does not decode."""
    return conformer.conformed(VideoFrame.from_ndarray(np.asarray(still_picture(path))), Fraction(1))


def planes_of(frame: VideoFrame) -> tuple[Plane, Plane, Plane]:
    """Return views of the Y, U and V planes of a yuv420p frame; what is written to them is written to the frame."""
    found: list[Plane] = []
    for plane in frame.planes:
        rows = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(-1, plane.line_size)
        found.append(rows[: plane.height, : plane.width])
    return found[0], found[1], found[2]


def black_frame(width: int, height: int) -> VideoFrame:
    """Return a black frame of that size."""
    frame = VideoFrame(width, height, "yuv420p")
    for plane, level in zip(planes_of(frame), BLACK, strict=True):
        plane[:] = level
    return frame


def mixed(one: VideoFrame, other: VideoFrame, step: int, steps: int) -> VideoFrame:
    """Return a transition's frame ``step`` of ``steps``: at 0 all of one, each further one a step nearer to the other.

    The arithmetic is that of FFmpeg's xfade and fade filters: single precision, cut off.
    """
    share = np.float32(1) - np.float32(step) / np.float32(steps)
    frame = VideoFrame(one.width, one.height, "yuv420p")
    for target, left, right in zip(planes_of(frame), planes_of(one), planes_of(other), strict=True):
        np.copyto(target, left * share + right * (np.float32(1) - share), casting="unsafe")
    return frame


def _tags(frame: VideoFrame) -> str:
    """Return the frame's color range as the source of a graph is told it; RGB is full by itself."""
    if frame.format.is_rgb or frame.color_range not in {ColorRange.MPEG, ColorRange.JPEG}:
        return ""
    return f":range={'tv' if frame.color_range == ColorRange.MPEG else 'pc'}"


def _even(side: Fraction) -> int:
    return round(side / 2) * 2
