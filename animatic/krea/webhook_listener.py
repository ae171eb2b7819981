"""Hears of Krea's callbacks through ``animatic webhook``: asks the receiver at ``ANIMATIC_WEBHOOK_URL`` for those of this run's jobs.

One request for all of them at a time, which the receiver answers when one has called. A receiver that does not answer, or answers nonsense,
changes nothing but speed: it is asked again, ever more rarely, while jobs are polled as ever.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Self

import httpx

from animatic import __version__, proxies
from animatic.backoff import Backoff
from animatic.errors import UsageError
from animatic.krea.bodies import parse_json
from animatic.krea.callbacks import MAX_TOKENS_ASKED, SERVICE, callback_url, is_job_id, listen_url
from animatic.krea.errors import describe
from animatic.krea.pace import set_within
from animatic.redact import bare_url

log = logging.getLogger(__name__)

FIRST_ANSWER_SECONDS = 3.0
"""For the question whether there is a receiver: a run waits for it before it begins."""
ANSWER_SECONDS = 12.0
"""For the answer to a request that the receiver may hold for eight."""
MAX_ANSWER_BYTES = 1024 * 1024
LEAST_HELD_SECONDS = 1.0
"""A receiver that has nothing to tell keeps a request for longer than this."""
GATHERING_SECONDS = 0.05
"""Submissions that are made together are asked for together."""
LONGEST_PAUSE_SECONDS = 30.0


async def why_no_receiver(public_url: str, *, transport: httpx.AsyncBaseTransport | None = None) -> str | None:
    """Return None where ``animatic webhook`` answers at that address, else why it is believed not to, in words that end a sentence."""
    try:
        if transport is None:
            proxies.require_usable(public_url)
        async with asyncio.timeout(FIRST_ANSWER_SECONDS), _client(transport) as http:
            answer = await http.get(listen_url(public_url))
            if answer.status_code == HTTPStatus.OK and answer.json() == {"service": SERVICE}:
                return None
            return f"something else answers there ({answer.status_code})"
    except TimeoutError:
        return f"no answer within {FIRST_ANSWER_SECONDS:g} s"
    except UsageError as error:
        return error.message
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        return describe(error)


class WebhookListener:
    """Asks the receiver of other processes for callbacks. An async context manager, with the methods of a receiver.

    ``on_callback(token, job_id)`` is called once for each token that has called. ``sleep``, ``randomness`` and ``transport`` are for tests.
    """

    def __init__(
        self,
        public_url: str,
        *,
        on_callback: Callable[[str, str], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        randomness: random.Random | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._public_url = public_url.rstrip("/")
        self._on_callback = on_callback
        self._sleep = sleep
        self._backoff = Backoff(longest=LONGEST_PAUSE_SECONDS, randomness=randomness or random.Random())  # noqa: S311 (spreads tries)
        self._http = _client(transport)
        self._open: dict[str, asyncio.Event] = {}
        self._called: dict[str, str] = {}
        self._changed = asyncio.Event()
        self._asking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._asking = asyncio.create_task(self._ask_on())
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])
        await self._http.aclose()

    def register(self, token: str) -> str:
        """Return the URL that calls back for a submission's ``token``, and ask for it from now on; registering again is harmless."""
        url = callback_url(self._public_url, token)
        if token not in self._called and token not in self._open:
            self._open[token] = asyncio.Event()
            self._changed.set()
        return url

    async def wait_for(self, token: str, timeout: float) -> str | None:  # noqa: ASYNC109 - a lost callback is the normal case, not an error
        """Return the job id that the token's callback named, None if none came within ``timeout`` seconds."""
        if event := self._open.get(token):
            await set_within(event, timeout)
        return self._called.get(token)

    async def _ask_on(self) -> None:
        """Ask for as long as this is open; a submission that is added while a request is held makes a new one."""
        while True:
            await self._changed.wait()
            await self._sleep(GATHERING_SECONDS)
            self._changed.clear()
            asking = asyncio.ensure_future(self._ask(list(self._open)[-MAX_TOKENS_ASKED:]))
            changing = asyncio.ensure_future(self._changed.wait())
            try:
                await asyncio.wait((asking, changing), return_when=asyncio.FIRST_COMPLETED)
                pause = asking.result() if asking.done() else 0.0
            finally:
                for task in (asking, changing):
                    task.cancel()
                await asyncio.wait((asking, changing))
            if self._open:
                self._changed.set()
            if pause:
                await self._sleep(pause)

    async def _ask(self, tokens: list[str]) -> float:
        """Ask once, and tell what has called. Returns the seconds to wait before asking again."""
        began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                called = await self._called_of(tokens)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as error:
            if self._backoff.tries == 0:
                log.warning("the webhook receiver at %s: %s; jobs are polled meanwhile", bare_url(self._public_url), describe(error))
            return self._backoff.next()
        news = {token: job_id for token, job_id in called.items() if token in self._open}
        for token, job_id in news.items():
            self._called[token] = job_id
            self._open.pop(token).set()
            self._tell(token, job_id)
        if not news and asyncio.get_running_loop().time() - began < LEAST_HELD_SECONDS:
            return self._backoff.next()  # whatever answers there does not wait
        self._backoff.tries = 0
        return 0.0

    def _tell(self, token: str, job_id: str) -> None:
        try:
            self._on_callback(token, job_id)
        except Exception:
            log.exception("handling the callback of job %s failed", job_id)

    async def _called_of(self, tokens: list[str]) -> dict[str, str]:
        async with self._http.stream("POST", listen_url(self._public_url), json={"tokens": tokens}) as answer:
            if answer.status_code != HTTPStatus.OK:
                raise ValueError(f"it answers {answer.status_code}")
            body = bytearray()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    raise ValueError("its answer has no end")
        return _parsed(bytes(body))


def _parsed(body: bytes) -> dict[str, str]:
    """Return job ids by token. Raises ValueError where the answer is none of a receiver's."""
    match parse_json(body):
        case {"called": dict(called)}:
            return {token: job_id for token, job_id in called.items() if is_job_id(job_id)}
        case _:
            raise ValueError("its answer is none of a webhook receiver")


def _client(transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=transport,
        timeout=httpx.Timeout(ANSWER_SECONDS),
        headers={"User-Agent": f"animatic/{__version__}"},
        follow_redirects=False,
    )
