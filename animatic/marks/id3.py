"""Marks MP3: frames of an ID3v2 tag in front of the sound. What the tag says already stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from animatic.marks.model import Mark, Pieces, Span
from animatic.marks.xmp import packet

_HEADER = 10
_OWNER = b"XMP\0"
"""Owner of the private frame that holds a packet, as the XMP specification says."""
_NEWEST = 4
_READABLE = (3, _NEWEST)
_MOST = 1 << 28
_PADDING = 64
"""Zeros behind the last frame, by which readers know that it is the last."""
_UTF16, _UTF8 = b"\x01", b"\x03"


def edit(path: Path, mark: Mark) -> Pieces | None:
    """Add a comment, the digital source type and a packet to the tag, or put a tag in front."""
    version, frames, end = _tag(path)
    kept = b"".join(frame for frame in _frames(frames, version) if not _is_xmp(frame)) if version else b""
    version = version or _NEWEST
    added = b"".join(
        (
            _frame(b"COMM", _encoded(version, "\0", mark.sentence, language=b"eng"), version),
            _frame(b"TXXX", _encoded(version, "DigitalSourceType\0", mark.source_type), version),
            _frame(b"TXXX", _encoded(version, "AISystemUsed\0", mark.model), version),
            _frame(b"PRIV", _OWNER + packet(mark, xmp_of(path)), version),
        )
    )
    body = kept + added + bytes(_PADDING)
    if len(body) >= _MOST:
        return None
    return [b"ID3" + bytes([version, 0, 0]) + _syncsafe(len(body)) + body, Span(end, path.stat().st_size)]


def xmp_of(path: Path) -> bytes | None:
    """Return the packet of a tag, None if there is none."""
    version, frames, _ = _tag(path)
    for frame in _frames(frames, version):
        if _is_xmp(frame):
            return frame[_HEADER + len(_OWNER) :]
    return None


def whole_tag(path: Path) -> bytes:
    """Return the tag of a file as it lies there, whatever its version; empty if there is none."""
    with path.open("rb") as file:
        head = file.read(_HEADER)
        return head + file.read(_read_syncsafe(head[6:10])) if head[:3] == b"ID3" else b""


def _tag(path: Path) -> tuple[int, bytes, int]:
    """Return version, frames, and end of the tag. Version 0: there is none, or one of a make that is left as it is, behind ours."""
    with path.open("rb") as file:
        head = file.read(_HEADER)
        if head[:3] != b"ID3" or head[3] not in _READABLE or head[5]:
            return 0, b"", 0
        length = _read_syncsafe(head[6:10])
        return head[3], file.read(length), _HEADER + length


def _frames(data: bytes, version: int) -> Iterator[bytes]:
    """Yield each frame with its header; padding ends them."""
    at = 0
    while at + _HEADER <= len(data) and data[at]:
        written = data[at + 4 : at + 8]
        size = _read_syncsafe(written) if version == _NEWEST else int.from_bytes(written)
        end = at + _HEADER + size
        if end > len(data):
            return
        yield data[at:end]
        at = end


def _is_xmp(frame: bytes) -> bool:
    return frame[:4] == b"PRIV" and frame[_HEADER:].startswith(_OWNER)


def _encoded(version: int, name: str, text: str, *, language: bytes = b"") -> bytes:
    """Return encoding, language, name and text as a version knows them: UTF-8 is of the newer one only."""
    if version == _NEWEST:
        return _UTF8 + language + name.encode() + text.encode()
    bom = b"\xff\xfe"
    return _UTF16 + language + bom + name.encode("utf-16-le") + bom + text.encode("utf-16-le")


def _frame(name: bytes, content: bytes, version: int) -> bytes:
    size = _syncsafe(len(content)) if version == _NEWEST else len(content).to_bytes(4)
    return name + size + bytes(2) + content


def _read_syncsafe(written: bytes) -> int:
    """Read a number of which every byte holds seven bits."""
    number = 0
    for byte in written:
        number = number << 7 | byte & 0x7F
    return number


def _syncsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))
