"""Measures clips and stills: size, rate, length. Read from the packets, not from what the container claims."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image, ImageOps

from animatic.catalog.model import Media
from animatic.errors import BadClipError, BadMediaError
from animatic.media.container import decoding, identify, missing_bytes, moving_picture, opened, opened_clip, time_base
from animatic.media.frames import display_size
from animatic.media.sound import sound_mime

_RATE_TOLERANCE = 0.02
"""Share by which the stated rate may differ from the counted one and still be believed."""
_NOT_DECODED = frozenset({"image/heic"})
"""Images that Krea may take but that are not decoded here: believed by their first bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """A clip or still as it is shown: ``width`` and ``height`` in pixels after rotation, ``duration`` in seconds of picture.

    ``fps``, ``duration`` and ``frames`` are None for stills. ``fps`` is the average where the rate varies.
    """

    mime: str
    width: int
    height: int
    fps: float | None
    duration: float | None
    frames: int | None
    codec: str
    has_audio: bool


@dataclass(slots=True)
class _Tally:
    """What demuxing found, in units of the stream's time base."""

    frames: int = 0
    start: int | None = None
    end: int = 0
    corrupt: bool = False

    def add(self, packet: Packet[VideoStream], step: int) -> None:
        self.corrupt = self.corrupt or packet.is_corrupt
        if packet.is_discard or packet.pts is None:
            return  # outside the edit list: decoded for the others' sake, never shown
        self.frames += 1
        self.start = packet.pts if self.start is None else min(self.start, packet.pts)
        self.end = max(self.end, packet.pts + (packet.duration or step))


def probe(path: Path) -> Facts:
    """Return the facts of a clip or still, after decoding its first frame and walking all its packets.

    Raises BadClipError if it is empty, no media, without picture, cut (its outermost boxes name bytes that are not there), or does not
    decode.
    """
    mime = identify(path)
    if mime.startswith("image/"):
        return _still(path, mime)
    if missing := missing_bytes(path, mime):
        hint = "its download or copy was cut short; fetch or copy it again"
        raise BadClipError(f"{path.name} is cut: at least {missing} bytes are missing at its end", hint=hint, code="cut")
    with opened_clip(path) as clip:
        first, tally = _demuxed(clip.container, clip.video)
        if first is None or tally.start is None or tally.end <= tally.start:
            raise BadClipError(f"{path.name} holds no frames", code="no_frames")
        if tally.corrupt:
            raise BadClipError(f"{path.name} is damaged", hint="fetch or export it again", code="damaged")
        duration = (tally.end - tally.start) * time_base(clip.video)
        width, height = display_size(first, clip.pixel_shape)
        return Facts(
            mime=mime,
            width=width,
            height=height,
            fps=round(float(_rate(clip.video, tally.frames / duration)), 3),
            duration=round(float(duration), 3),
            frames=tally.frames,
            codec=clip.video.codec.canonical_name,
            has_audio=bool(clip.container.streams.audio),
        )


def sniff(path: Path) -> tuple[str, Media]:
    """Return MIME type and media (image, video or audio) of a local file, after decoding a little of it.

    Raises BadMediaError if it is missing, empty, no media, cut, or does not decode.
    """
    try:
        mime = identify(path)
        if mime in _NOT_DECODED:
            return mime, "image"
        if mime.startswith("image/"):
            probe(path)
            return mime, "image"
        return _stream(path, mime)
    except BadClipError as error:
        raise BadMediaError(error.message, hint=error.hint, code="bad_media") from error


def _demuxed(container: InputContainer, stream: VideoStream) -> tuple[VideoFrame | None, _Tally]:
    """Return the first frame, decoded, and what all packets add up to."""
    tally = _Tally()
    first: VideoFrame | None = None
    rate = stream.average_rate or stream.guessed_rate
    step = int(1 / (rate * time_base(stream))) if rate else 0
    for packet in container.demux(stream):
        if first is None:
            with contextlib.suppress(av.error.InvalidDataError):  # damaged; perhaps a later one is not
                first = next(iter(stream.decode(packet if packet.size else None)), None)
        if packet.size:
            tally.add(packet, step)
    return first, tally


def _rate(stream: VideoStream, counted: Fraction) -> Fraction:
    """Prefer the stated rate (exact for 30000/1001) where counting confirms it."""
    stated = stream.average_rate
    return stated if stated and abs(stated - counted) <= _RATE_TOLERANCE * stated else counted


def _still(path: Path, mime: str) -> Facts:
    if mime == "image/heic":
        raise BadClipError(f"{path.name} is HEIC, which is not read here", hint="export it as PNG or JPEG", code="not_read")
    with decoding(path), Image.open(path) as image:
        image.load()
        width, height = ImageOps.exif_transpose(image).size
        codec = (image.format or mime.removeprefix("image/")).lower()
    return Facts(mime=mime, width=width, height=height, fps=None, duration=None, frames=None, codec=codec, has_audio=False)


def _stream(path: Path, mime: str) -> tuple[str, Media]:
    """Return MIME type and media of a container, which may hold sound alone."""
    with opened(path, mime) as container:
        if mime.startswith("video/") and moving_picture(container) is not None:
            probe(path)
            return mime, "video"
        if not container.streams.audio:
            raise BadMediaError(f"{path.name} holds neither picture nor sound", hint="export it again")
        if next(container.decode(container.streams.audio[0]), None) is None:
            raise BadMediaError(f"{path.name} holds no sound", hint="export it again")
    return sound_mime(mime), "audio"
