"""Inspects local reference files: by their first bytes, whether Krea takes them; by their hash, what they contain.

Only this module reads reference files while planning. Nothing is decoded: that needs the media libraries, which planning does not load.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from animatic.files import sha256_of
from animatic.formats import HEAD_BYTES, Format, identify
from animatic.limits import MAX_PICTURE_BYTES, MAX_UPLOAD_BYTES, megabytes
from animatic.plan.cut_files import is_cut

_TAKEN = "Krea takes JPEG, PNG, WebP, HEIC, MP4, MOV, WebM, WAV and MP3; GIF, BMP, TIFF, AVIF and JPEG 2000 are converted"

LFS_POINTER = b"version https://git-lfs"


class BadFileError(Exception):
    """A file that cannot be a reference; ``hint`` says what to do."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalFile:
    """A reference file that can be sent: absolute path, bytes, format."""

    path: Path
    size: int
    format: Format
    _stamp: tuple[int, int]

    def note(self, name: str) -> str | None:
        """Return what is done with the file before it is uploaded, for people who know it as ``name``; None if nothing."""
        if self.format.converted:
            return f"{name} is {self.format.name}, which Krea does not take: it is uploaded as PNG or JPEG"
        if self.size > MAX_UPLOAD_BYTES:
            return f"{name} has {megabytes(self.size)}, Krea takes {megabytes(MAX_UPLOAD_BYTES)}: it is uploaded as a smaller JPEG"
        return None

    @property
    def sha256(self) -> str:
        """Return the hash of the content, read once per version of the file. Raises BadFileError."""
        return _sha256(self.path, self._stamp)


def inspect(path: Path, name: str) -> LocalFile:
    """Look at a file without reading all of it; messages call it ``name``.

    Raises BadFileError if it is missing, not a file, unreadable, empty, too big, cut, or of no format that Krea takes.
    """
    status, head = _status(path, name), _head(path, name)
    format_ = _accepted(head, name)
    _check_size(status.st_size, format_, name)
    _check_end(path, format_, name)
    return LocalFile(path=path, size=status.st_size, format=format_, _stamp=(status.st_size, status.st_mtime_ns))


def inspect_sound(path: Path, name: str) -> LocalFile:
    """Look at a file that is to be heard in a reel, and that Krea never sees: of any size, of any format of sound or video.

    Raises BadFileError if it is missing, not a file, unreadable, empty, or holds no sound by its first bytes.
    """
    status, head = _status(path, name), _head(path, name)
    format_ = identify(head)
    if format_ is None or format_.medium not in {"audio", "video"}:
        if head.startswith(LFS_POINTER):
            raise BadFileError(f"{name} is only a Git LFS pointer", "fetch the file itself: git lfs pull")
        what = f"is {format_.name}, not a sound" if format_ else "is no sound: its first bytes are of no format of sound that is known"
        raise BadFileError(f"{name} {what}", "write a WAV, MP3, AAC, FLAC or Ogg file, or a video with sound")
    return LocalFile(path=path, size=status.st_size, format=format_, _stamp=(status.st_size, status.st_mtime_ns))


def _head(path: Path, name: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError as error:
        raise BadFileError(f"cannot read {name}: {_reason(error)}") from None


def _status(path: Path, name: str) -> os.stat_result:
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
    return status


def _check_size(size: int, format_: Format, name: str) -> None:
    """Raise BadFileError for a file that is too large to be uploaded, and no picture that is made smaller."""
    if size > (MAX_PICTURE_BYTES if _is_decoded(format_) else MAX_UPLOAD_BYTES):
        raise BadFileError(
            f"{name} has {megabytes(size)}; Krea takes up to {megabytes(MAX_UPLOAD_BYTES)} per file",
            "make it smaller, or host it and write its URL",
        )


def _check_end(path: Path, format_: Format, name: str) -> None:
    """Raise BadFileError for a file that was cut."""
    try:
        cut = is_cut(path, format_.name)
    except OSError as error:
        raise BadFileError(f"cannot read {name}: {_reason(error)}") from None
    if cut:
        raise BadFileError(f"{name} is cut: its end is missing", "fetch or export it again")


def _is_decoded(format_: Format) -> bool:
    """Whether it is a picture that can be converted here."""
    return format_.medium == "image" and format_.name != "HEIC"


def _accepted(head: bytes, name: str) -> Format:
    """Return the format of a file that starts like this. Raises BadFileError if Krea does not take it."""
    found = identify(head)
    if found is None or found.medium == "document":
        if head.startswith(LFS_POINTER):
            raise BadFileError(f"{name} is only a Git LFS pointer", "fetch the file itself: git lfs pull")
        raise BadFileError(f"{name} is neither an image, a video nor audio", _TAKEN)
    if not (found.accepted or found.converted):
        remedy = "export it as PNG or JPEG: " if found.medium == "image" else ""
        raise BadFileError(f"{name} is {found.name}, which Krea does not take", f"{remedy}{_TAKEN}")
    return found


@lru_cache(maxsize=4096)
def _sha256(path: Path, _stamp: tuple[int, int]) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise BadFileError(f"cannot read {path}: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    return (os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)) or type(error).__name__
