"""The routes by which files are fetched: no token, as behind a content network; whole, expired, or cut half-way."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from animatic.simulator.directives import parse
from animatic.simulator.jobs import Job
from animatic.simulator.replies import RefusedError
from animatic.simulator.simulation import Simulation
from animatic.simulator.web import simulation_of

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
        from animatic.simulator.render.poster import poster  # noqa: PLC0415 - the codecs load when first needed

        return Response(await asyncio.to_thread(poster, path), media_type="image/jpeg")
    if name != f"result.{job.suffix}":
        raise RefusedError(404, {"error": "Not found"})
    mime = mimetypes.guess_type(path)[0] or "application/octet-stream"
    if _cuts(simulation, job):
        return _cut(request, path, mime)
    return FileResponse(path, media_type=mime)


def _cuts(simulation: Simulation, job: Job) -> bool:
    wish = next((wish for wish in parse(str(job.body.get("prompt") or "")).directives if wish.name == "cut"), None)
    if wish is not None:
        return not wish.once or simulation.store.spend(f"cut {job.id}")
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
