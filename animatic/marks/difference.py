"""Tells a signed file from the one that was signed in few bytes, so that it can be made again: signing again would give another one.

A signature is put in at one place; what stands in front of it keeps its place, what stands behind moves by one length, and a few numbers
that count lengths and places change.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from animatic.marks.model import Pieces, Span

_BLOCK = 4096


def difference(before: Path, after: Path) -> Pieces:
    """Return ``after`` as spans of ``before`` and the bytes that are not there. Raises OSError."""
    grown = after.stat().st_size - before.stat().st_size
    pieces: Pieces = []
    with before.open("rb") as old, after.open("rb") as new:
        at = 0
        while block := new.read(_BLOCK):
            start = next((place for place in (at, at - grown) if _read(old, place, len(block)) == block), None)
            _add(pieces, block if start is None else Span(start, start + len(block)))
            at += len(block)
    return pieces


def _read(file: BinaryIO, start: int, length: int) -> bytes:
    return os.pread(file.fileno(), length, start) if start >= 0 else b""


def _add(pieces: Pieces, piece: bytes | Span) -> None:
    """Append a piece, in one with the last where it goes on."""
    last = pieces[-1] if pieces else None
    if isinstance(last, bytes) and isinstance(piece, bytes):
        pieces[-1] = last + piece
    elif isinstance(last, Span) and isinstance(piece, Span) and last.end == piece.start:
        pieces[-1] = Span(last.start, piece.end)
    else:
        pieces.append(piece)
