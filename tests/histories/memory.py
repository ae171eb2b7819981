"""A storage in memory, shared by the processes of a history: each operation takes effect at a moment of its own."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from animatic.storage import Storage
from animatic.storage.protocol import Entry, check_key
from tests.histories.loop import PROCESS, HistoryLoop, Process

T = TypeVar("T")
checked = lru_cache(maxsize=10_000)(check_key)


class MemoryStorage:
    """``slow``: seconds that an operation takes at most on its way there, and as many back; 0: it is at once, and only lets others go on.

    What is on its way is done even if the process that asked for it dies meanwhile, as a request to S3 is.
    """

    def __init__(self, loop: HistoryLoop, clock: Callable[[], datetime], *, slow: float, rng: random.Random) -> None:
        self.objects: dict[str, bytes] = {}
        self.written: Callable[[str, Process | None], object] = lambda _key, _process: None
        """Told of each key that was created, and by whom."""
        self.closed = False
        self._loop = loop
        self._clock = clock
        self.slow = slow
        self._rng = rng

    @property
    def url(self) -> str:
        return "/memory"

    def location(self, key: str) -> str:
        return key

    def on_this_machine(self, key: str) -> None:
        """Return nothing: objects are fetched."""
        del key

    def below(self, prefix: str) -> Storage:
        raise NotImplementedError("nothing is simulated here")

    async def check(self) -> None:
        return None

    async def create(self, key: str, data: bytes) -> bool:
        process = PROCESS.get()
        return await self._do(lambda: self._create(key, data, process))

    async def read(self, key: str) -> bytes | None:
        return await self._do(lambda: self.objects.get(checked(key)))

    async def write(self, key: str, data: bytes, *, content_type: str) -> None:
        await self._do(lambda: self.objects.__setitem__(checked(key), data))

    async def store(self, key: str, source: Path, *, content_type: str, sha256: str) -> bool:
        return await self._do(lambda: self._create(key, source.read_bytes()))

    async def fetch(self, key: str, target: Path) -> bool:
        return await self._do(lambda: key in self.objects and target.write_bytes(self.objects[key]) > 0)

    async def copy(self, source: str, target: str) -> bool:
        return await self._do(lambda: self._create(target, self.objects[source]))

    async def head(self, key: str) -> Entry | None:
        data = await self.read(key)
        return None if data is None else self._entry(key, data)

    async def digest(self, key: str) -> str | None:
        data = await self.read(key)
        return None if data is None else hashlib.sha256(data).hexdigest()

    async def list(self, prefix: str) -> list[Entry]:
        return await self._do(lambda: [self._entry(key, self.objects[key]) for key in sorted(self.objects) if key.startswith(prefix)])

    async def delete(self, key: str) -> None:
        await self._do(lambda: self.objects.pop(checked(key), None))

    def _create(self, key: str, data: bytes, process: Process | None = None) -> bool:
        there = self.objects.setdefault(checked(key), data)
        if there is data:
            self.written(key, process)
        return there == data

    def _entry(self, key: str, data: bytes) -> Entry:
        return Entry(key=key, size=len(data), modified=self._clock())

    async def _do(self, operation: Callable[[], T]) -> T:
        if not self.slow or self.closed:
            result = operation()
            await asyncio.sleep(0)
            return result
        done: asyncio.Future[T] = self._loop.create_future()
        self._loop.later(self._rng.uniform(0, self.slow), self._take_effect, operation, done)
        return await done

    def _take_effect(self, operation: Callable[[], T], done: asyncio.Future[T]) -> None:
        result = operation()
        self._loop.later(self._rng.uniform(0, self.slow), lambda: None if done.done() else done.set_result(result))
