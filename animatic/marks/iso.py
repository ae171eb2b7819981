"""Marks files of boxes (MP4, MOV, M4A, HEIC, AVIF): an XMP box behind the others, and the comment that players show.

Everything else stays where it is, byte for byte; where the comment makes the index grow in front of the media, the index's offsets follow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from animatic.marks.model import Mark, Pieces, Span
from animatic.marks.xmp import packet

XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
CREDENTIALS = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
"""Types of `uuid` boxes: XMP, and content credentials of C2PA."""
_HEADER, _LONG_HEADER, _UUID = 8, 16, 16
_MOST = 1 << 32
_COMMENT = b"\xa9cmt"
_HANDLER = b"\0\0\0\0\0\0\0\0mdirappl" + bytes(9)
_CONTAINERS = frozenset((b"trak", b"mdia", b"minf", b"stbl"))
"""Boxes on the way from the index to its offsets."""


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its type, where it begins, where its content begins, and its end."""

    kind: bytes
    start: int
    content: int
    end: int


def boxes(path: Path) -> list[Box]:
    """Return the boxes at the top of a file, as far as it consists of such."""
    size, found, at = path.stat().st_size, list[Box](), 0
    with path.open("rb") as file:
        while at + _HEADER <= size:
            file.seek(at)
            header = file.read(_LONG_HEADER)
            box = _box(header, at, size)
            if box is None:
                break
            found.append(box)
            at = box.end
    return found


def uuid_box(path: Path, kind: bytes) -> bytes | None:
    """Return the content of the first `uuid` box of that type, None if there is none."""
    with path.open("rb") as file:
        for box in boxes(path):
            if box.kind == b"uuid":
                file.seek(box.content)
                if file.read(_UUID) == kind:
                    return file.read(box.end - box.content - _UUID)
    return None


def edit(path: Path, mark: Mark) -> Pieces | None:
    """Tell how the file is marked; None where its boxes do not add up."""
    found = boxes(path)
    if not found or found[0].kind != b"ftyp":
        return None
    pieces: Pieces = []
    end = found[-1].end
    growth = _grown_index(path, found, mark)
    for box in found:
        if box.kind == b"moov" and growth is not None:
            pieces.append(growth)
        elif box.kind == b"uuid" and _is_xmp(path, box):  # what lies behind it must not move: it becomes free space
            pieces += [Span(box.start, box.start + 4), b"free", Span(box.start + _HEADER, box.end)]
        elif box is found[-1] and _to_the_end(path, box):
            if box.end - box.start >= _MOST:
                return None
            pieces += [(box.end - box.start).to_bytes(4) + box.kind, Span(box.content, box.end)]
        else:
            pieces.append(Span(box.start, box.end))
    pieces.append(_made(b"uuid", XMP + packet(mark, uuid_box(path, XMP))))
    pieces.append(Span(end, path.stat().st_size))
    return pieces


def _box(header: bytes, at: int, size: int) -> Box | None:
    length, kind, content = int.from_bytes(header[:4]), header[4:8], at + _HEADER
    if length == 1:
        length, content = int.from_bytes(header[8:16]), at + _LONG_HEADER
    elif length == 0:
        length = size - at
    known = all(0x20 <= byte < 0x7F or byte == 0xA9 for byte in kind)  # noqa: PLR2004 - printable, or the copyright sign
    return Box(kind, at, content, at + length) if known and content <= at + length <= size else None


def _to_the_end(path: Path, box: Box) -> bool:
    with path.open("rb") as file:
        file.seek(box.start)
        return file.read(4) == bytes(4)


def _is_xmp(path: Path, box: Box) -> bool:
    with path.open("rb") as file:
        file.seek(box.content)
        return file.read(_UUID) == XMP


def _made(kind: bytes, content: bytes) -> bytes:
    return (len(content) + _HEADER).to_bytes(4) + kind + content


def _grown_index(path: Path, found: list[Box], mark: Mark) -> bytes | None:
    """Return the index with the comment, its offsets moved where media lie behind it; None where it is better left as it is."""
    kinds = [box.kind for box in found]
    if kinds.count(b"moov") != 1 or b"moof" in kinds:
        return None
    moov = found[kinds.index(b"moov")]
    with path.open("rb") as file:
        file.seek(moov.content)
        content = file.read(moov.end - moov.content)
    commented = _with_comment(content, mark.sentence)
    if commented is None:
        return None
    made = _made(b"moov", commented)
    return _moved(made, moov.end, len(made) - (moov.end - moov.start))


def _with_comment(content: bytes, comment: str) -> bytes | None:
    """Put the comment into the user data of an index; None where those are of another make."""
    udta = _child(content, b"udta")
    if udta is None:
        return content + _made(b"udta", _meta(b"", comment))
    inner = content[udta.content : udta.end]
    meta = _child(inner.removesuffix(bytes(4)) if inner.endswith(bytes(4)) else inner, b"meta")
    if meta is None:
        made = _made(b"udta", inner.removesuffix(bytes(4)) + _meta(b"", comment))
    else:
        body = inner[meta.content + 4 : meta.end]
        handler, items = _child(body, b"hdlr"), _child(body, b"ilst")
        if handler is None or items is None or body[handler.content + 8 : handler.content + 12] != b"mdir":
            return None
        kept = b"".join(
            body[items.content :][item.start : item.end] for item in _children(body[items.content : items.end]) if item.kind != _COMMENT
        )
        made = _made(b"udta", inner[: meta.start] + _meta(kept, comment) + inner[meta.end :])
    return content[: udta.start] + made + content[udta.end :]


def _meta(items: bytes, comment: str) -> bytes:
    data = _made(b"data", (1).to_bytes(4) + bytes(4) + comment.encode())
    return _made(b"meta", bytes(4) + _made(b"hdlr", _HANDLER) + _made(b"ilst", items + _made(_COMMENT, data)))


def _children(content: bytes) -> Iterator[Box]:
    at = 0
    while at + _HEADER <= len(content):
        box = _box(content[at : at + _LONG_HEADER], at, len(content))
        if box is None:
            return
        yield box
        at = box.end


def _child(content: bytes, kind: bytes) -> Box | None:
    return next((box for box in _children(content) if box.kind == kind), None)


def _moved(index: bytes, boundary: int, by: int) -> bytes | None:
    """Add ``by`` to every offset of a box tree that points to ``boundary`` or behind it; None where one no longer fits."""
    changed = bytearray(index)
    for table in _tables(index, 0, len(index)):
        width = 4 if table.kind == b"stco" else 8
        count = int.from_bytes(index[table.content + 4 : table.content + 8])
        for place in range(table.content + 8, min(table.content + 8 + count * width, table.end - width + 1), width):
            offset = int.from_bytes(index[place : place + width])
            if offset >= boundary:
                if offset + by >= 1 << 8 * width:
                    return None
                changed[place : place + width] = (offset + by).to_bytes(width)
    return bytes(changed)


def _tables(index: bytes, start: int, end: int) -> Iterator[Box]:
    for box in _children(index[start:end]):
        at = Box(box.kind, box.start + start, box.content + start, box.end + start)
        if at.kind in {b"stco", b"co64"}:
            yield at
        elif at.kind in _CONTAINERS or (at.kind == b"moov" and start == 0):
            yield from _tables(index, at.content, at.end)
