"""Marks PNG, JPEG and WebP: an XMP packet where each format has its place for one. Pixels are not decoded."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

from animatic.marks import riff
from animatic.marks.model import Mark, Pieces, Span
from animatic.marks.xmp import packet

_PNG_KEYWORD = b"XML:com.adobe.xmp"
_PNG_START = 8
_JPEG_NAME = b"http://ns.adobe.com/xap/1.0/\0"
_APP1, APP11, _SCAN = 0xE1, 0xEB, 0xDA
_MOST_OF_A_SEGMENT = 65_533
_XMP_FLAG, _ALPHA_FLAG = 0x04, 0x10


def edit_png(path: Path, mark: Mark) -> Pieces | None:
    """Put a text chunk behind the header, or in place of the one that is there."""
    chunks = list(png_chunks(path))
    if not chunks or chunks[0][0] != b"IHDR":
        return None
    pieces: Pieces = [Span(0, chunks[0][2])]
    body = _PNG_KEYWORD + b"\0\0\0\0\0" + packet(mark, xmp_of_png(path))
    pieces.append(len(body).to_bytes(4) + b"iTXt" + body + zlib.crc32(b"iTXt" + body).to_bytes(4))
    pieces += [Span(start, end) for kind, start, end in chunks[1:] if not _is_png_xmp(path, kind, start)]
    pieces.append(Span(chunks[-1][2], path.stat().st_size))
    return pieces


def png_chunks(path: Path) -> Iterator[tuple[bytes, int, int]]:
    """Yield type, beginning and end of every chunk."""
    size, at = path.stat().st_size, _PNG_START
    with path.open("rb") as file:
        while at + 12 <= size:
            file.seek(at)
            head = file.read(8)
            end = at + 12 + int.from_bytes(head[:4])
            if end > size:
                return
            yield head[4:], at, end
            at = end


def xmp_of_png(path: Path) -> bytes | None:
    """Return the packet of a PNG, None if it has none that is written plainly."""
    for kind, start, end in png_chunks(path):
        if _is_png_xmp(path, kind, start):
            with path.open("rb") as file:
                file.seek(start + 8 + len(_PNG_KEYWORD))
                rest = file.read(end - 4 - start - 8 - len(_PNG_KEYWORD))
            if rest[1:2] == b"\0":  # not compressed
                return rest[3:].split(b"\0", 2)[-1]
    return None


def _is_png_xmp(path: Path, kind: bytes, start: int) -> bool:
    if kind != b"iTXt":
        return False
    with path.open("rb") as file:
        file.seek(start + 8)
        return file.read(len(_PNG_KEYWORD) + 1) == _PNG_KEYWORD + b"\0"


def edit_jpeg(path: Path, mark: Mark) -> Pieces | None:
    """Put a segment behind the first application segments, or in place of the one that is there."""
    segments = list(jpeg_segments(path))
    if not segments:
        return None
    body = _JPEG_NAME + packet(mark, xmp_of_jpeg(path))
    if len(body) > _MOST_OF_A_SEGMENT:
        return None
    first = next((start for marker, start, _ in segments if marker != 0xE0), segments[-1][2])  # noqa: PLR2004 - JFIF's own stays first
    pieces: Pieces = [Span(0, first), b"\xff\xe1" + (len(body) + 2).to_bytes(2) + body]
    pieces += [Span(start, end) for marker, start, end in segments if start >= first and not _is_jpeg_xmp(path, marker, start)]
    pieces.append(Span(max(first, segments[-1][2]), path.stat().st_size))
    return pieces


def jpeg_segments(path: Path) -> Iterator[tuple[int, int, int]]:
    """Yield marker, beginning and end of every segment in front of the picture itself."""
    size, at = path.stat().st_size, 2
    with path.open("rb") as file:
        while at + 4 <= size:
            file.seek(at)
            head = file.read(4)
            if head[0] != 0xFF or head[1] == _SCAN:  # noqa: PLR2004
                return
            end = at + 2 + int.from_bytes(head[2:])
            if end > size:
                return
            yield head[1], at, end
            at = end


def xmp_of_jpeg(path: Path) -> bytes | None:
    """Return the packet of a JPEG, None if it has none."""
    for marker, start, end in jpeg_segments(path):
        if _is_jpeg_xmp(path, marker, start):
            with path.open("rb") as file:
                file.seek(start + 4 + len(_JPEG_NAME))
                return file.read(end - start - 4 - len(_JPEG_NAME))
    return None


def _is_jpeg_xmp(path: Path, marker: int, start: int) -> bool:
    if marker != _APP1:
        return False
    with path.open("rb") as file:
        file.seek(start + 4)
        return file.read(len(_JPEG_NAME)) == _JPEG_NAME


def edit_webp(path: Path, mark: Mark) -> Pieces | None:
    """Append a packet; a simple file becomes an extended one, which is a header more."""
    chunks = riff.chunks(path)
    if not chunks:
        return None
    kept = [chunk for chunk in chunks if chunk.name != b"XMP "]
    made: Pieces = []
    if kept[0].name == b"VP8X":
        with path.open("rb") as file:
            file.seek(kept[0].content)
            extended = bytearray(file.read(kept[0].size))
        extended[0] |= _XMP_FLAG
        made.append(riff.made(b"VP8X", bytes(extended)))
        kept = kept[1:]
    else:
        from PIL import Image  # noqa: PLC0415 - only for files without the header, and it takes a while to load

        with Image.open(path) as image:
            width, height, alpha = *image.size, image.mode == "RGBA"
        flags = _XMP_FLAG | (_ALPHA_FLAG if alpha else 0)
        made.append(riff.made(b"VP8X", bytes([flags, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")))
    made += [Span(chunk.start, chunk.end) for chunk in kept]
    made.append(riff.made(b"XMP ", packet(mark, riff.content_of(path, b"XMP "))))
    return riff.whole(b"WEBP", made)
