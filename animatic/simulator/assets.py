"""What an uploaded asset is: by its first bytes, of the formats that Krea's documents list, decoded once to tell its size."""

from __future__ import annotations

import asyncio
import hashlib
import mimetypes
import shutil
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from animatic.limits import MAX_UPLOAD_BYTES
from animatic.simulator.jobs import Job, parse
from animatic.simulator.replies import RefusedError, asset_reply, parse_timestamp, timestamp
from animatic.simulator.simulation import Simulation
from animatic.simulator.store import Asset
from animatic.simulator.web import JsonReply, base_of, bounded_int, simulation_of

_FORMATS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "image/heic": ".heic",
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/webm": ".webm",
    "model/gltf-binary": ".glb",
    "audio/wav": ".wav",
    "audio/mpeg": ".mp3",
}
_UNSIZED = {"image/heic", "model/gltf-binary", "audio/wav", "audio/mpeg"}


class NotAnAssetError(Exception):
    """The file is of none of the formats, or does not decode."""


@dataclass(frozen=True, slots=True)
class Examined:
    """MIME type, extension with its dot, sides in pixels where they are known, content hash."""

    mime: str
    suffix: str
    width: int | None
    height: int | None
    sha256: str


def examine(path: Path) -> Examined:
    """Look at an uploaded file; reads it whole. NotAnAssetError if it is not accepted."""
    with path.open("rb") as file:
        mime = _mime(file.read(16))
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if mime is None:
        raise NotAnAssetError("Invalid file type")
    width, height = (None, None) if mime in _UNSIZED else _sides(path, mime)
    return Examined(mime, _FORMATS[mime], width, height, sha256)


def _mime(head: bytes) -> str | None:
    brand = head[8:12]
    if head[4:8] == b"ftyp":
        brands = {b"qt  ": "video/quicktime", b"heic": "image/heic", b"heix": "image/heic", b"mif1": "image/heic"}
        return brands.get(brand, "video/mp4")
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(brand)
    starts = {
        b"\xff\xd8\xff": "image/jpeg",
        b"\x89PNG": "image/png",
        b"\x1a\x45\xdf\xa3": "video/webm",
        b"glTF": "model/gltf-binary",
        b"ID3": "audio/mpeg",
        b"\xff\xfb": "audio/mpeg",
        b"\xff\xf3": "audio/mpeg",
    }
    return next((mime for start, mime in starts.items() if head.startswith(start)), None)


def _sides(path: Path, mime: str) -> tuple[int, int]:
    import av  # noqa: PLC0415 - the codecs load with the first upload, not with the server
    from PIL import Image  # noqa: PLC0415

    try:
        if mime.startswith("image/"):
            with Image.open(path) as image:
                image.load()
                return image.size
        with av.open(str(path), format="matroska" if mime == "video/webm" else "mov") as container:
            frame = next(container.decode(video=0))
            return frame.width, frame.height
    except (OSError, ValueError, SyntaxError, IndexError, StopIteration, av.FFmpegError, Image.DecompressionBombError) as error:
        raise NotAnAssetError("Invalid file: it does not decode") from error


_OVERHEAD = 64 * 1024
"""Bytes of a multipart body beside its file."""


async def upload(request: Request) -> Response:
    """Take a file into the library."""
    simulation = simulation_of(request)
    length = request.headers.get("Content-Length", "")
    if length.isdigit() and int(length) > MAX_UPLOAD_BYTES + _OVERHEAD:
        raise _too_large()
    try:
        async with request.form(max_files=1, max_fields=4) as form:
            file, description = form.get("file"), form.get("description")
            if file is None or isinstance(file, str):
                raise RefusedError(400, {"error": "Missing file"})
            if file.size is not None and file.size > MAX_UPLOAD_BYTES:
                raise _too_large()
            text = description if isinstance(description, str) else None
            asset = await _keep(simulation, file.file, size=file.size or 0, description=text)
    except (MultiPartException, HTTPException) as error:
        raise RefusedError(400, {"error": "Invalid multipart body"}) from error
    except NotAnAssetError as error:
        raise RefusedError(400, {"error": str(error)}) from error
    return JsonReply(asset_reply(asset, base_of(request)))


async def list_assets(request: Request) -> Response:
    """List assets, newest first."""
    limit = bounded_int(request.query_params.get("limit"), default=100, most=1000)
    try:
        cursor = parse_timestamp(request.query_params["cursor"]) if request.query_params.get("cursor") else None
    except ValueError as error:
        raise RefusedError(400, {"error": "Invalid cursor"}) from error
    found = simulation_of(request).store.assets_before(cursor, limit + 1)
    items: list[dict[str, Any]] = [asset_reply(asset, base_of(request)) for asset in found[:limit]]
    return JsonReply({"items": items, "next_cursor": timestamp(found[limit - 1].uploaded_at) if len(found) > limit else None})


async def get_asset(request: Request) -> Response:
    """Show one asset."""
    return JsonReply(asset_reply(_known(request), base_of(request)))


async def delete_asset(request: Request) -> Response:
    """Remove an asset and its file."""
    simulation_of(request).store.delete_asset(_known(request))
    return JsonReply({"success": True, "message": "Asset deleted"})


async def _keep(simulation: Simulation, source: IO[bytes], *, size: int, description: str | None) -> Asset:
    folder = simulation.store.assets_folder
    asset_id = str(uuid.uuid4())
    part = folder / f"{asset_id}.part"
    try:
        examined = await asyncio.to_thread(_write, source, part)
        target = folder / f"{asset_id}{examined.suffix}"
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    asset = Asset(
        id=asset_id,
        file=target.name,
        mime=examined.mime,
        width=examined.width,
        height=examined.height,
        size=size,
        sha256=examined.sha256,
        description=description,
        uploaded_at=round(simulation.now(), 3),
    )
    simulation.store.add_asset(asset)
    return asset


def _write(source: IO[bytes], target: Path) -> Examined:
    with target.open("wb") as file:
        shutil.copyfileobj(source, file)
    return examine(target)


def _known(request: Request) -> Asset:
    asset = simulation_of(request).store.asset(request.path_params["id"])
    if asset is None:
        raise RefusedError(404, {"error": "Asset not found"})
    return asset


def _too_large() -> RefusedError:
    return RefusedError(400, {"error": "File too large: at most 75 MB"})


_CHUNK = 64 * 1024


async def asset(request: Request) -> Response:
    """Serve an uploaded file."""
    store = simulation_of(request).store
    name = request.path_params["file"]
    found = store.asset(name.partition(".")[0])
    if found is None or found.file != name:
        raise RefusedError(404, {"error": "Not found"})
    return FileResponse(store.assets_folder / found.file, media_type=found.mime)


async def result(request: Request) -> Response:
    """Serve a result of a completed job, or its preview."""
    simulation = simulation_of(request)
    job = simulation.find(request.path_params["id"])
    name = request.path_params["name"]
    if job is None or job.outcome != "completed" or simulation.status(job) != "completed":
        raise RefusedError(404, {"error": "Not found"})
    seconds = simulation.settings.url_seconds
    if simulation.library.is_expired(job.id, request.url.query, now=simulation.now(), url_seconds=seconds):
        raise RefusedError(403, "<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>")
    path = simulation.library.result(job)
    if name == "thumbnail.jpg":
        from animatic.simulator.render.clip import poster  # noqa: PLC0415 - the codecs load when first needed

        return Response(await asyncio.to_thread(poster, path), media_type="image/jpeg")
    if name != f"result.{job.suffix}":
        raise RefusedError(404, {"error": "Not found"})
    mime = mimetypes.guess_type(path)[0] or "application/octet-stream"
    if _cuts(simulation, job):
        return _cut(request, path, mime)
    return FileResponse(path, media_type=mime)


def _cuts(simulation: Simulation, job: Job) -> bool:
    options = next((options for options in parse(str(job.body.get("prompt") or "")).directives if options.name == "cut"), None)
    if options is not None:
        return not options.once or simulation.store.spend(f"cut {job.id}")
    return simulation.strikes("cut_download")


def _cut(request: Request, path: Path, mime: str) -> Response:
    """Promise the whole file, send half of it, close the connection."""
    data = path.read_bytes()

    async def half() -> AsyncIterator[bytes]:
        for start in range(0, len(data) // 2, _CHUNK):
            yield data[start : min(start + _CHUNK, len(data) // 2)]
        await asyncio.sleep(0.05)  # what was sent leaves before the connection breaks
        request.state.transport.abort()

    return StreamingResponse(half(), media_type=mime, headers={"Content-Length": str(len(data))})
