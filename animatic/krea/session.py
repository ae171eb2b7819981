"""Sends requests to Krea over one connection pool: adds the token, limits how many run at once, and retries reads.

Reading is safe to repeat, so this module repeats it: with back-off and jitter, until ``patience.outage``. A submission goes through
`send_once` and is never repeated here.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Self, TypeVar

import httpx

from animatic import __version__, proxies
from animatic.backoff import Backoff
from animatic.errors import AnimaticError, KreaRefusedError, KreaUnreachableError
from animatic.krea.bodies import parse_json
from animatic.krea.errors import RESUME_LATER, UnexpectedSimulatorError, describe, refusal
from animatic.krea.pace import ClockOffset, http_date, retry_after
from animatic.krea.reasons import explain_body
from animatic.redact import bare_url, redact
from animatic.settings import MAX_SUBMIT_AT_ONCE, SIMULATOR_HEADER, Patience, Secret

log = logging.getLogger(__name__)

CONNECT_SECONDS = 10.0
MAX_ANSWER_BYTES = 32 * 1024 * 1024
ACCOUNT_DIGITS = 32
MAX_CONCURRENT_READS = 16
MAX_CONCURRENT_TRANSFERS = 8
MAX_CONNECTIONS = MAX_CONCURRENT_READS + MAX_CONCURRENT_TRANSFERS + MAX_SUBMIT_AT_ONCE
"""No request waits for a connection."""
REFUSALS_DOUBTED = 2
"""So often a token that was good a moment ago is tried again: whoever stands before Krea turns requests away now and then, too."""
_RETRIED_STATUSES = frozenset({408, 425, 429, 499})
"""Retried like those from 500 on."""
_NEVER_RETRIED = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]
Refuse = Callable[[int, bytes, str, str], AnimaticError | None]
"""Given status, body, content type and path of an answer from 3xx to 4xx: the error that it means, None where it makes no sense."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An HTTP answer, read to its end; ``torn`` where the end was missing."""

    status: int
    headers: httpx.Headers
    body: bytes
    retry_after: float | None
    torn: bool = False

    @property
    def content_type(self) -> str:
        """The header, possibly empty."""
        return str(self.headers.get("content-type", ""))

    def json(self) -> Any:
        """Return the parsed body. Raises ValueError if it is torn or no JSON."""
        if self.torn:
            raise ValueError("the answer is torn")
        return parse_json(self.body)


class Session:
    """An ``httpx.AsyncClient`` with our rules around it. An async context manager.

    ``clock`` is wall time in UTC, ``monotonic`` seconds for time limits. Requests queue in a semaphore here and never in httpx's pool,
    which degrades badly under bursts. Without ``simulator``, an answer of the simulator is refused, whatever it says.
    Raises UsageError where the proxy before Krea cannot be used.
    """

    def __init__(
        self,
        base_url: str,
        token: Secret | None,
        *,
        patience: Patience,
        simulator: bool = False,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
        randomness: random.Random | None = None,
    ) -> None:
        if transport is None:
            proxies.require_usable(base_url)
        self.base = httpx.URL(base_url.rstrip("/"))
        self.patience = patience
        self.sleep = sleep
        self.clock = clock
        self.monotonic = monotonic
        self.offset = ClockOffset()
        self._began = clock(), monotonic()
        self.slots = asyncio.Semaphore(MAX_CONCURRENT_READS)
        self.transfers = asyncio.Semaphore(MAX_CONCURRENT_TRANSFERS)
        self._token = token
        self._welcome = False
        self._simulator = simulator
        self._randomness = randomness or random.Random()  # noqa: S311 - spreads retries, guards nothing
        self.http = httpx.AsyncClient(
            transport=transport,
            limits=httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=16, keepalive_expiry=30),
            timeout=httpx.Timeout(patience.get, connect=CONNECT_SECONDS, pool=60),
            headers={"User-Agent": f"animatic/{__version__}"},
            follow_redirects=False,
        )

    async def __aenter__(self) -> Self:
        _quieten_httpx()
        await self.http.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.http.aclose()

    def steady_time(self) -> datetime:
        """Return our time in UTC as it would be if nobody had set the clock since this session began."""
        wall, mark = self._began
        return wall + timedelta(seconds=self.monotonic() - mark)

    def krea_time(self) -> datetime:
        """Return the time by Krea's clock, whatever ours says."""
        return self.steady_time() + self.offset.value

    def url(self, path: str) -> httpx.URL:
        """Return the address of an API path, which starts with a slash."""
        return httpx.URL(f"{self.base}{path}")

    def authorization(self, url: httpx.URL) -> dict[str, str]:
        """Return the header that carries the token, for the API's own origin only."""
        if self._token is None or _origin(url) != _origin(self.base):
            return {}
        return {"Authorization": f"Bearer {self._token.reveal()}"}

    def account(self, key: str) -> str:
        """Return a hash of the token with this key."""
        token = "" if self._token is None else self._token.reveal()
        return hmac.digest(key.encode(), token.encode(), "sha256").hex()[:ACCOUNT_DIGITS]

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **content: Any,
    ) -> httpx.Request:
        """Build a request to the API; ``content`` is httpx's: ``params``, ``json``, ``data``, ``files``."""
        url = self.url(path)
        limits = httpx.Timeout(timeout or self.patience.get, connect=CONNECT_SECONDS, pool=60)
        return self.http.build_request(method, url, headers={**self.authorization(url), **(headers or {})}, timeout=limits, **content)

    async def send_once(self, request: httpx.Request, *, seconds: float) -> Answer:
        """Send one request and read its answer whole, within ``seconds`` and ten for connecting.

        Raises httpx's errors, TimeoutError and UnexpectedSimulatorError. Once the status is known, a body that breaks off is an
        answer, too: a torn one.
        """
        async with asyncio.timeout(seconds + CONNECT_SECONDS):
            sent = self.steady_time()
            response = await self.http.send(request, stream=True)
            try:
                self._refuse_simulator(response)
                self._observe(response, sent)
                return await self._read_answer(response)
            finally:
                await response.aclose()

    async def read(
        self,
        build: Callable[[], httpx.Request],
        parse: Callable[[Answer], T],
        *,
        seconds: float | None = None,
        verdicts: Mapping[int, T] | None = None,
        refuse: Refuse = refusal,
    ) -> T:
        """Send a request that may be repeated until its answer can be parsed.

        ``verdicts`` maps statuses that are answers of their own (404: there is none) to what they mean; ``parse`` may raise ValueError for
        an answer that makes no sense, which is retried like an outage. Raises KreaUnreachableError after ``patience.outage``, and the
        errors of ``refuse`` at once.
        """
        backoff = self.backoff()
        began, refusals = self.monotonic(), 0
        while True:
            asked_for = None
            try:
                async with self.slots:
                    request = build()
                    answer = await self.send_once(request, seconds=seconds or self.patience.get)
                if verdicts and answer.status in verdicts:
                    return verdicts[answer.status]
                if answer.status // 100 == 2:  # noqa: PLR2004
                    self._welcome = True
                    return parse(answer)
                if not is_passing(answer.status):
                    error = refuse(answer.status, answer.body, answer.content_type, request.url.path)
                    if error is not None:
                        refusals += 1
                        if not (self._welcome and isinstance(error, KreaRefusedError) and refusals <= REFUSALS_DOUBTED):
                            raise error
                failure = f"{answer.status}: {explain_body(answer.body, answer.content_type).message}"
                asked_for = answer.retry_after
            except _NEVER_RETRIED as error:
                raise KreaUnreachableError(
                    f"the request cannot be made ({describe(error)})",
                    hint=proxies.advised("check KREA_API_URL and the token", str(self.base)),
                ) from error
            except (httpx.RequestError, TimeoutError, ValueError) as error:
                failure = describe(error)
            await self.pause(backoff, began, failure, asked_for=asked_for, who="Krea")

    def backoff(self) -> Backoff:
        """Return the pauses of a new series of tries."""
        return Backoff(randomness=self._randomness)

    async def pause(self, backoff: Backoff, began: float, failure: str, *, asked_for: float | None, who: str) -> None:
        """Wait before the next try. Raises KreaUnreachableError where the outage has outlasted our patience."""
        left = self.patience.outage - (self.monotonic() - began)
        if left <= 0:
            raise KreaUnreachableError(
                f"{who} has not answered as it should for {self.patience.outage:.0f} s; last: {failure}",
                hint=proxies.advised(RESUME_LATER, str(self.base)),
            )
        log.info("%s: %s; trying again", who, failure)
        await self.sleep(min(backoff.next(asked_for), left))

    async def _read_answer(self, response: httpx.Response) -> Answer:
        body, torn = bytearray(), False
        try:
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    torn = True
                    break
        except httpx.RequestError:
            torn = True
        asked_for = retry_after(response.headers.get("retry-after"), self.krea_time())
        return Answer(status=response.status_code, headers=response.headers, body=bytes(body), retry_after=asked_for, torn=torn)

    def _refuse_simulator(self, response: httpx.Response) -> None:
        """Raise UnexpectedSimulatorError where the simulator answers in the place of Krea: also of a later switch of servers."""
        if SIMULATOR_HEADER in response.headers and not self._simulator:
            raise UnexpectedSimulatorError(
                f"KREA_API_URL points to the simulator ({bare_url(str(self.base))}), whose clips must not be taken for paid ones",
                hint="unset KREA_API_URL to use Krea, or pass --simulate to rehearse",
            )

    def _observe(self, response: httpx.Response, sent: datetime) -> None:
        if date := http_date(response.headers.get("date")):
            self.offset.observe(date, sent=sent, received=self.steady_time())


def is_passing(status: int) -> bool:
    """Whether an answer of that status says that another try may be answered otherwise."""
    return status in _RETRIED_STATUSES or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    default = {"http": 80, "https": 443}.get(url.scheme)
    return url.scheme, url.host, url.port or default


class _BareUrls(logging.Filter):
    """httpx logs the URL of every request at INFO: signed ones would end up in log files."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(redact(str(arg)) if isinstance(arg, httpx.URL) else arg for arg in record.args)
        return True


_BARE_URLS = _BareUrls()  # one for the process, so that adding it again changes nothing


def _quieten_httpx() -> None:
    logging.getLogger("httpx").addFilter(_BARE_URLS)
