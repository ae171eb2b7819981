"""Writes a marked copy of a file, of any format that animatic delivers, and hashes it on the way.

A file that brings content credentials (C2PA) of its maker is left as it is: they are a mark of origin themselves, which any change breaks.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from animatic.files import CHUNK_BYTES, writing_whole
from animatic.marks import id3, iso, mesh, pictures, remux, riff
from animatic.marks.credentials import has_credentials
from animatic.marks.model import Edit, Mark, Pieces

EDITS: Mapping[str, Edit] = {
    "video/mp4": iso.edit,
    "video/quicktime": iso.edit,
    "audio/mp4": iso.edit,
    "image/heic": iso.edit,
    "image/avif": iso.edit,
    "image/png": pictures.edit_png,
    "image/jpeg": pictures.edit_jpeg,
    "image/webp": pictures.edit_webp,
    "audio/wav": riff.edit_wav,
    "audio/mpeg": id3.edit,
    "model/gltf-binary": mesh.edit,
}
"""How files are marked, by MIME type."""


@dataclass(frozen=True, slots=True)
class Marked:
    """What was written. ``how``: with marks, signed or not; with credentials of its maker; or of a format that has no place for marks."""

    sha256: str
    size: int
    how: Literal["signed", "marked", "credentials", "unmarked"]
    stamped: bool | None = None
    """Whether its signature has the time stamp that was asked for; None where none was."""
    unstamped: str | None = None
    """Why it has none."""


def write_marked(source: Path, target: Path, mark: Mark, mime: str, *, over_credentials: bool = False) -> Marked:
    """Write a copy of the file with the mark in it. The same file and mark give the same bytes. Raises OSError.

    ``over_credentials``: mark a file with credentials as well; only before it is signed anew, as its own no longer hold then.
    """
    if not over_credentials and has_credentials(source, mime):
        return _copied(source, target, "credentials")
    if mime in remux.FORMATS:
        with writing_whole(target) as part:
            if remux.remux(source, part, mark, mime):
                with part.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                return Marked(digest, part.stat().st_size, "marked")
            part.touch()
    edit = EDITS.get(mime)
    pieces = edit(source, mark) if edit else None
    return write_pieces(source, target, pieces) if pieces is not None else _copied(source, target, "unmarked")


def _copied(source: Path, target: Path, how: Literal["credentials", "unmarked"]) -> Marked:
    with writing_whole(target) as part:
        shutil.copyfile(source, part)
        with part.open("rb") as file:
            return Marked(hashlib.file_digest(file, "sha256").hexdigest(), part.stat().st_size, how)


def write_pieces(source: Path, target: Path, pieces: Pieces) -> Marked:
    """Write a file from bytes and spans of another one. Raises OSError."""
    digest, size = hashlib.sha256(), 0
    with writing_whole(target) as part, source.open("rb") as reader, part.open("wb") as writer:
        for piece in pieces:
            if isinstance(piece, bytes):
                chunks = iter((piece,))
            else:
                reader.seek(piece.start)
                left = piece.end - piece.start
                chunks = (reader.read(min(CHUNK_BYTES, left - at)) for at in range(0, left, CHUNK_BYTES))
            for chunk in chunks:
                digest.update(chunk)
                writer.write(chunk)
                size += len(chunk)
    return Marked(digest.hexdigest(), size, "marked")
