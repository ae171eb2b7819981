"""The proof that a home can be trusted with records of money, made once at the start of a run."""

from __future__ import annotations

import secrets

from animatic.errors import StorageError
from animatic.storage.errors import StorageRefusedError
from animatic.storage.protocol import Storage

FOLDER = ".animatic/probe/"


async def probe(storage: Storage) -> None:
    """Create, refuse to create again, read, list and delete one object.

    Raises StorageError with the reason. Some servers that speak S3 ignore ``If-None-Match`` and overwrite: two workers would then both
    believe that they may submit, and a shot would be paid for twice.
    """
    key = f"{FOLDER}{secrets.token_hex(8)}"
    ours, other = secrets.token_bytes(16), secrets.token_bytes(16)
    _expect(await storage.create(key, ours), storage, "an object that was just created is not there")
    try:
        _expect(not await storage.create(key, other), storage, "it overwrites objects that must be created only once")
        _expect(await storage.read(key) == ours, storage, "what is read is not what was written")
        _expect(key in {entry.key for entry in await storage.list(FOLDER)}, storage, "a new object is missing from its list")
    except StorageError:
        await _delete_quietly(storage, key)
        raise
    await storage.delete(key)
    _expect(await storage.read(key) is None, storage, "a deleted object is still there")


def _expect(truth: bool, storage: Storage, reason: str) -> None:  # noqa: FBT001
    if not truth:
        raise StorageRefusedError(
            f"{storage.url} cannot hold the ledger: {reason}",
            hint="use a folder, Amazon S3, or another store that honors conditional writes (If-None-Match) and reads its own writes",
        )


async def _delete_quietly(storage: Storage, key: str) -> None:
    try:
        await storage.delete(key)
    except StorageError:
        pass  # the reason that is being raised matters more
