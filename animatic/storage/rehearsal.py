"""A storage that is read as it is and written in memory alone: what would come of a change to a ledger, without the change."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from animatic.storage.protocol import Entry, Storage


class _Rehearsal:
    """Small objects that are created here are seen here; everything else is that of the storage behind."""

    def __init__(self, behind: Storage) -> None:
        self._behind = behind
        self._created: dict[str, bytes] = {}

    def __getattr__(self, name: str) -> Any:
        if name in {"write", "store", "copy", "delete"}:
            raise AttributeError(f"a rehearsal does not {name}")
        return getattr(self._behind, name)

    async def create(self, key: str, data: bytes) -> bool:
        """Create a small object unless one is there or was created here."""
        if key in self._created or await self._behind.head(key) is not None:
            return self._created.get(key) == data
        self._created[key] = data
        return True

    async def read(self, key: str) -> bytes | None:
        """Return an object's bytes, None if there is none."""
        return self._created[key] if key in self._created else await self._behind.read(key)

    async def head(self, key: str) -> Entry | None:
        """Return what is known of an object, None if there is none."""
        return self._entry(key) if key in self._created else await self._behind.head(key)

    async def list(self, prefix: str = "") -> list[Entry]:
        """Return the objects whose keys begin with the prefix, by key."""
        found = [*await self._behind.list(prefix), *(self._entry(key) for key in self._created if key.startswith(prefix))]
        return sorted(found, key=lambda entry: entry.key)

    def _entry(self, key: str) -> Entry:
        return Entry(key=key, size=len(self._created[key]), modified=datetime.now(UTC))


def rehearsal(storage: Storage) -> Storage:
    """Return a storage in which records can be created, and that leaves ``storage`` as it is. It creates, reads and lists; no more."""
    return cast("Storage", _Rehearsal(storage))
