"""Local reference files: whether they can be sent to Krea, told by their first bytes, and what they contain, told by their hash.

Only this module reads reference files while planning. Nothing is decoded here: that needs the media libraries, which planning does not load.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from animatic.catalog.model import Media

MOST_BYTES = 75 * 1024 * 1024
"""Krea's limit for one upload."""
_HEAD = 64


class BadFileError(Exception):
    """A file that cannot be a reference; ``hint`` says what to do."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """A file format: what it is called, what it holds, and whether Krea takes it."""

    name: str
    media: Media
    accepted: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalFile:
    """A reference file that can be sent: absolute path, bytes, format."""

    path: Path
    size: int
    kind: Kind
    _stamp: tuple[int, int]

    @property
    def sha256(self) -> str:
        """Return the hash of the content, read once per version of the file. Raises BadFileError."""
        return _sha256(self.path, self._stamp)


def inspect(path: Path, name: str) -> LocalFile:
    """Look at a file without reading all of it; messages call it ``name``. Raises BadFileError: missing, not a file, unreadable, empty, too big, or no format Krea takes."""
    try:
        status = path.stat()
    except FileNotFoundError:
        raise BadFileError(f"there is no file {name}") from None
    except (OSError, ValueError) as error:
        raise BadFileError(f"cannot look at {name}: {_reason(error)}") from None
    if not stat.S_ISREG(status.st_mode):
        what = "a folder" if stat.S_ISDIR(status.st_mode) else "not a file"
        raise BadFileError(f"{name} is {what}", "name one file; for several, write a list")
    if not status.st_size:
        raise BadFileError(f"{name} is empty")
    if status.st_size > MOST_BYTES:
        raise BadFileError(
            f"{name} has {status.st_size / 1024 / 1024:.0f} MB; Krea takes up to 75 MB per file",
            "make it smaller, or host it and write its URL",
        )
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise BadFileError(f"cannot read {name}: {_reason(error)}") from None
    kind = sniff(head)
    if kind is None:
        if head.startswith(b"version https://git-lfs"):
            raise BadFileError(f"{name} is only a Git LFS pointer", "fetch the file itself: git lfs pull")
        raise BadFileError(f"{name} is neither an image, a video nor audio", _TAKEN)
    if not kind.accepted:
        raise BadFileError(f"{name} is {kind.name}, which Krea does not take", _TAKEN)
    return LocalFile(path=path, size=status.st_size, kind=kind, _stamp=(status.st_size, status.st_mtime_ns))


_TAKEN = "Krea takes JPEG, PNG, WebP, HEIC, MP4, MOV, WebM, WAV and MP3"


@lru_cache(maxsize=4096)
def _sha256(path: Path, _stamp: tuple[int, int]) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadFileError(f"cannot read {path}: {_reason(error)}") from None


def sniff(head: bytes) -> Kind | None:
    """Return the format of a file that starts with these bytes (64 are enough), None if it is no media file."""
    return next((kind for matches, kind in _FORMATS if matches(head)), None)


def _starts(*prefixes: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(prefixes)


def _riff(form: bytes) -> Callable[[bytes], bool]:
    return lambda head: head[:4] == b"RIFF" and head[8:12] == form


def _brand(*brands: bytes) -> Callable[[bytes], bool]:
    """Match the major brand of an ISO media file; ``b""`` matches any."""
    return lambda head: head[4:8] == b"ftyp" and head[8:12].startswith(brands)


def _mpeg_audio(head: bytes) -> bool:
    """Match ID3, or a frame header of layer III (eleven sync bits, then a version and layer that exist)."""
    return head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2)  # noqa: PLR2004


_FORMATS: tuple[tuple[Callable[[bytes], bool], Kind], ...] = (
    (_starts(b"\xff\xd8\xff"), Kind(name="JPEG", media="image")),
    (_starts(b"\x89PNG\r\n\x1a\n"), Kind(name="PNG", media="image")),
    (_riff(b"WEBP"), Kind(name="WebP", media="image")),
    (_brand(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), Kind(name="HEIC", media="image")),
    (_brand(b"avif", b"avis"), Kind(name="AVIF", media="image", accepted=False)),
    (_brand(b"M4A ", b"M4B "), Kind(name="AAC in MP4", media="audio", accepted=False)),
    (_brand(b"qt  "), Kind(name="MOV", media="video")),
    (_brand(b""), Kind(name="MP4", media="video")),
    (lambda head: head[4:8] in {b"moov", b"mdat", b"wide"}, Kind(name="MOV", media="video")),
    (lambda head: head.startswith(b"\x1a\x45\xdf\xa3") and b"matroska" in head, Kind(name="Matroska", media="video", accepted=False)),
    (_starts(b"\x1a\x45\xdf\xa3"), Kind(name="WebM", media="video")),
    (_riff(b"AVI "), Kind(name="AVI", media="video", accepted=False)),
    (_riff(b"WAVE"), Kind(name="WAV", media="audio")),
    (_mpeg_audio, Kind(name="MP3", media="audio")),
    (_starts(b"GIF87a", b"GIF89a"), Kind(name="GIF", media="image", accepted=False)),
    (_starts(b"BM"), Kind(name="BMP", media="image", accepted=False)),
    (_starts(b"II*\x00", b"MM\x00*"), Kind(name="TIFF", media="image", accepted=False)),
    (_starts(b"8BPS"), Kind(name="Photoshop", media="image", accepted=False)),
    (_starts(b"%PDF"), Kind(name="PDF", media="any", accepted=False)),
    (_starts(b"OggS"), Kind(name="Ogg", media="audio", accepted=False)),
    (_starts(b"fLaC"), Kind(name="FLAC", media="audio", accepted=False)),
    (_starts(b"glTF"), Kind(name="GLB", media="any")),
)


def _reason(error: Exception) -> str:
    return (os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)) or type(error).__name__
