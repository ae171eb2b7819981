"""Renders simulated meshes: one named solid as a glTF binary (GLB), and a picture of such a file."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from animatic.files import writing_whole
from animatic.simulator.render.recipe import Recipe

COMMENT = "simulated: a solid by animatic, not made by any model"
_MAX_NAME = 80
_SIDE = 480
_GROUND, _LIGHT = (30, 31, 36), (0.4, 0.8, 0.45)
_JSON, _BINARY = 0x4E4F534A, 0x004E4942
_FLOAT, _ARRAY_BUFFER = 5126, 34962

Points = npt.NDArray[np.float32]

_SOLIDS: dict[str, tuple[tuple[tuple[float, float, float], ...], tuple[tuple[int, ...], ...]]] = {
    "octahedron": (
        ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)),
        ((0, 2, 4), (2, 1, 4), (1, 3, 4), (3, 0, 4), (2, 0, 5), (1, 2, 5), (3, 1, 5), (0, 3, 5)),
    ),
    "tetrahedron": (((1, 1, 1), (-1, -1, 1), (-1, 1, -1), (1, -1, -1)), ((0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3))),
    "cube": (
        tuple((x, y, z) for x in (-1.0, 1.0) for y in (-1.0, 1.0) for z in (-1.0, 1.0)),
        (
            (0, 1, 3),
            (0, 3, 2),
            (4, 6, 7),
            (4, 7, 5),
            (0, 4, 5),
            (0, 5, 1),
            (2, 3, 7),
            (2, 7, 6),
            (0, 2, 6),
            (0, 6, 4),
            (1, 5, 7),
            (1, 7, 3),
        ),
    ),
}


def render_mesh(recipe: Recipe, target: Path) -> None:
    """Write the mesh whole or not at all: a solid that the words of the request pick, under the shot's name."""
    digest = hashlib.sha256(f"{recipe.text}\0{recipe.variation}".encode("utf-8", "surrogatepass")).digest()
    shape = sorted(_SOLIDS)[digest[0] % len(_SOLIDS)]
    name = (recipe.note.title or recipe.note.shot) if recipe.note is not None else recipe.text
    with writing_whole(target) as part:
        part.write_bytes(_glb(_triangles(shape), name[:_MAX_NAME] or shape, shape, tuple(80 + channel % 160 for channel in digest[1:4])))


def picture_of(path: Path) -> Image.Image:
    """Draw a mesh that `render_mesh` wrote, from the side and above, on a square."""
    data = path.read_bytes()
    (size,) = struct.unpack_from("<I", data, 12)
    scene = json.loads(data[20 : 20 + size])
    count = scene["accessors"][0]["count"]
    corners = np.frombuffer(data, dtype="<f4", count=count * 3, offset=28 + size).reshape(-1, 3, 3)
    color = np.array(scene["materials"][0]["pbrMetallicRoughness"]["baseColorFactor"][:3]) * 255
    turned = corners @ _turned(0.6, 0.5).T
    image = Image.new("RGB", (_SIDE, _SIDE), _GROUND)
    pen = ImageDraw.Draw(image)
    for triangle in sorted(turned, key=lambda item: float(item[:, 2].mean())):
        shade = 0.35 + 0.65 * max(0.0, float(_normal(triangle) @ np.array(_LIGHT)))
        points = [(_SIDE / 2 + x * _SIDE / 4, _SIDE / 2 - y * _SIDE / 4) for x, y, _ in triangle.tolist()]
        pen.polygon(points, fill=tuple(round(float(channel) * shade) for channel in color))
    return image


def _triangles(shape: str) -> Points:
    """Return the triangles of a solid, three corners each."""
    corners, faces = _SOLIDS[shape]
    points: Points = np.array(corners, np.float32)[np.array(faces).reshape(-1)].reshape(-1, 3, 3)
    return points


def _normal(triangle: Points) -> Points:
    across = np.cross(triangle[1] - triangle[0], triangle[2] - triangle[0])
    return np.asarray(across / np.linalg.norm(across), dtype=np.float32)


def _turned(aside: float, down: float) -> Points:
    """Return the rotation that shows a thing from the side and from above."""
    around = np.array([[np.cos(aside), 0, np.sin(aside)], [0, 1, 0], [-np.sin(aside), 0, np.cos(aside)]])
    over = np.array([[1, 0, 0], [0, np.cos(down), -np.sin(down)], [0, np.sin(down), np.cos(down)]])
    return np.asarray(over @ around, dtype=np.float32)


def _glb(triangles: Points, name: str, shape: str, color: tuple[int, ...]) -> bytes:
    positions = triangles.reshape(-1, 3).astype("<f4")
    normals = np.repeat([_normal(triangle) for triangle in triangles], 3, axis=0).astype("<f4")
    binary = positions.tobytes() + normals.tobytes()
    count, half = len(positions), positions.nbytes
    scene = {
        "asset": {"version": "2.0", "generator": "animatic simulator", "extras": {"comment": COMMENT}},
        "scene": 0,
        "scenes": [{"name": name, "nodes": [0]}],
        "nodes": [{"name": name, "mesh": 0}],
        "meshes": [{"name": f"{name} ({shape})", "primitives": [{"attributes": {"POSITION": 0, "NORMAL": 1}, "material": 0}]}],
        "materials": [
            {
                "name": "simulated",
                "pbrMetallicRoughness": {"baseColorFactor": [round(channel / 255, 3) for channel in color] + [1.0], "metallicFactor": 0.0},
            }
        ],
        "accessors": [
            {
                "bufferView": 0,
                "componentType": _FLOAT,
                "count": count,
                "type": "VEC3",
                "min": positions.min(axis=0).tolist(),
                "max": positions.max(axis=0).tolist(),
            },
            {"bufferView": 1, "componentType": _FLOAT, "count": count, "type": "VEC3"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": half, "target": _ARRAY_BUFFER},
            {"buffer": 0, "byteOffset": half, "byteLength": half, "target": _ARRAY_BUFFER},
        ],
        "buffers": [{"byteLength": len(binary)}],
    }
    text = json.dumps(scene, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    chunks = _chunk(_JSON, text) + _chunk(_BINARY, binary)
    return b"glTF" + struct.pack("<II", 2, 12 + len(chunks)) + chunks


def _chunk(kind: int, data: bytes) -> bytes:
    return struct.pack("<II", len(data), kind) + data
