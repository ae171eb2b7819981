"""Records as JSON objects in a storage: written once, read back typed, damaged ones named."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from animatic.storage import Storage, StorageRefusedError

VERSION = 1

T = TypeVar("T")

_adapters: dict[type[Any], TypeAdapter[Any]] = {}


def random_id() -> str:
    """Return 128 random bits in hex."""
    return secrets.token_hex(16)


class Shelf:
    """What all parts of the ledger share: a storage, a clock (aware, UTC) and a source of random ids."""

    def __init__(self, storage: Storage, *, clock: Callable[[], datetime], new_id: Callable[[], str] = random_id) -> None:
        self._storage = storage
        self._clock = clock
        self._new_id = new_id

    async def _create(self, key: str, record: object) -> bool:
        """Write the record if the key is free. A random ``write_id`` tells our own record from an equal one of somebody else."""
        return await self._storage.create(key, _encode(record, self._new_id()))

    async def _read(self, key: str, kind: type[T]) -> T | None:
        """Return the record, None if there is none. StorageError if it is damaged or of a later version."""
        data = await self._storage.read(key)
        return None if data is None else self._decode(key, data, kind)

    async def _first(self, key: str, record: T) -> T:
        """Write the record if the key is free, and return what stands there."""
        if await self._create(key, record):
            return record
        standing = await self._read(key, type(record))
        if standing is None:
            raise StorageRefusedError(
                f"{self._storage.location(key)} was there and is gone", hint="records must not be removed: restore it"
            )
        return standing

    def _decode(self, key: str, data: bytes, kind: type[T]) -> T:
        where = self._storage.location(key)
        try:
            fields = json.loads(data)
            version = fields["version"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise _damaged(where, "it is no JSON record with a version") from error
        if version != VERSION:
            raise StorageRefusedError(f"{where} has version {version!r}; this animatic reads version {VERSION}", hint="upgrade animatic")
        try:
            return _adapter(kind).validate_python(fields)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise _damaged(where, f"{'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}") from error


def _encode(record: object, write_id: str) -> bytes:
    fields = _adapter(type(record)).dump_python(record, mode="json")
    return json.dumps({"version": VERSION, "write_id": write_id, **fields}, indent=1, ensure_ascii=False, allow_nan=False).encode()


def _damaged(where: str, reason: str) -> StorageRefusedError:
    return StorageRefusedError(
        f"{where} is damaged: {reason}", hint="restore it from a backup; without it nobody knows whether that submission was paid for"
    )


def _adapter(kind: type[T]) -> TypeAdapter[T]:
    """Return the reader and writer of a kind of record; making one takes milliseconds."""
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]
