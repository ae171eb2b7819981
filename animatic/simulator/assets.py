"""Serves files: takes uploads in as assets, and hands out assets and the results of jobs.

The format of an upload is decided here, by its first bytes and by decoding it, and not by `animatic.formats`: the simulator is the client's
test peer, so the formats that Krea's documents list are read a second time. Only their limit of size has one owner.
"""

from __future__ import annotations

import asyncio
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

from animatic.files import sha256_of, writing_whole
from animatic.limits import MAX_UPLOAD_BYTES
from animatic.simulator.jobs import Job, RefusedError, parse
from animatic.simulator.replies import JsonReply, asset_reply, base_of, bounded_int, parse_timestamp, simulation_of, timestamp
from animatic.simulator.simulation import Simulation
from animatic.simulator.store import Asset

_ACCEPTED = {
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
_WITHOUT_SIDES = frozenset({"image/heic", "model/gltf-binary", "audio/wav", "audio/mpeg"})
_HEAD_BYTES = 16
_CHUNK_BYTES = 64 * 1024
_MULTIPART_OVERHEAD_BYTES = 64 * 1024
"""What a multipart body may hold beside its file."""


class NotAnAssetError(Exception):
    """The file is of none of the formats, or does not decode."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """An upload in its place: file, MIME type, sides in pixels where they are known, hash of its content."""

    path: Path
    mime: str
    width: int | None
    height: int | None
    sha256: str


async def upload(request: Request) -> Response:
    """Take a file in as an asset."""
    simulation = simulation_of(request)
    length = request.headers.get("Content-Length", "")
    if length.isdigit() and int(length) > MAX_UPLOAD_BYTES + _MULTIPART_OVERHEAD_BYTES:
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
    limit = bounded_int(request.query_params.get("limit"), default=100, maximum=1000)
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
    if _is_cut(simulation, job):
        return _half(request, path, job.mime)
    return FileResponse(path, media_type=job.mime)


def _is_cut(simulation: Simulation, job: Job) -> bool:
    """Tell whether this download ends half-way, by a directive of the job's prompt or by a fault."""
    directives = parse(str(job.body.get("prompt") or "")).directives
    directive = next((directive for directive in directives if directive.name == "cut"), None)
    if directive is not None:
        return not directive.once or simulation.store.spend(f"cut {job.id}")
    return simulation.strikes("cut_download")


def _half(request: Request, path: Path, mime: str) -> Response:
    """Promise the whole file, send half of it, close the connection."""
    data = path.read_bytes()

    async def half() -> AsyncIterator[bytes]:
        for start in range(0, len(data) // 2, _CHUNK_BYTES):
            yield data[start : min(start + _CHUNK_BYTES, len(data) // 2)]
        await asyncio.sleep(0.05)  # what was sent leaves before the connection breaks
        request.state.transport.abort()

    return StreamingResponse(half(), media_type=mime, headers={"Content-Length": str(len(data))})


async def _keep(simulation: Simulation, source: IO[bytes], *, size: int, description: str | None) -> Asset:
    asset_id = str(uuid.uuid4())
    kept = await asyncio.to_thread(_write, source, simulation.store.assets_folder, asset_id)
    asset = Asset(
        id=asset_id,
        file=kept.path.name,
        mime=kept.mime,
        width=kept.width,
        height=kept.height,
        size=size,
        sha256=kept.sha256,
        description=description,
        uploaded_at=round(simulation.now(), 3),
    )
    simulation.store.add_asset(asset)
    return asset


def _write(source: IO[bytes], folder: Path, asset_id: str) -> _Kept:
    """Write an upload to the folder. NotAnAssetError if it is not accepted."""
    mime = _mime(source.read(_HEAD_BYTES))
    if mime is None:
        raise NotAnAssetError("Invalid file type")
    source.seek(0)
    target = folder / f"{asset_id}{_ACCEPTED[mime]}"
    with writing_whole(target) as part:
        with part.open("wb") as file:
            shutil.copyfileobj(source, file)
        width, height = (None, None) if mime in _WITHOUT_SIDES else _sides(part, mime)
        return _Kept(target, mime, width, height, sha256_of(part))


def _mime(head: bytes) -> str | None:
    """Return the MIME type of an accepted file by its first bytes, None for any other."""
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
    """Return width and height in pixels. NotAnAssetError if the file does not decode."""
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


def _known(request: Request) -> Asset:
    asset = simulation_of(request).store.asset(request.path_params["id"])
    if asset is None:
        raise RefusedError(404, {"error": "Asset not found"})
    return asset


def _too_large() -> RefusedError:
    return RefusedError(400, {"error": f"File too large: at most {MAX_UPLOAD_BYTES // 1_000_000} MB"})
