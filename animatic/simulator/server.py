"""Runs the simulator as a server: listens, calls webhooks when jobs end, and ends with the process that started it.

A job that names ``X-Webhook-URL`` is called for once, when it has ended; lost, doubled and early calls where faults say so.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from animatic.catalog import Catalog
from animatic.simulator.api import application
from animatic.simulator.jobs import TERMINAL, Job
from animatic.simulator.replies import full_reply, job_reply
from animatic.simulator.settings import SimulatorSettings
from animatic.simulator.simulation import Simulation

_LOG = logging.getLogger(__name__)
_WEBHOOK_POLL_SECONDS = 0.1
_WEBHOOK_TIMEOUT_SECONDS = 10
_PARENT_POLL_SECONDS = 0.5
_SHUTDOWN_SECONDS = 2
_BACKLOG = 2048
_MAX_RESULT_BYTES = 1024**3
"""Older results beyond this are removed at the start."""


def serve(state: Path, settings: SimulatorSettings, *, host: str = "127.0.0.1", port: int = 0, parent: int | None = None) -> None:
    """Run until SIGTERM or SIGINT, or until the process ``parent`` is gone. Prints one line of JSON with the address when it listens."""
    asyncio.run(_serve(state, settings, host=host, port=port, parent=parent))


async def _serve(state: Path, settings: SimulatorSettings, *, host: str, port: int, parent: int | None) -> None:
    simulation = Simulation(state, settings, catalog=Catalog.load())
    simulation.attach()
    simulation.store.prune(_MAX_RESULT_BYTES)
    try:
        with _listening(host, port) as listener:
            url = f"http://{host}:{listener.getsockname()[1]}"
            server = _Server(simulation, url)
            async with _calling_webhooks(simulation, url):
                watch = asyncio.create_task(_end_with(parent, server)) if parent is not None else None
                await server.serve(sockets=[listener])
                if watch is not None:
                    watch.cancel()
    finally:
        simulation.close()


def _listening(host: str, port: int) -> socket.socket:
    """Return a listening socket that is named as TCP: only then asyncio sends at once, instead of 40 ms later."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(_BACKLOG)
    return listener


class _Server(uvicorn.Server):
    """uvicorn that says where it listens, and returns after a signal."""

    def __init__(self, simulation: Simulation, url: str) -> None:
        config = uvicorn.Config(
            application(simulation),
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            date_header=False,  # the application's clock may be skewed
            server_header=False,
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
            timeout_keep_alive=30,
        )
        super().__init__(config)
        self._url = url

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on a signal and return; uvicorn's own way is to die of it afterwards, before the database is closed."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say where."""
        await super().startup(sockets)
        sys.stdout.write(json.dumps({"url": self._url, "pid": os.getpid()}) + "\n")
        sys.stdout.flush()


class _Protocol(H11Protocol):
    """Gives the application its connection's transport, to break off without an answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


@asynccontextmanager
async def _calling_webhooks(simulation: Simulation, base: str) -> AsyncIterator[None]:
    """Call webhooks for as long as the block runs; jobs of an earlier process on the same folder included."""
    caller = _Caller(simulation, base)
    task = asyncio.create_task(caller.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


class _Caller:
    """Looks for jobs whose webhook is due, and calls it."""

    def __init__(self, simulation: Simulation, base: str) -> None:
        self._simulation = simulation
        self._base = base
        self._decided: set[str] = set()
        self._calls: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        while True:
            for job in self._simulation.store.jobs_to_call():
                self._look(job)
            await asyncio.sleep(_WEBHOOK_POLL_SECONDS)

    def _look(self, job: Job) -> None:
        simulation = self._simulation
        status = simulation.status(job)
        if job.id not in self._decided and status not in TERMINAL:
            self._decided.add(job.id)
            if simulation.strikes("webhook_early"):
                self._call(job, job_reply(job, status, ended_at=0, result=None, shape="urls"))
        if status in TERMINAL and simulation.store.claim_call(job.id):
            if simulation.strikes("webhook_lost"):
                return
            for _ in range(1 + simulation.strikes("webhook_doubled")):
                self._call(job, full_reply(simulation, job, self._base))

    def _call(self, job: Job, reply: dict[str, Any]) -> None:
        assert job.webhook is not None
        self._simulation.counts["webhook"] += 1
        task = asyncio.create_task(asyncio.to_thread(_post, job.webhook, json.dumps(reply).encode()))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)


def _post(url: str, payload: bytes) -> None:
    """POST once. What comes back is not looked at, as nothing is known of repeats at Krea."""
    parts = urlsplit(url)
    connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = connect(parts.hostname or "", parts.port, timeout=_WEBHOOK_TIMEOUT_SECONDS)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, payload, {"Content-Type": "application/json", "User-Agent": "animatic-simulator"})
        connection.getresponse().read()
    except (OSError, http.client.HTTPException) as error:
        _LOG.warning("the webhook of %s could not be called: %s", parts.hostname, type(error).__name__)
    finally:
        connection.close()


async def _end_with(parent: int, server: uvicorn.Server) -> None:
    """Stop the server when the process is gone: at once where the system tells, else within half a second.

    A death signal of the parent (prctl) is not used: Linux sends it when the thread ends that started this process.
    """
    with _gone(parent) as gone:
        while not gone.is_set() and _lives(parent):
            try:
                await asyncio.wait_for(gone.wait(), _PARENT_POLL_SECONDS)
            except TimeoutError:
                pass
    server.should_exit = True


@contextmanager
def _gone(pid: int) -> Iterator[asyncio.Event]:
    """Yield an event that is set when the process is gone; never on systems that do not tell (macOS)."""
    event = asyncio.Event()
    if not hasattr(os, "pidfd_open"):
        yield event
        return
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        yield event
        return
    loop = asyncio.get_running_loop()
    loop.add_reader(handle, event.set)
    try:
        yield event
    finally:
        loop.remove_reader(handle)
        os.close(handle)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
