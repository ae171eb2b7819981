"""A ledger in a folder, a clock that is set by hand, and short ways to make records."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from animatic.errors import StorageError
from animatic.ledger import Intent, Ledger
from animatic.storage import Storage, open_storage
from animatic.storage.folder import FolderStorage

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAWN = "da" * 32
Intend = Callable[..., Awaitable[Any]]


class CountingStorage(FolderStorage):
    def __init__(self, destination: Path) -> None:
        super().__init__(destination)
        self.reads = 0
        self.read_only = False

    async def read(self, key: str) -> bytes | None:
        self.reads += 1
        return await super().read(key)

    async def create(self, key: str, data: bytes) -> bool:
        if self.read_only:
            raise StorageError("access denied")
        return await super().create(key, data)


def fingerprint(n: int) -> str:
    return f"{n:02x}" * 32


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **delta: float) -> None:
        self.now += timedelta(**delta)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage(str(tmp_path / "out"))


@pytest.fixture
def ledger(storage: Storage, clock: Clock) -> Ledger:
    return Ledger(storage, clock=clock)


@pytest.fixture
def intend(ledger: Ledger) -> Intend:
    async def intend(fingerprint: str = DAWN, attempt: int = 1, **changes: Any) -> Intent | None:
        fields: dict[str, Any] = {
            "model": "xai/grok-video",
            "endpoint": "/generate/video/xai/grok-video",
            "pipeline": "coast-teaser",
            "step": "dawn",
            "run_id": "20261121T120000Z-4f3a",
            "usd": Decimal("0.42"),
            "deadline_seconds": 120.0,
        }
        return await ledger.submissions.intend(fingerprint=fingerprint, attempt=attempt, **(fields | changes))

    return intend
