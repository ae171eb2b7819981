"""A web server inside a run that strangers cannot use up: few connections, short ones, small headers, and no line in any log for each.

Whoever opens a connection gets ``CONNECTION_SECONDS`` to send one request and hear its answer. Beyond the limit the oldest connection is
cut, so that slow ones never keep a callback out. The limit leaves most of the process's file descriptors to the run.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 64
SHARE_OF_DESCRIPTORS = 8
"""The part of the process's file descriptors, one in so many, that connections may take."""
CONNECTION_SECONDS = 10.0
MAX_HEADER_BYTES = 16 * 1024
ACCEPTED_AT_ONCE = 16
"""asyncio accepts so many before it lets us look at the first of them."""
QUEUED = 256
SECONDS_BETWEEN_COMPLAINTS = 60.0


class BoundedServer(uvicorn.Server):
    """uvicorn inside a program that has signal handlers of its own."""

    def __init__(self, app: Starlette, *, max_connections: int = MAX_CONNECTIONS) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=type("_Connection", (_Connection,), {"most": max_connections}),
                ws="none",
                lifespan="off",
                headers=[("Connection", "close")],  # a request each: a proxy before us loses little, and idle ones cost nothing
                h11_max_incomplete_event_size=MAX_HEADER_BYTES,
                backlog=ACCEPTED_AT_ONCE,
                # No access log: it would write every token down. No others either: strangers would decide how long they get.
                access_log=False,
                log_config=None,
                log_level="critical",
                timeout_graceful_shutdown=2,
                server_header=False,
            )
        )

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the signals to the program."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, with a longer queue in the kernel than what asyncio takes from it at once."""
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(QUEUED)

    async def serve_on(self, listener: socket.socket) -> None:
        """Serve until ``should_exit``. Errors of accepting connections are told once a minute."""
        with _quiet_accepting(listener):
            await self.serve(sockets=[listener])


class _Connection(H11Protocol):
    """One connection: cut when it has had its time, or when it is the oldest of too many."""

    most: int
    opened: float
    deadline: asyncio.TimerHandle

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Make room for it, and limit its time."""
        if len(self.connections) >= _affordable(self.most):
            oldest = min(self.connections, key=lambda other: getattr(other, "opened", 0.0))
            self.connections.discard(oldest)
            oldest.transport.abort()
        super().connection_made(transport)
        self.opened = self.loop.time()
        self.deadline = self.loop.call_later(CONNECTION_SECONDS, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of it."""
        self.deadline.cancel()
        super().connection_lost(exc)


def _affordable(most: int) -> int:
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return most if descriptors < 0 else max(4, min(most, descriptors // SHARE_OF_DESCRIPTORS))


@contextmanager
def _quiet_accepting(listener: socket.socket) -> Generator[None, None, None]:
    """Tell errors of this listener once a minute; asyncio itself would log each with its traceback. All others go where they went."""
    loop = asyncio.get_running_loop()
    before, number, told = loop.get_exception_handler(), listener.fileno(), -SECONDS_BETWEEN_COMPLAINTS

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        nonlocal told
        concerned = context.get("socket")
        if concerned is not None and concerned.fileno() in {number, -1}:
            if time.monotonic() - told >= SECONDS_BETWEEN_COMPLAINTS:
                told = time.monotonic()
                log.warning("a callback could not be accepted: %s", context.get("exception") or context.get("message"))
        elif before is not None:
            before(loop, context)
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(handle)
    try:
        yield
    finally:
        loop.set_exception_handler(before)
