"""Tells by its structure that a picture or clip was cut, as by a download that broke off: nothing is decoded.

Only what is certain counts. A file whose structure is not understood is left to those who decode it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from animatic.formats import ISO_BOXES

_PNG_SIGNATURE_BYTES = 8
_PNG_CHUNK = struct.Struct(">I4s")
"""Length of what follows, and kind; four bytes of checksum come last."""
_JPEG_START_BYTES = 2
_JPEG_SEGMENT = struct.Struct(">BBH")
"""0xff, kind, length of the rest of the segment with these two bytes."""
_JPEG_KINDS = range(0xC0, 0xFF)
_MARKER, _START_OF_SCAN, _END_OF_IMAGE = 0xFF, 0xDA, b"\xff\xd9"
_RIFF = struct.Struct("<4sI")
_BOX = struct.Struct(">I4s")
_LONG = struct.Struct(">Q")
"""The length of a box that says 1."""
_BLOCK = 1 << 20


def is_cut(path: Path, format_name: str) -> bool:
    """Whether the end of a file of a format (a name of `animatic.formats`) is certainly missing. Raises OSError."""
    ends_early = _BY_FORMAT.get(format_name)
    if ends_early is None:
        return False
    with path.open("rb") as file:
        return ends_early(file, path.stat().st_size)


def _png(file: BinaryIO, size: int) -> bool:
    """Chunks, each as long as it says, to the one that is called IEND."""
    place, kind = _PNG_SIGNATURE_BYTES, b""
    while kind != b"IEND":
        before = kind
        if (head := _read(file, place, _PNG_CHUNK)) is None:
            return before != b""
        length, kind = head
        if not kind.isalpha() or (not before and kind != b"IHDR"):
            return False
        place += _PNG_CHUNK.size + length + 4
        if place > size:
            return True
    return False


def _jpeg(file: BinaryIO, size: int) -> bool:
    """Segments, each as long as it says, to the first scan; somewhere behind that, as scans hold no such bytes, the end of the image."""
    place, kind = _JPEG_START_BYTES, 0
    while kind != _START_OF_SCAN:
        if (head := _read(file, place, _JPEG_SEGMENT)) is None:
            return kind != 0
        marker, kind, length = head
        if marker == kind == _MARKER:
            place, kind = place + 1, _MARKER  # a byte that fills up
            continue
        if marker != _MARKER or kind not in _JPEG_KINDS:
            return False
        place += 2 + length
        if place > size:
            return True
    return not _holds(file, place, _END_OF_IMAGE)


def _read(file: BinaryIO, place: int, layout: struct.Struct) -> tuple[Any, ...] | None:
    """Return what lies at a place, None where the file ends before."""
    file.seek(place)
    data = file.read(layout.size)
    return layout.unpack(data) if len(data) == layout.size else None


def _holds(file: BinaryIO, place: int, wanted: bytes) -> bool:
    file.seek(place)
    before = b""
    while block := file.read(_BLOCK):
        if wanted in before + block:
            return True
        before = block[-1:]
    return False


def _riff(file: BinaryIO, size: int) -> bool:
    head = _read(file, 0, _RIFF)
    return head is not None and int(head[1]) + _RIFF.size > size


def _boxes(file: BinaryIO, size: int) -> bool:
    """Boxes, each as long as it says, one of them with the samples; a length of 0 reaches to the end, whatever that is."""
    place, seen = 0, set[bytes]()
    while (head := _read(file, place, _BOX)) is not None:
        length, kind = head
        if length == 1:
            (length,) = _read(file, place + _BOX.size, _LONG) or (0,)
        if length < _BOX.size or not kind.isalnum() or ({b"moov", b"mdat"} <= seen and kind not in ISO_BOXES):
            return False
        seen.add(kind)
        place += length
    return place > size and b"mdat" in seen


_BY_FORMAT: Mapping[str, Callable[[BinaryIO, int], bool]] = {
    "PNG": _png,
    "JPEG": _jpeg,
    "WebP": _riff,
    "MP4": _boxes,
    "MOV": _boxes,
}
