"""Recognizes media files by their first bytes: one table of signatures for references, downloads and uploads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

HEAD_BYTES = 4096
"""How much of a file `identify` may need. 64 bytes decide everything but Matroska against WebM in files with an unusual header."""
ISO_BOXES = frozenset(b"ftyp moov moof mdat mfra free skip wide uuid meta sidx ssix styp emsg udta pdin prft pnot".split())
"""Boxes at the top of an MP4 or MOV. What follows the last of them is no part of it: line breaks, padding, a tag of some uploader's."""

Medium = Literal["image", "video", "audio", "model", "document"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """A file format. ``accepted``: Krea takes it as an asset."""

    name: str
    """What people call it, such as ``WebP``."""
    mime: str
    medium: Medium
    suffix: str
    """Extension of files of this format, with its dot."""
    accepted: bool = True
    converted: bool = False
    """Krea does not take it, but it is a picture that is uploaded in a format which Krea takes."""


def identify(head: bytes) -> Format | None:
    """Return the format of a file that starts with these bytes (up to ``HEAD_BYTES``); None if it is no format of the table."""
    return next((format_ for matches, format_ in _SIGNATURES if matches(head)), None)


def suffix_of(mime: str) -> str | None:
    """Return the extension of files of a MIME type, with its dot; None for a type that is not in the table."""
    return next((format_.suffix for _, format_ in _SIGNATURES if format_.mime == mime), _SOUND_ALONE.get(mime))


def medium_of_suffix(suffix: str) -> Medium | None:
    """Return what files with an extension (with its dot, in any case) hold; None for one that is not in the table."""
    wanted = {".jpeg": ".jpg", ".tiff": ".tif", ".m4v": ".mp4"}.get(suffix.lower(), suffix.lower())
    return next((format_.medium for _, format_ in _SIGNATURES if format_.suffix == wanted), None)


def is_taken(mime: str) -> bool:
    """Whether Krea takes files of a MIME type as assets; False for a type that is not in the table."""
    return any(format_.accepted for _, format_ in _SIGNATURES if format_.mime == mime)


_SOUND_ALONE = {"audio/webm": ".weba", "audio/x-matroska": ".mka", "audio/x-msvideo": ".avi"}
"""Extensions of files whose container is one of moving pictures and that hold sound alone: their first bytes do not tell."""
Signature = Callable[[bytes], bool]


def _starts(*prefixes: bytes) -> Signature:
    return lambda head: head.startswith(prefixes)


def _riff(form: bytes) -> Signature:
    return lambda head: head[:4] == b"RIFF" and head[8:12] == form


def _brand(*brands: bytes) -> Signature:
    """Match the major brand of an ISO media file; ``b""`` matches any."""
    return lambda head: head[4:8] == b"ftyp" and head[8:12].startswith(brands)


def _atom(*types: bytes) -> Signature:
    """Match a QuickTime file without a brand, by the type of its first atom."""
    return lambda head: head[4:8] in types


def _ebml(document: bytes) -> Signature:
    """Match Matroska's family by the document type that stands in its header; ``b""`` matches any."""
    return lambda head: head.startswith(b"\x1a\x45\xdf\xa3") and document in head[:256]


def _mpeg_frame(layer: int) -> Signature:
    """Match an MPEG audio frame header: eleven sync bits, a version that exists, and the layer (3: MP3; 0: ADTS AAC)."""
    bits = {3: 0b010, 2: 0b100, 0: 0b000}[layer]
    return lambda head: len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE0 | bits and head[1] & 0x18 != 0x08  # noqa: PLR2004


_HEIC = _brand(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_MOV = Format(name="MOV", mime="video/quicktime", medium="video", suffix=".mov")
_MP3 = Format(name="MP3", mime="audio/mpeg", medium="audio", suffix=".mp3")

# The first match counts: an exact brand stands before the general one.
_SIGNATURES: tuple[tuple[Signature, Format], ...] = (
    (_starts(b"\xff\xd8\xff"), Format(name="JPEG", mime="image/jpeg", medium="image", suffix=".jpg")),
    (_starts(b"\x89PNG\r\n\x1a\n"), Format(name="PNG", mime="image/png", medium="image", suffix=".png")),
    (_riff(b"WEBP"), Format(name="WebP", mime="image/webp", medium="image", suffix=".webp")),
    (_HEIC, Format(name="HEIC", mime="image/heic", medium="image", suffix=".heic")),
    (_brand(b"avif", b"avis"), Format(name="AVIF", mime="image/avif", medium="image", suffix=".avif", accepted=False, converted=True)),
    (_brand(b"M4A ", b"M4B ", b"F4A "), Format(name="AAC in MP4", mime="audio/mp4", medium="audio", suffix=".m4a", accepted=False)),
    (_brand(b"qt  "), _MOV),
    (_brand(b""), Format(name="MP4", mime="video/mp4", medium="video", suffix=".mp4")),
    (_atom(b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"), _MOV),
    (_ebml(b"webm"), Format(name="WebM", mime="video/webm", medium="video", suffix=".webm")),
    (_ebml(b""), Format(name="Matroska", mime="video/x-matroska", medium="video", suffix=".mkv", accepted=False)),
    (_riff(b"AVI "), Format(name="AVI", mime="video/x-msvideo", medium="video", suffix=".avi", accepted=False)),
    (_riff(b"WAVE"), Format(name="WAV", mime="audio/wav", medium="audio", suffix=".wav")),
    (_starts(b"ID3"), _MP3),
    (_mpeg_frame(3), _MP3),
    (_mpeg_frame(2), Format(name="MP2", mime="audio/mpeg", medium="audio", suffix=".mp2", accepted=False)),
    (_mpeg_frame(0), Format(name="AAC", mime="audio/aac", medium="audio", suffix=".aac", accepted=False)),
    (_starts(b"GIF87a", b"GIF89a"), Format(name="GIF", mime="image/gif", medium="image", suffix=".gif", accepted=False, converted=True)),
    (_starts(b"BM"), Format(name="BMP", mime="image/bmp", medium="image", suffix=".bmp", accepted=False, converted=True)),
    (
        _starts(b"II*\x00", b"MM\x00*"),
        Format(name="TIFF", mime="image/tiff", medium="image", suffix=".tif", accepted=False, converted=True),
    ),
    (
        _starts(b"\x00\x00\x00\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"),
        Format(name="JPEG 2000", mime="image/jp2", medium="image", suffix=".jp2", accepted=False, converted=True),
    ),
    (
        _starts(b"\x00\x00\x00\x0cJXL \r\n\x87\n", b"\xff\x0a"),
        Format(name="JPEG XL", mime="image/jxl", medium="image", suffix=".jxl", accepted=False),
    ),
    (_starts(b"\x76\x2f\x31\x01"), Format(name="OpenEXR", mime="image/x-exr", medium="image", suffix=".exr", accepted=False)),
    (_starts(b"8BPS"), Format(name="Photoshop", mime="image/vnd.adobe.photoshop", medium="image", suffix=".psd", accepted=False)),
    (_starts(b"%PDF"), Format(name="PDF", mime="application/pdf", medium="document", suffix=".pdf", accepted=False)),
    (_starts(b"OggS"), Format(name="Ogg", mime="audio/ogg", medium="audio", suffix=".ogg", accepted=False)),
    (_starts(b"fLaC"), Format(name="FLAC", mime="audio/flac", medium="audio", suffix=".flac", accepted=False)),
    (_starts(b"glTF"), Format(name="GLB", mime="model/gltf-binary", medium="model", suffix=".glb")),
)
