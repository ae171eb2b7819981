"""Keeps the run's manifest and page up to date at the destination while the run goes on, and writes them for good at its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from typing import Any, Self

from animatic.errors import StorageError
from animatic.manifest import render_page
from animatic.takes.crashpoints import crashpoint
from animatic.takes.run import Run

log = logging.getLogger(__name__)
EVERY = 2.0
"""Seconds between two writes while shots are moving: one small object, however many shots there are."""


class Reporter:
    """Async context manager around the making of a run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._dirty = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._listen = lambda _shot: self._dirty.set()

    @property
    def manifest_location(self) -> str:
        """Where the manifest is, as people open it."""
        return self._run.address("manifest.json")

    @property
    def page_location(self) -> str:
        """Where the page is, as people open it."""
        return self._run.address("index.html")

    async def __aenter__(self) -> Self:
        self._run.board.listeners.append(self._listen)
        self._dirty.set()
        self._writer = asyncio.create_task(self._keep_writing())
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._run.board.listeners.remove(self._listen)
        if self._writer is not None:
            self._writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writer

    async def finish(self, *, cancelled: bool) -> dict[str, Any]:
        """Write the final manifest and the page; returns the manifest. Raises StorageError."""
        run = self._run
        manifest = run.book.to_json(finished_at=run.clock(), state="cancelled" if cancelled else None)
        crashpoint("before-manifest")
        await self._write(manifest)
        page = await asyncio.to_thread(render_page, manifest)
        await run.storage.write(f"{run.prefix}/index.html", page.encode(), content_type="text/html; charset=utf-8")
        crashpoint("after-manifest")
        return manifest

    async def _keep_writing(self) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            try:
                await self._write(self._run.book.to_json())
            except StorageError as error:
                # The shots go on; the final write is the one that must succeed.
                log.warning("the manifest could not be updated: %s", error.message)
                self._dirty.set()
            await asyncio.sleep(EVERY)

    async def _write(self, manifest: dict[str, Any]) -> None:
        text = json.dumps(manifest, indent=2, ensure_ascii=False)
        await self._run.storage.write(f"{self._run.prefix}/manifest.json", text.encode(), content_type="application/json")
