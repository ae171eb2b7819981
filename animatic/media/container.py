"""Opening local files: what a file is by its first bytes, and its picture stream, with errors that name the file.

The container format comes from the first bytes and is forced on the demuxer. FFmpeg's own guess is never used: it would follow a
playlist or a concat script to other files and addresses.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream
from PIL import Image, UnidentifiedImageError

from animatic.errors import BadClipError

HEAD = 4096
"""Bytes read to tell what a file is."""

_IMAGE_BRANDS = {
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"heim": "image/heic",
    b"heis": "image/heic",
    b"mif1": "image/heic",
    b"avif": "image/avif",
}
_AUDIO_BRANDS = {b"M4A ", b"M4B ", b"F4A "}
_ATOMS_WITHOUT_BRAND = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}
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
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"ID3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
)
_RIFF = {b"AVI ": "video/x-msvideo", b"WAVE": "audio/wav", b"WEBP": "image/webp"}
_ISO_BRAND = slice(8, 12)


@dataclass(frozen=True, slots=True)
class OpenClip:
    """A demuxer at the start of a file, and the stream in it that holds the moving picture."""

    container: InputContainer
    video: VideoStream


def identify(path: Path) -> str:
    """Return the MIME type that the first bytes say. BadClipError if they say none that is read here, naming what was found instead."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise BadClipError(f"{path.name} cannot be read: {error.strerror}", hint="see that the file exists and may be read") from error
    mime = identify_bytes(head)
    if mime is None:
        raise BadClipError(f"{path.name} is {_describe(head)}, not a picture, a clip or sound", code="not_media")
    return mime


def identify_bytes(head: bytes) -> str | None:
    """Return the MIME type of a file that starts with these bytes, None if it is none that is read here."""
    for signature, mime in _SIGNATURES:
        if head.startswith(signature):
            return mime
    if head[:4] == b"RIFF":
        return _RIFF.get(head[_ISO_BRAND])
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    if head[4:8] == b"ftyp":
        brand = head[_ISO_BRAND]
        if brand == b"qt  ":
            return "video/quicktime"
        return _IMAGE_BRANDS.get(brand) or ("audio/mp4" if brand in _AUDIO_BRANDS else "video/mp4")
    if head[4:8] in _ATOMS_WITHOUT_BRAND:
        return "video/quicktime"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:  # noqa: PLR2004 - an MPEG audio sync word
        return "audio/aac" if head[1] & 0xF6 == 0xF0 else "audio/mpeg"  # noqa: PLR2004
    return None


@contextmanager
def opened(path: Path, mime: str) -> Iterator[InputContainer]:
    """Open a file of that type for demuxing; close it at the end. BadClipError for whatever is wrong with it inside the block."""
    with decoding(path), av.open(str(path), "r", format=_DEMUXERS[mime], metadata_errors="replace") as container:
        yield container


@contextmanager
def opened_clip(path: Path) -> Iterator[OpenClip]:
    """Open a clip. BadClipError if it is not one: a still, sound only, HTML, empty, cut before its index."""
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


def _describe(head: bytes) -> str:
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
