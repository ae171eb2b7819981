"""Receives callbacks for the runs of other processes: ``animatic webhook``.

A run asks ``POST /listen`` for the callbacks of its own submissions, by their tokens, and is answered as soon as one of them has called, or
after some seconds without. Asking is what makes a token known: callbacks of tokens for which nobody asks are turned away as they are by
the receiver inside a run. All is in memory and bounded, and nothing in it is needed: whoever does not hear of a callback polls.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Self

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from animatic.krea.callbacks import MAX_TOKENS_ASKED, SERVICE, is_token
from animatic.krea.webhook import Allowance, BodyRefusedError, WebhookReceiver, json_body

HOLD_SECONDS = 8.0
"""How long a run that asks is kept waiting for a callback: less than a connection may last."""
MAX_TOKENS = 20_000
REMEMBERED_SECONDS = 60.0
"""A token for which nobody has asked for so long is forgotten."""
MAX_CONNECTIONS = 512
"""A connection for each run that listens, and those of the callbacks."""
GATHERING_SECONDS = 0.02
"""Callbacks that come together are told together."""


@dataclass(kw_only=True, eq=False, slots=True)
class _Asked:
    """A token for which a run has asked: when last, on the monotonic clock, and who waits for its callback now."""

    at: float
    waiting: set[asyncio.Event] = field(default_factory=set)


class WebhookExchange:
    """A receiver on ``host:port`` that tells callbacks to the runs which ask for them. An async context manager.

    ``public_url`` is the address that Krea and the runs use; only its path matters here. Raises UsageError on entering where the port is
    taken.
    """

    def __init__(self, public_url: str, *, host: str, port: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._asked: dict[str, _Asked] = {}
        self._purged = clock()
        self._allowance = Allowance(clock)
        self._receiver = WebhookReceiver(
            public_url,
            host=host,
            port=port,
            clock=clock,
            on_callback=lambda token, _job_id: self._wake(token),
            beside={("GET", "/listen"): self._present, ("POST", "/listen"): self._listen},
            max_connections=MAX_CONNECTIONS,
        )

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return self._receiver.port

    async def __aenter__(self) -> Self:
        await self._receiver.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        for token in self._asked:  # nobody is kept waiting by a receiver that ends
            self._wake(token)
        await self._receiver.__aexit__(*exc_info)

    def _wake(self, token: str) -> None:
        for waiting in self._asked[token].waiting if token in self._asked else ():
            waiting.set()

    async def _present(self, _request: Request) -> Response:
        return JSONResponse({"service": SERVICE})

    async def _listen(self, request: Request) -> Response:
        if not self._allowance.take():
            return Response(status_code=429, headers={"Retry-After": "1"})
        try:
            tokens = _tokens(await json_body(request))
        except BodyRefusedError as refused:
            return Response(status_code=refused.status)
        if tokens is None:
            return Response(status_code=400)
        self._ask_for(tokens)
        called = self._called(tokens)
        if not called:
            await self._wait(request, tokens)
            called = self._called(tokens)
        return JSONResponse({"called": called})

    def _ask_for(self, tokens: Iterable[str]) -> None:
        """Make the tokens known. Beyond the limit new ones stay unknown: their runs poll."""
        now = self._clock()
        if now - self._purged >= REMEMBERED_SECONDS / 2 or len(self._asked) >= MAX_TOKENS:
            self._purge(now)
        for token in tokens:
            if asked := self._asked.get(token):
                asked.at = now
            elif len(self._asked) < MAX_TOKENS:
                self._asked[token] = _Asked(at=now)
                self._receiver.register(token)

    def _purge(self, now: float) -> None:
        self._purged = now
        for token in [token for token, asked in self._asked.items() if now - asked.at > REMEMBERED_SECONDS]:
            del self._asked[token]
            self._receiver.forget(token)

    def _called(self, tokens: Iterable[str]) -> dict[str, str]:
        return {token: job_id for token in tokens if (job_id := self._receiver.job_of(token))}

    async def _wait(self, request: Request, tokens: Iterable[str]) -> None:
        """Wait until one of the tokens has called, the run has gone, or it has waited long enough."""
        called = asyncio.Event()
        watched = [self._asked[token] for token in tokens if token in self._asked]
        for asked in watched:
            asked.waiting.add(called)
        waits = [asyncio.ensure_future(called.wait()), asyncio.ensure_future(_gone(request))]
        try:
            await asyncio.wait(waits, timeout=HOLD_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if called.is_set():
                await asyncio.sleep(GATHERING_SECONDS)
        finally:
            for asked in watched:
                asked.waiting.discard(called)
            for wait in waits:
                wait.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait(waits)


async def _gone(request: Request) -> None:
    """Return when the other side has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _tokens(data: object) -> list[str] | None:
    """Return the tokens of a request in its order, each once; None where it is none of ours."""
    tokens = data.get("tokens") if isinstance(data, dict) else None
    if not isinstance(tokens, list) or len(tokens) > MAX_TOKENS_ASKED or not all(is_token(token) for token in tokens):
        return None
    return list(dict.fromkeys(tokens))
