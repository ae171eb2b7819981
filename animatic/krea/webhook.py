"""Receives Krea's callbacks: a small server on this machine, behind the public address of ``ANIMATIC_WEBHOOK_URL``.

Krea signs nothing, so a callback is believed only so far: its path holds the submission's random token, which nobody else knows; its body
is a hint which job to look at, never a source of URLs or results. Anything else is turned away early and cheaply. Callbacks may come twice,
late or not at all; polling goes on beside them.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from animatic.errors import UsageError
from animatic.krea.bounded_server import BoundedServer
from animatic.krea.pace import set_within

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024
MAX_BURST = 200.0
"""Requests that may come at once."""
REQUESTS_PER_SECOND = 50.0
"""Requests that may go on coming."""
MIN_TOKEN_LENGTH = 32
"""Hexadecimal digits: 128 bits."""
MAX_JOB_ID_LENGTH = 128


@dataclass(kw_only=True, eq=False)
class _Callback:
    """One registered token: its text, and the job id that its callback named."""

    token: str
    called: asyncio.Event = field(default_factory=asyncio.Event)
    job_id: str | None = None


class WebhookReceiver:
    """Listens on ``host:port`` for ``POST PUBLIC_URL/hooks/TOKEN``. An async context manager.

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
    ) -> None:
        self.port = port
        self._public_url = public_url.rstrip("/")
        self._host = host
        self._on_callback = on_callback
        self._callbacks: dict[bytes, _Callback] = {}
        self._allowance = _Allowance(clock)
        self._server: BoundedServer | None = None
        self._serving: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        listener = self._listen()
        self.port = listener.getsockname()[1]
        prefix = urlsplit(self._public_url).path  # a proxy may pass it on or strip it
        paths = dict.fromkeys((f"{prefix}/hooks/{{token}}", "/hooks/{token}"))
        app = Starlette(routes=[Route(path, self._receive, methods=["POST"]) for path in paths])
        self._server = BoundedServer(app)
        self._serving = asyncio.create_task(self._server.serve_on(listener))
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._server and self._serving:
            self._server.should_exit = True
            await asyncio.shield(self._serving)  # also where the run is being cancelled: the server ends by itself within seconds

    def register(self, token: str) -> str:
        """Return the URL that calls back for a submission's ``token`` (at least 128 bits, hexadecimal); registering again is harmless."""
        if len(token) < MIN_TOKEN_LENGTH or not token.isalnum():
            raise ValueError("a webhook token has at least 128 bits in hexadecimal digits")
        self._callbacks.setdefault(_key(token), _Callback(token=token))
        return f"{self._public_url}/hooks/{token}"

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
        except OSError as error:
            listener.close()
            raise UsageError(
                f"the webhook receiver cannot listen on {self._host}:{self.port}: {error.strerror or error}",
                hint="set ANIMATIC_WEBHOOK_PORT to a free port, or unset ANIMATIC_WEBHOOK_URL to poll instead",
            ) from error
        return listener

    async def _receive(self, request: Request) -> Response:
        token = request.path_params["token"]
        callback = self._callbacks.get(_key(token))
        if callback is None or not hmac.compare_digest(callback.token.encode(), token.encode()):
            return Response(status_code=404)  # before the allowance is asked: strangers must not use it up
        if not self._allowance.take():
            return Response(status_code=429, headers={"Retry-After": "1"})
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return Response(status_code=415)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                return Response(status_code=413, headers={"Connection": "close"})
        job_id = _job_id(bytes(body))
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


class _Allowance:
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


def _job_id(body: bytes) -> str | None:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):  # the second: nested thousands deep
        return None
    identity = data.get("job_id") or data.get("id") if isinstance(data, dict) else None
    return identity if isinstance(identity, str) and 0 < len(identity) <= MAX_JOB_ID_LENGTH else None
