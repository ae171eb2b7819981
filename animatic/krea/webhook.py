"""Receives Krea's callbacks: a small server on this machine, behind the public address of ``ANIMATIC_WEBHOOK_URL``.

What is believed of a callback is said in `animatic.krea.callbacks`; anything else is turned away early and cheaply. Callbacks may come
twice, late or not at all; polling goes on beside them.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from animatic.errors import UsageError
from animatic.krea.bodies import parse_json
from animatic.krea.bounded_server import MAX_CONNECTIONS, BoundedServer
from animatic.krea.callbacks import callback_url, is_job_id
from animatic.krea.pace import set_within

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024
MAX_BURST = 200.0
"""Requests that may come at once."""
REQUESTS_PER_SECOND = 50.0
"""Requests that may go on coming."""

Endpoint = Callable[[Request], Awaitable[Response]]


class BodyRefusedError(Exception):
    """The body of a request is not what it should be; ``status`` answers it."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(kw_only=True, eq=False)
class _Callback:
    """One registered token: its text, and the job id that its callback named."""

    token: str
    called: asyncio.Event = field(default_factory=asyncio.Event)
    job_id: str | None = None


class WebhookReceiver:
    """Listens on ``host:port`` for ``POST PUBLIC_URL/hooks/TOKEN``. An async context manager.

    ``beside``: what is answered at other paths, by method and path.
    ``on_callback(token, job_id)`` is called for every callback with a registered token, duplicates included. ``port`` 0 takes any free one.
    Tokens are known until the receiver closes, which is at the end of the run: a callback that comes late is still heard. Raises
    UsageError on entering where the port is taken.
    """

    def __init__(
        self,
        public_url: str,
        *,
        port: int,
        host: str = "127.0.0.1",
        on_callback: Callable[[str, str], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        beside: Mapping[tuple[str, str], Endpoint] | None = None,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        self.port = port
        self._public_url = public_url.rstrip("/")
        self._host = host
        self._on_callback = on_callback
        self._callbacks: dict[bytes, _Callback] = {}
        self._allowance = Allowance(clock)
        self._beside = beside or {}
        self._max_connections = max_connections
        self._server: BoundedServer | None = None
        self._serving: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        listener = self._listen()
        self.port = listener.getsockname()[1]
        prefix = urlsplit(self._public_url).path  # a proxy may pass it on or strip it
        endpoints = {("POST", "/hooks/{token}"): self._receive, **self._beside}
        app = Starlette(
            routes=[
                Route(f"{before}{path}", endpoint, methods=[method])
                for before in dict.fromkeys((prefix, ""))
                for (method, path), endpoint in endpoints.items()
            ]
        )
        self._server = BoundedServer(app, max_connections=self._max_connections)
        self._serving = asyncio.create_task(self._server.serve_on(listener))
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._server and self._serving:
            self._server.should_exit = True
            await asyncio.shield(self._serving)  # also where the run is being cancelled: the server ends by itself within seconds

    def register(self, token: str) -> str:
        """Return the URL that calls back for a submission's ``token`` (at least 128 bits, hexadecimal); registering again is harmless."""
        url = callback_url(self._public_url, token)
        self._callbacks.setdefault(_key(token), _Callback(token=token))
        return url

    def forget(self, token: str) -> None:
        """Turn callbacks of this token away from now on."""
        self._callbacks.pop(_key(token), None)

    def job_of(self, token: str) -> str | None:
        """Return the job id that the token's callback named, None if none has come."""
        callback = self._callbacks.get(_key(token))
        return callback.job_id if callback else None

    async def wait_for(self, token: str, timeout: float) -> str | None:  # noqa: ASYNC109 - a lost callback is the normal case, not an error
        """Return the job id that the token's callback named, None if none came within ``timeout`` seconds."""
        callback = self._callbacks.get(_key(token))
        if callback is None:
            return None
        await set_within(callback.called, timeout)
        return callback.job_id

    def _listen(self) -> socket.socket:
        listener = socket.socket(socket.AF_INET6 if ":" in self._host else socket.AF_INET, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self._host, self.port))
            listener.listen()  # callbacks queue from here on, whenever the server gets to them
        except (OSError, UnicodeError) as error:  # the second: no name that a host can have
            listener.close()
            raise UsageError(
                f"the webhook receiver cannot listen on {self._host}:{self.port}: {getattr(error, 'strerror', None) or error}",
                hint="let one `animatic webhook` receive for all runs, set ANIMATIC_WEBHOOK_PORT to a free port, "
                "or unset ANIMATIC_WEBHOOK_URL to poll instead",
            ) from error
        return listener

    async def _receive(self, request: Request) -> Response:
        token = request.path_params["token"]
        callback = self._callbacks.get(_key(token))
        if callback is None or not hmac.compare_digest(callback.token.encode(), token.encode()):
            return Response(status_code=404)  # before the allowance is asked: strangers must not use it up
        if not self._allowance.take():
            return Response(status_code=429, headers={"Retry-After": "1"})
        try:
            job_id = _job_id(await json_body(request))
        except BodyRefusedError as refused:
            return Response(status_code=refused.status)
        if job_id is None:
            return Response(status_code=400)
        callback.job_id = callback.job_id or job_id
        callback.called.set()
        if self._on_callback:
            try:
                self._on_callback(token, job_id)
            except Exception:
                log.exception("handling the callback of job %s failed", job_id)
        return Response(status_code=204)


class Allowance:
    """Limits the rate of requests: a token bucket."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left = MAX_BURST
        self._at = clock()

    def take(self) -> bool:
        """Take one request out; False if the bucket is empty."""
        now = self._clock()
        self._left = min(MAX_BURST, self._left + (now - self._at) * REQUESTS_PER_SECOND)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


def _key(token: str) -> bytes:
    """Return the token's hash, by which it is looked up: the time that takes tells nothing about the tokens that exist."""
    return hashlib.sha256(token.encode()).digest()


async def json_body(request: Request) -> Any:
    """Return the body of a request. Raises BodyRefusedError where it is not JSON, or too long."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise BodyRefusedError(415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise BodyRefusedError(413)
    try:
        return parse_json(bytes(body))
    except ValueError as error:
        raise BodyRefusedError(400) from error


def _job_id(data: object) -> str | None:
    identity = data.get("job_id") or data.get("id") if isinstance(data, dict) else None
    return str(identity) if is_job_id(identity) else None
