"""Opens local media files: tells their type, finds their picture stream, and notices when their end is missing.

The container format comes from the first bytes and is forced on the demuxer. FFmpeg's own guess is never used: it would follow a
playlist or a concat script to other files and addresses. All errors are BadClipError and name the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream
from PIL import Image, UnidentifiedImageError

from animatic import formats
from animatic.errors import BadClipError

_DEMUXERS = {
    "video/mp4": "mov",
    "video/quicktime": "mov",
    "audio/mp4": "mov",
    "video/webm": "matroska",
    "video/x-matroska": "matroska",
    "video/x-msvideo": "avi",
    "audio/wav": "wav",
    "audio/mpeg": "mp3",
    "audio/flac": "flac",
    "audio/ogg": "ogg",
    "audio/aac": "aac",
}
_ISO = frozenset({"video/mp4", "video/quicktime", "audio/mp4"})
_MATROSKA = frozenset({"video/webm", "video/x-matroska"})
_RIFF = frozenset({"video/x-msvideo", "audio/wav"})
_SHORT_HEADER, _LONG_HEADER = 8, 16
"""Bytes of a box's header with a 32-bit and with a 64-bit size."""
_TO_THE_END, _SIZE_IN_64_BITS = 0, 1
"""Sizes of boxes that mean something else."""


@dataclass(frozen=True, slots=True)
class OpenClip:
    """A demuxer at the start of a file, and the stream in it that holds the moving picture."""

    container: InputContainer
    video: VideoStream

    @property
    def pixel_shape(self) -> Fraction:
        """Width of a pixel by its height, before rotation."""
        return self.video.sample_aspect_ratio or Fraction(1)


def identify(path: Path) -> str:
    """Return the MIME type of a picture, clip or sound by its first bytes. BadClipError for anything else, naming what it is instead."""
    try:
        with path.open("rb") as file:
            head = file.read(formats.HEAD_BYTES)
    except OSError as error:
        raise BadClipError(f"{path.name} cannot be read: {error.strerror}", hint="see that the file exists and may be read") from error
    format_ = formats.identify(head)
    if format_ is None or not format_.mime.startswith(("image/", "video/", "audio/")):
        raise BadClipError(f"{path.name} is {_describe(head)}, not a picture, a clip or sound", code="not_media")
    return format_.mime


@contextmanager
def opened(path: Path, mime: str) -> Iterator[InputContainer]:
    """Open a file of that type for demuxing; close it at the end. BadClipError for whatever is wrong with it inside the block."""
    with decoding(path), av.open(str(path), "r", format=_DEMUXERS[mime], metadata_errors="replace") as container:
        yield container


@contextmanager
def opened_clip(path: Path) -> Iterator[OpenClip]:
    """Open a clip; close it at the end. BadClipError if it is not one: a still, sound only, HTML, empty, cut before its index."""
    mime = identify(path)
    if not mime.startswith("video/"):
        raise BadClipError(f"{path.name} is {mime}, not a clip", code="not_a_clip")
    with opened(path, mime) as container:
        video = moving_picture(container)
        if video is None:
            raise BadClipError(f"{path.name} holds sound but no picture", code="not_a_clip")
        yield OpenClip(container, video)


def moving_picture(container: InputContainer) -> VideoStream | None:
    """Return the first stream of moving pictures; cover art of a sound file is none."""
    return next((stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic), None)


@contextmanager
def decoding(path: Path) -> Iterator[None]:
    """Turn what the codecs raise into BadClipError with the file's name."""
    try:
        yield
    except (av.FFmpegError, UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        hint = "the file is damaged or was cut on its way; fetch or export it again"
        raise BadClipError(f"{path.name} does not decode: {reason}", hint=hint) from error


def time_base(stream: VideoStream) -> Fraction:
    """Return the unit of the stream's time stamps in seconds."""
    return stream.time_base or Fraction(1, 1_000_000)


def missing_bytes(path: Path, mime: str) -> int:
    """Return how many bytes are missing at least; 0 if the file is whole or its format does not state its length."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if mime in _ISO:
            return _beyond_iso(file, size)
        if mime in _MATROSKA:
            return _beyond_matroska(file, size)
        if mime in _RIFF:
            return max(0, int.from_bytes(file.read(_SHORT_HEADER)[4:], "little") + _SHORT_HEADER - size)
    return 0


def _beyond_iso(file: BinaryIO, size: int) -> int:
    """Walk the top-level boxes: 32-bit size and name, or 64-bit size behind the name."""
    position, names = 0, set()
    while position < size:
        file.seek(position)
        header = file.read(_LONG_HEADER)
        whole = b"moov" in names and b"mdat" in names
        # A box's size starts with a zero, so one whose header is cut looks like that.
        if len(header) < _SHORT_HEADER:
            return 0 if whole and (header[:1] != b"\0" or b"moof" not in names) else _SHORT_HEADER - len(header)
        if whole and header[4:8] not in formats.ISO_BOXES:
            return 0
        names.add(header[4:8])
        length = int.from_bytes(header[:4])
        if length == _TO_THE_END:
            break
        if length == _SIZE_IN_64_BITS:
            length = int.from_bytes(header[8:16])
        if length < _SHORT_HEADER:
            break  # not a box: left to the demuxer to refuse
        position += length
    return max(position - size, 0 if b"moov" in names else 1)


def _beyond_matroska(file: BinaryIO, size: int) -> int:
    """Step over the EBML header to the one segment. A live recording states no size: all bits of it are ones."""
    position = 0
    for _ in range(2):
        file.seek(position)
        head = file.read(_LONG_HEADER)
        if len(head) < _SHORT_HEADER:
            return 1
        id_width = _width(head[0])
        width = _width(head[id_width])
        length = int.from_bytes(head[id_width : id_width + width]) & (1 << 7 * width) - 1
        if length == (1 << 7 * width) - 1:
            return 0
        position += id_width + width + length
    return max(0, position - size)


def _width(first: int) -> int:
    """Return how many bytes a variable-length number takes, from the leading zero bits of its first byte."""
    return 9 - first.bit_length() if first else 8


def _describe(head: bytes) -> str:
    """Return what a file that starts like this is, in words."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head:
        return "empty"
    if text.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        return "a web page (HTML or XML)"
    if text.startswith((b"{", b"[")):
        return "JSON text"
    if b"\0" not in head and head.isascii():
        return "text"
    return "of an unknown format"
