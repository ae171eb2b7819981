"""Marks GLB: the mark in the `extras` of its `asset`. Meshes and textures are not read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from animatic.marks.model import Mark, Pieces, Span
from animatic.marks.xmp import mark_of, packet

_HEADER, _CHUNK = 12, 8
_VERSION = 2
_KEY = "xmp"


def edit(path: Path, mark: Mark) -> Pieces | None:
    """Write the JSON chunk anew with the mark; None for another version of the format."""
    found = _document(path)
    if found is None:
        return None
    document, end = found
    asset = document.setdefault("asset", {})
    extras = asset.get("extras")
    asset["extras"] = {
        **(extras if isinstance(extras, dict) else {}),
        "digitalSourceType": mark.source_type,
        "comment": mark.sentence,
        _KEY: packet(mark).decode(),
    }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    size = path.stat().st_size
    length = _HEADER + _CHUNK + len(text) + size - end
    header = b"glTF" + _VERSION.to_bytes(4, "little") + length.to_bytes(4, "little")
    return [header + len(text).to_bytes(4, "little") + b"JSON" + text, Span(end, size)]


def read(path: Path) -> Mark | None:
    """Return the mark of a mesh."""
    found = _document(path)
    if found is None:
        return None
    asset = found[0].get("asset")
    extras = asset.get("extras") if isinstance(asset, dict) else None
    written = extras.get(_KEY) if isinstance(extras, dict) else None
    return mark_of(written.encode()) if isinstance(written, str) else None


def _document(path: Path) -> tuple[dict[str, Any], int] | None:
    """Return the JSON chunk and where it ends."""
    with path.open("rb") as file:
        head = file.read(_HEADER + _CHUNK)
        if int.from_bytes(head[4:8], "little") != _VERSION or head[16:20] != b"JSON":
            return None
        length = int.from_bytes(head[12:16], "little")
        try:
            document = json.loads(file.read(length))
        except ValueError:
            return None
    asset = document.get("asset", {}) if isinstance(document, dict) else None
    return (document, _HEADER + _CHUNK + length) if isinstance(asset, dict) else None
