"""Tells whether a file carries content credentials of C2PA, by the place where its format keeps them. Their signature is not read here."""

from __future__ import annotations

from pathlib import Path

from animatic.marks import iso, pictures, riff

_JUMBF = b"c2pa"


def has_credentials(path: Path, mime: str) -> bool:
    """Whether there is a store of credentials in the file. Raises OSError."""
    match mime:
        case "video/mp4" | "video/quicktime" | "audio/mp4" | "image/heic" | "image/avif":
            return iso.uuid_box(path, iso.CREDENTIALS) is not None
        case "image/png":
            return any(kind == b"caBX" for kind, _, _ in pictures.png_chunks(path))
        case "image/jpeg":
            return any(marker == pictures.APP11 and _holds(path, start, end) for marker, start, end in pictures.jpeg_segments(path))
        case "image/webp" | "audio/wav":
            return any(chunk.name == b"C2PA" for chunk in riff.chunks(path))
        case "audio/mpeg":
            with path.open("rb") as file:
                return b"GEOB" in (head := file.read(1 << 16)) and b"application/c2pa" in head
        case _:
            return False


def _holds(path: Path, start: int, end: int) -> bool:
    with path.open("rb") as file:
        file.seek(start)
        return _JUMBF in file.read(min(end - start, 256))
