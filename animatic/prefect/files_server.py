"""Serves delivered files on this machine over HTTP, so that links and pictures in the Prefect UI open: a page there may not open files.

Only runs are served, nothing of the ledger, and only to this machine.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from animatic.engine.history import SIMULATED
from animatic.engine.index_writer import INDEX_KEY

STOP_SECONDS = 10.0


def files_application(destinations: Mapping[str, Path]) -> Starlette:
    """Return the application that serves ``/[simulated/]PIPELINE/RUN_ID/FILE`` from the folder that the pipeline delivers to.

    ``/[simulated/]index.html`` is the index of a destination's runs.
    """
    roots = {pipeline: folder.resolve() for pipeline, folder in destinations.items()}

    async def file(request: Request) -> Response:
        parts = [part for part in str(request.path_params["path"]).split("/") if part]
        pipeline = next((part for part in parts if part != SIMULATED), "")
        root = _root_of_index(roots.values(), parts) if pipeline == INDEX_KEY else roots.get(pipeline)
        if root is None:
            raise HTTPException(404)
        path = root.joinpath(*parts).resolve()
        if not path.is_relative_to(root) or not path.is_file() or any(part.startswith(".") for part in parts):
            raise HTTPException(404)
        return FileResponse(path)

    return Starlette(routes=[Route("/{path:path}", file, methods=["GET", "HEAD"])])


def _root_of_index(roots: Iterable[Path], parts: list[str]) -> Path | None:
    """Return the first destination that has an index of its runs, as the addresses of several are one here."""
    return next((root for root in roots if root.joinpath(*parts).is_file()), None)


@contextlib.contextmanager
def serving(destinations: Mapping[str, Path], listener: socket.socket) -> Iterator[str]:
    """Serve on a socket that is bound already, from a thread; yields the address."""
    server = uvicorn.Server(
        uvicorn.Config(files_application(destinations), log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="files", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(STOP_SECONDS)
