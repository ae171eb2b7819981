"""Is a file as long as it says? Every container states the size of its outermost boxes; a cut file ends before they do.

A decoder does not tell: with the index first, a clip that lost its second half opens, shows its first frame and simply ends early.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

_ISO = {"video/mp4", "video/quicktime", "audio/mp4"}
_MATROSKA = {"video/webm", "video/x-matroska"}
_RIFF = {"video/x-msvideo", "audio/wav"}
_TO_THE_END, _SIZE_IN_64_BITS = 0, 1
_SHORT_HEADER, _LONG_HEADER = 8, 16


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
        if len(header) < _SHORT_HEADER:
            return _SHORT_HEADER - len(header)
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
