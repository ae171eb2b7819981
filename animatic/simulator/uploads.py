"""What an uploaded asset is: by its first bytes, of the formats that Krea's documents list, decoded once to tell its size."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

LIMIT = 75 * 1024 * 1024
_FORMATS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "image/heic": ".heic",
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/webm": ".webm",
    "model/gltf-binary": ".glb",
    "audio/wav": ".wav",
    "audio/mpeg": ".mp3",
}
_UNSIZED = {"image/heic", "model/gltf-binary", "audio/wav", "audio/mpeg"}


class NotAnAssetError(Exception):
    """The file is of none of the formats, or does not decode."""


@dataclass(frozen=True, slots=True)
class Examined:
    """MIME type, extension with its dot, sides in pixels where they are known, content hash."""

    mime: str
    suffix: str
    width: int | None
    height: int | None
    sha256: str


def examine(path: Path) -> Examined:
    """Look at an uploaded file; reads it whole. NotAnAssetError if it is not accepted."""
    with path.open("rb") as file:
        mime = _mime(file.read(16))
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if mime is None:
        raise NotAnAssetError("Invalid file type")
    width, height = (None, None) if mime in _UNSIZED else _sides(path, mime)
    return Examined(mime, _FORMATS[mime], width, height, sha256)


def _mime(head: bytes) -> str | None:
    brand = head[8:12]
    if head[4:8] == b"ftyp":
        brands = {b"qt  ": "video/quicktime", b"heic": "image/heic", b"heix": "image/heic", b"mif1": "image/heic"}
        return brands.get(brand, "video/mp4")
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(brand)
    starts = {
        b"\xff\xd8\xff": "image/jpeg",
        b"\x89PNG": "image/png",
        b"\x1a\x45\xdf\xa3": "video/webm",
        b"glTF": "model/gltf-binary",
        b"ID3": "audio/mpeg",
        b"\xff\xfb": "audio/mpeg",
        b"\xff\xf3": "audio/mpeg",
    }
    return next((mime for start, mime in starts.items() if head.startswith(start)), None)


def _sides(path: Path, mime: str) -> tuple[int, int]:
    import av  # noqa: PLC0415 - the codecs load with the first upload, not with the server
    from PIL import Image  # noqa: PLC0415

    try:
        if mime.startswith("image/"):
            with Image.open(path) as image:
                image.load()
                return image.size
        with av.open(str(path), format="matroska" if mime == "video/webm" else "mov") as container:
            frame = next(container.decode(video=0))
            return frame.width, frame.height
    except (OSError, ValueError, SyntaxError, IndexError, StopIteration, av.FFmpegError, Image.DecompressionBombError) as error:
        raise NotAnAssetError("Invalid file: it does not decode") from error
