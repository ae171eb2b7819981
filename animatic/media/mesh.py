"""Checks meshes: that a file is a whole glTF binary (GLB), and what it holds."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animatic.errors import BadClipError

MIME = "model/gltf-binary"
_MAGIC = b"glTF"
_VERSION = 2
_HEADER, _CHUNK_HEADER = 12, 8
_JSON = 0x4E4F534A
"""Type of the chunk that must come first."""
_TRIANGLES = 4
"""The mode of primitives that are made of triangles, which is also the default."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MeshFacts:
    """What a glTF binary says that it holds."""

    mime: str
    meshes: int
    triangles: int


def probe_mesh(path: Path) -> MeshFacts:
    """Return the facts of a mesh.

    Raises BadClipError if it is no glTF binary of version 2, is cut or longer than it says, or holds no mesh.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadClipError(f"{path.name} cannot be read: {error.strerror}", hint="see that the file exists and may be read") from error
    if not data.startswith(_MAGIC):
        raise BadClipError(f"{path.name} is no glTF binary (.glb)", code="not_a_mesh")
    if len(data) < _HEADER + _CHUNK_HEADER:
        raise _cut(path, _HEADER + _CHUNK_HEADER - len(data))
    version, length = struct.unpack_from("<II", data, 4)
    if version != _VERSION:
        raise BadClipError(f"{path.name} is glTF binary of version {version}; version {_VERSION} is read here", code="not_a_mesh")
    if length > len(data):
        raise _cut(path, length - len(data))
    size, kind = struct.unpack_from("<II", data, _HEADER)
    if kind != _JSON or _HEADER + _CHUNK_HEADER + size > length:
        raise _damaged(path, "its first chunk is not its description")
    try:
        scene = json.loads(data[_HEADER + _CHUNK_HEADER : _HEADER + _CHUNK_HEADER + size])
    except ValueError as error:
        raise _damaged(path, "its description is not JSON") from error
    meshes = scene.get("meshes") if isinstance(scene, dict) else None
    if not isinstance(meshes, list) or not meshes:
        raise BadClipError(f"{path.name} holds no mesh", code="no_mesh")
    return MeshFacts(mime=MIME, meshes=len(meshes), triangles=_triangles(scene, meshes))


def _triangles(scene: dict[str, Any], meshes: list[Any]) -> int:
    """Return how many triangles the meshes have, as far as they say so."""
    accessors = scene.get("accessors")
    total = 0
    for mesh in meshes:
        for primitive in mesh.get("primitives", ()) if isinstance(mesh, dict) else ():
            if not isinstance(primitive, dict) or primitive.get("mode", _TRIANGLES) != _TRIANGLES:
                continue
            index = primitive.get("indices", (primitive.get("attributes") or {}).get("POSITION"))
            if isinstance(index, int) and isinstance(accessors, list) and 0 <= index < len(accessors):
                count = accessors[index].get("count") if isinstance(accessors[index], dict) else None
                total += count // 3 if isinstance(count, int) else 0
    return total


def _cut(path: Path, missing: int) -> BadClipError:
    hint = "its download or copy was cut short; fetch or copy it again"
    return BadClipError(f"{path.name} is cut: at least {missing} bytes are missing at its end", hint=hint, code="cut")


def _damaged(path: Path, reason: str) -> BadClipError:
    return BadClipError(f"{path.name} is a damaged glTF binary: {reason}", hint="fetch or export it again", code="damaged")
