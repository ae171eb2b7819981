"""Reads and writes the chunks of RIFF files: WebP and WAV."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from animatic.marks.model import Mark, Pieces, Span
from animatic.marks.xmp import packet

_HEADER, _FORM = 8, 12
_MOST = 1 << 32


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk: its name, where it begins, where its content begins, bytes of that, and its end (padded to even)."""

    name: bytes
    start: int
    content: int
    size: int
    end: int


def chunks(path: Path) -> list[Chunk]:
    """Return the chunks of a file; nothing where they do not add up (a recording that never learned its length)."""
    size, found, at = path.stat().st_size, list[Chunk](), _FORM
    with path.open("rb") as file:
        while at + _HEADER <= size:
            file.seek(at)
            head = file.read(_HEADER)
            length = int.from_bytes(head[4:], "little")
            end = at + _HEADER + length
            if end > size:
                return []
            found.append(Chunk(head[:4], at, at + _HEADER, length, min(end + length % 2, size)))
            at = found[-1].end
    return found


def content_of(path: Path, name: bytes) -> bytes | None:
    """Return the content of the first chunk of that name, None if there is none."""
    for chunk in chunks(path):
        if chunk.name == name:
            with path.open("rb") as file:
                file.seek(chunk.content)
                return file.read(chunk.size)
    return None


def made(name: bytes, content: bytes) -> bytes:
    """Return a chunk, padded to an even length."""
    return name + len(content).to_bytes(4, "little") + content + bytes(len(content) % 2)


def whole(form: bytes, pieces: Pieces) -> Pieces | None:
    """Return a file of that form from its chunks; None where it would grow beyond what its header can say."""
    length = 4 + sum(_length(piece) for piece in pieces)
    return [b"RIFF" + length.to_bytes(4, "little") + form, *pieces] if length < _MOST else None


def edit_wav(path: Path, mark: Mark) -> Pieces | None:
    """Append a packet and a comment behind the sound."""
    found = chunks(path)
    if not any(chunk.name == b"data" for chunk in found):
        return None
    pieces: Pieces = []
    for chunk in found:
        if chunk.name != b"_PMX":
            pieces.append(Span(chunk.start, chunk.end))
            if chunk.size % 2 and chunk.end - chunk.content == chunk.size:
                pieces.append(b"\0")
    comment = made(b"ICMT", mark.sentence.encode() + b"\0") + made(b"ISFT", mark.software.encode() + b"\0")
    pieces += [made(b"LIST", b"INFO" + comment), made(b"_PMX", packet(mark, content_of(path, b"_PMX")))]
    return whole(b"WAVE", pieces)


def _length(piece: bytes | Span) -> int:
    return len(piece) if isinstance(piece, bytes) else piece.end - piece.start
