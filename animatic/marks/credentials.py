"""Finds content credentials of C2PA in a file, by the place where its format keeps them. Their signature is not read here."""

from __future__ import annotations

from pathlib import Path

from animatic.marks import id3, iso, pictures, riff

_JUMBF = b"c2pa"
_HEAD = 256
"""Bytes of a segment that name what it holds."""
_SEGMENT = 4 + 2 + 2 + 4
"""In front of what a segment of a JPEG carries: marker and length, ``JP``, the number of its box, and which part of that it is."""
_BOX = 8
"""Length and type of the box, with which every part begins."""


def has_credentials(path: Path, mime: str) -> bool:
    """Whether there is a store of credentials in the file. Raises OSError."""
    return store_of(path, mime) is not None


def store_of(path: Path, mime: str) -> bytes | None:
    """Return the store of credentials in a file, with what stands around it in some formats; None if there is none. Raises OSError."""
    match mime:
        case "video/mp4" | "video/quicktime" | "audio/mp4" | "image/heic" | "image/avif":
            return iso.uuid_box(path, iso.CREDENTIALS)
        case "image/png":
            return next((_read(path, start, end) for kind, start, end in pictures.png_chunks(path) if kind == b"caBX"), None)
        case "image/jpeg":
            return _joined(path)
        case "image/webp" | "audio/wav":
            return riff.content_of(path, b"C2PA")
        case "audio/mpeg":
            tag = id3.whole_tag(path)
            return tag if b"GEOB" in tag and b"application/c2pa" in tag else None
        case _:
            return None


def _joined(path: Path) -> bytes | None:
    """Return the box that lies in parts in the segments of a JPEG."""
    parts = [_read(path, start, end) for marker, start, end in pictures.jpeg_segments(path) if marker == pictures.APP11]
    if not any(_JUMBF in part[:_HEAD] for part in parts):
        return None
    return b"".join(part[_SEGMENT + (_BOX if at else 0) :] for at, part in enumerate(parts))


def _read(path: Path, start: int, end: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(end - start)
