"""Reads the mark of a delivered file back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from animatic.marks import id3, iso, mesh, pictures, remux, riff
from animatic.marks.model import Mark
from animatic.marks.xmp import mark_of


def _of_boxes(path: Path) -> bytes | None:
    return iso.uuid_box(path, iso.XMP)


_PACKETS: Mapping[str, Callable[[Path], bytes | None]] = {
    "video/mp4": _of_boxes,
    "video/quicktime": _of_boxes,
    "audio/mp4": _of_boxes,
    "image/heic": _of_boxes,
    "image/avif": _of_boxes,
    "image/png": pictures.xmp_of_png,
    "image/jpeg": pictures.xmp_of_jpeg,
    "image/webp": lambda path: riff.content_of(path, b"XMP "),
    "audio/wav": lambda path: riff.content_of(path, b"_PMX"),
    "audio/mpeg": id3.xmp_of,
}


def read_mark(path: Path, mime: str) -> Mark | None:
    """Return the mark of a file, None if it has none (any more). Raises OSError."""
    if mime in remux.FORMATS:
        return remux.read(path, mime)
    if mime == "model/gltf-binary":
        return mesh.read(path)
    found = _PACKETS[mime](path) if mime in _PACKETS else None
    return mark_of(found) if found else None
