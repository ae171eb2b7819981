"""The routes of uploaded assets."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from pathlib import Path
from typing import IO, Any

from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import Response

from animatic.simulator.replies import RefusedError, asset_reply, parse_timestamp, timestamp
from animatic.simulator.simulation import Simulation
from animatic.simulator.store import Asset
from animatic.simulator.uploads import LIMIT, Examined, NotAnAssetError, examine
from animatic.simulator.web import JsonReply, base_of, bounded_int, simulation_of

_OVERHEAD = 64 * 1024
"""Bytes of a multipart body beside its file."""


async def upload(request: Request) -> Response:
    """Take a file into the library."""
    simulation = simulation_of(request)
    length = request.headers.get("Content-Length", "")
    if length.isdigit() and int(length) > LIMIT + _OVERHEAD:
        raise _too_large()
    try:
        async with request.form(max_files=1, max_fields=4) as form:
            file, description = form.get("file"), form.get("description")
            if file is None or isinstance(file, str):
                raise RefusedError(400, {"error": "Missing file"})
            if file.size is not None and file.size > LIMIT:
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
