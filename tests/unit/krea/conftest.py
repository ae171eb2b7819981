"""A Krea at the transport and a time that passes only when somebody sleeps."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio.lowlevel
import httpx
import pytest

from animatic.krea import KreaClient
from animatic.settings import Patience, Secret

BASE = "https://krea.test"
TOKEN = "tok_secret_123"
EPOCH = datetime(2026, 11, 21, 10, 0, 0, tzinfo=UTC)
WALK = ("queued", "scheduled", "processing", "sampling", "intermediate-complete")


class Time:
    """Seconds since the start of a test; sleeping is instant and moves them."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.naps: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.seconds += seconds
        await anyio.lowlevel.checkpoint()

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self.seconds)


class FakeKrea:
    """Jobs whose status follows from the time; counts what it is asked. ``script`` answers before anything else, one entry a request."""

    def __init__(self, time: Time) -> None:
        self.time = time
        self.requests: list[httpx.Request] = []
        self.counts: Counter[str] = Counter()
        self.script: list[httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]] = []
        self.born: dict[str, float] = {}
        self.seconds: dict[str, float] = {}
        self.outcome: dict[str, dict[str, Any]] = {}
        self.unlisted: set[str] = set()
        self.hidden: set[str] = set()
        self.down_until = -1.0

    def add(self, job_id: str, *, seconds: float = 5.0, **outcome: Any) -> None:
        self.born[job_id] = self.time.seconds
        self.seconds[job_id] = seconds
        self.outcome[job_id] = outcome or {"status": "completed", "result": {"urls": [f"https://gen.krea.test/{job_id}.mp4?sig=1"]}}

    def created_at(self, job_id: str) -> datetime:
        return EPOCH + timedelta(seconds=self.born[job_id])

    def body(self, job_id: str, *, listed: bool = False) -> dict[str, Any]:
        age = self.time.seconds - self.born[job_id]
        whole = self.seconds[job_id]
        body: dict[str, Any] = {"job_id": job_id, "created_at": self.created_at(job_id).isoformat(), "completed_at": None, "result": None}
        if age < whole:
            return body | {"status": WALK[min(int(age / whole * len(WALK)), len(WALK) - 1)]}
        done = (self.created_at(job_id) + timedelta(seconds=whole)).isoformat()
        ended = body | {"completed_at": done} | self.outcome[job_id]
        if listed:
            ended.pop("error", None)
        return ended

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        kind = "one" if request.url.path.startswith("/jobs/") else "list" if request.url.path == "/jobs" else request.method
        self.counts[kind] += 1
        if self.script:
            step = self.script.pop(0)
            if isinstance(step, Exception):
                raise step
            return step if isinstance(step, httpx.Response) else step(request)
        if self.time.seconds < self.down_until:
            raise httpx.ConnectError("refused")
        if kind == "one":
            return self._one(request.url.path.rpartition("/")[2])
        if kind == "list":
            return self._list(request)
        return httpx.Response(404, json={"error": "no such route"})

    def _one(self, job_id: str) -> httpx.Response:
        if job_id not in self.born or job_id in self.hidden:
            return httpx.Response(404, json={"error": "not found"})
        return httpx.Response(200, json=self.body(job_id))

    def _list(self, request: httpx.Request) -> httpx.Response:
        limit = int(request.url.params.get("limit", "100"))
        cursor = request.url.params.get("cursor")
        before = datetime.fromisoformat(cursor) if cursor else datetime.max.replace(tzinfo=UTC)
        ids = [job for job in self.born if job not in self.unlisted | self.hidden and self.created_at(job) < before]
        ids.sort(key=lambda job: self.born[job], reverse=True)
        page = ids[:limit]
        more = self.created_at(page[-1]).isoformat() if len(ids) > limit else None
        return httpx.Response(200, json={"items": [self.body(job, listed=True) for job in page], "next_cursor": more})


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def krea(time: Time) -> FakeKrea:
    return FakeKrea(time)


@pytest.fixture
def client_for(time: Time) -> Callable[..., KreaClient]:
    """Make a client over a handler, with virtual time."""

    def make(
        handler: Callable[[httpx.Request], Any], *, token: str | None = TOKEN, patience: Patience | None = None, **more: Any
    ) -> KreaClient:
        return KreaClient(
            BASE,
            Secret(token) if token else None,
            patience=patience or Patience(outage=60),
            transport=httpx.MockTransport(handler),
            sleep=time.sleep,
            clock=time.now,
            monotonic=time.monotonic,
            **more,
        )

    return make


@pytest.fixture
def client(krea: FakeKrea, client_for: Callable[..., KreaClient]) -> KreaClient:
    return client_for(krea)


@pytest.fixture
def broken_stream() -> Callable[[bytes], httpx.AsyncByteStream]:
    """Make a body that breaks off after the given bytes."""

    class Broken(httpx.AsyncByteStream):
        def __init__(self, data: bytes) -> None:
            self._data = data

        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield self._data
            raise httpx.ReadError("connection reset")

    return Broken


@pytest.fixture
def accepted() -> dict[str, Any]:
    job: dict[str, Any] = json.loads(
        '{"job_id": "j-1", "status": "queued", "created_at": "2026-11-21T10:00:00.000Z", "completed_at": null, "result": null}'
    )
    return job
