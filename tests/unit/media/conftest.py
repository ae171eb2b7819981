"""Clips made on the spot: every frame is one gray, so that a picture tells which frame it is."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from tests.present import present

ClipMaker = Callable[..., Path]


def channel(image: Image.Image, at: tuple[int, int], band: int = 0) -> int:
    """Return one channel of a pixel of a picture that has several."""
    pixel = image.getpixel(at)
    assert isinstance(pixel, tuple)
    return pixel[band]


def shown_at(frame: VideoFrame | av.Packet[Any]) -> Fraction:
    """Return the time of a frame or packet, in seconds."""
    return present(frame.pts) * present(frame.time_base)


def gray_of(index: int) -> int:
    return 40 + index * 4 % 180


@pytest.fixture
def make_clip(tmp_path: Path) -> ClipMaker:
    def make(
        name: str = "clip.mp4",
        *,
        frames: int = 24,
        fps: int | Fraction = 24,
        size: tuple[int, int] = (64, 48),
        codec: str = "libx264",
        pix_fmt: str = "yuv420p",
        audio: bool = False,
        rotation: int = 0,
        times: list[int] | None = None,
        first: int = 0,
        comment: str | None = None,
        pixel: Fraction | None = None,
        movflags: str | None = None,
        lively: bool = False,
    ) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w", options={"movflags": movflags} if movflags else {}) as output:
            if comment:
                output.metadata["comment"] = comment
            stream = output.add_stream(codec, rate=fps)
            assert isinstance(stream, VideoStream)
            stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
            stream.time_base = stream.codec_context.time_base = 1 / Fraction(fps)
            if pixel:
                stream.codec_context.sample_aspect_ratio = pixel
            if rotation:
                stream.set_display_rotation(rotation)
            sound = output.add_stream("aac", rate=16000) if audio else None
            for index in range(frames):
                shade = np.full((size[1], size[0], 3), gray_of(index + first), dtype=np.uint8)
                if lively:
                    shade = np.random.default_rng(index).integers(0, 255, shade.shape, dtype=np.uint8)
                frame = VideoFrame.from_ndarray(shade)
                frame.pts = times[index] if times else index
                frame.time_base = 1 / Fraction(fps)
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
            if sound is not None:
                samples = av.AudioFrame.from_ndarray(np.zeros((1, 16000 * 2), dtype=np.float32), format="fltp", layout="mono")
                samples.rate, samples.pts = 16000, 0
                output.mux(sound.encode(samples))
                output.mux(sound.encode(None))
        return path

    return make
