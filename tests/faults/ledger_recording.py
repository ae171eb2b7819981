"""A storage whose process dies at a chosen write."""

from __future__ import annotations

from typing import Any

from animatic.storage import Storage


class CrashError(BaseException):
    """The process is gone. Not an Exception, so that no handler of the product mistakes it for an error that it can treat."""


class CrashingStorage:
    """Passes everything on until ``writes_left`` half-writes are used up.

    Each ``create`` has two crash points: before it lands, and after it landed while its caller never hears of it.
    """

    def __init__(self, inner: Storage, writes_left: int) -> None:
        self.inner = inner
        self.writes_left = writes_left

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def create(self, key: str, data: bytes) -> bool:
        self.spend()
        created = await self.inner.create(key, data)
        self.spend()
        return created

    async def read(self, key: str) -> bytes | None:
        self.live()
        return await self.inner.read(key)

    def spend(self) -> None:
        self.live()
        self.writes_left -= 1

    def live(self) -> None:
        if self.writes_left <= 0:
            raise CrashError
