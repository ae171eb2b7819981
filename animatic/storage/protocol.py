"""The Storage protocol, and what its two implementations share: rules for keys, the proof that a place can be used, threads.

Keys are relative and ``/``-separated. All errors are StorageError, which may pass, or StorageRefusedError, which stays until somebody acts.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

from animatic.errors import StorageError
from animatic.files import TEMPORARY

MAX_KEY_BYTES = 900
"""S3 allows 1,024 for prefix and key together."""
MAX_CONCURRENT_CALLS = 16
"""Blocking calls of one storage that run at once: enough for a disk as for the connection pool of an S3 client."""
PROBE_PREFIX = ".animatic/probe/"

T = TypeVar("T")
P = ParamSpec("P")


class StorageRefusedError(StorageError):
    """Trying again cannot help: no permission, no bucket, a full or read-only disk, a damaged record. The hint says what to do."""

    code = "storage_refused"
    retryable = False


class DamagedRecordError(StorageRefusedError):
    """One object was read, and is not what was written there: torn, foreign, or of a later version. The place itself can be used."""

    code = "damaged_record"


def check_key(key: str) -> str:
    """Return the key itself.

    Raises StorageRefusedError if it is empty, absolute, too long, holds ``.``, ``..``, an empty part, a backslash or a control character,
    or has a part that looks like an unfinished file.
    """
    if problem := _problem(key):
        raise StorageRefusedError(f"{key!r} is no usable storage key: {problem}", hint="use relative names, parts separated by '/'")
    return key


def check_prefix(prefix: str) -> str:
    """Return the prefix itself: empty, or the beginning of valid keys (with or without a ``/`` at its end)."""
    if prefix:
        check_key(prefix.removesuffix("/"))
    return prefix


def _problem(key: str) -> str | None:
    if any(ord(character) < 32 or character == "\\" for character in key):  # noqa: PLR2004
        return "it holds a backslash or a control character"
    if len(key.encode(errors="replace")) > MAX_KEY_BYTES:
        return f"it is longer than {MAX_KEY_BYTES} bytes"
    for part in key.split("/"):
        if part in {"", ".", ".."}:
            return "a part of it is empty, '.' or '..'"
        if part.startswith(TEMPORARY):
            return f"names that start with {TEMPORARY!r} mark unfinished files"
    return None


@dataclass(frozen=True, slots=True)
class Entry:
    """One stored object: its key below the storage's root, bytes, and when it was last written (UTC)."""

    key: str
    size: int
    modified: datetime


class Storage(Protocol):
    """A place for clips and records, below a root. Keys are as `check_key` wants them; all errors are StorageError."""

    @property
    def url(self) -> str:
        """The root as the user wrote it: ``s3://bucket/prefix`` or an absolute folder."""
        ...

    def location(self, key: str) -> str:
        """Return the name of the object in the manifest: ``s3://...``, or the key relative to the destination for a folder."""
        ...

    def on_this_machine(self, key: str) -> Path | None:
        """Return where the object lies as a file that can be read in place; None for a storage that has to fetch it."""
        ...

    def below(self, prefix: str) -> Storage:
        """Return the same storage, rooted one level deeper (``simulated``)."""
        ...

    async def check(self) -> None:
        """Prove that objects can be written, read, listed and created only if absent; leave nothing behind.

        Raises StorageError with what is missing (no bucket, no permission, read-only, conditional writes ignored).
        """
        ...

    async def create(self, key: str, data: bytes) -> bool:
        """Create a small object only if none is there, durably. False: somebody else's is there.

        An answer lost to the network never makes a writer lose to itself: an object with exactly these bytes counts as ours, so records
        carry a random ``write_id``.
        """
        ...

    async def read(self, key: str) -> bytes | None:
        """Return the object's bytes, None if there is none."""
        ...

    async def write(self, key: str, data: bytes, *, content_type: str) -> None:
        """Write or replace a small object in one step: readers see the old or the new, never a part."""
        ...

    async def store(self, key: str, source: Path, *, content_type: str, sha256: str) -> bool:
        """Put a local file there only if absent, with checksums; False: something else was there already and was left alone.

        As with ``create``, an object with the same SHA-256 counts as ours.
        """
        ...

    async def fetch(self, key: str, target: Path) -> bool:
        """Copy the object to a local file (written whole or not at all); False if there is none."""
        ...

    async def copy(self, source: str, target: str) -> bool:
        """Copy within this storage only if the target is absent; False: the target was there. StorageError if the source is not."""
        ...

    async def head(self, key: str) -> Entry | None:
        """Return what is known of the object without reading it, None if there is none."""
        ...

    async def digest(self, key: str) -> str | None:
        """Return the SHA-256 of the object's bytes in hex, None if there is none: by the store's own checksum where it keeps one."""
        ...

    async def list(self, prefix: str) -> list[Entry]:
        """Return all objects whose key starts with ``prefix``, by key."""
        ...

    async def delete(self, key: str) -> None:
        """Remove the object; nothing happens if there is none."""
        ...


async def probe(storage: Storage) -> None:
    """Create, refuse to create again, read, list, copy and delete one object.

    Raises StorageError with the reason. Some servers that speak S3 ignore ``If-None-Match`` and overwrite: two workers would then both
    believe that they may submit, and a shot would be paid for twice.
    """
    key = f"{PROBE_PREFIX}{secrets.token_hex(8)}"
    ours, other = secrets.token_bytes(16), secrets.token_bytes(16)
    _expect(await storage.create(key, ours), storage, "an object that was just created is not there")
    try:
        _expect(not await storage.create(key, other), storage, "it overwrites objects that must be created only once")
        _expect(await storage.read(key) == ours, storage, "what is read is not what was written")
        _expect(key in {entry.key for entry in await storage.list(PROBE_PREFIX)}, storage, "a new object is missing from its list")
        await _probe_copy(storage, key, ours)
    except StorageError:
        await _delete_quietly(storage, key)
        raise
    await storage.delete(key)
    _expect(await storage.read(key) is None, storage, "a deleted object is still there")


async def _probe_copy(storage: Storage, key: str, content: bytes) -> None:
    """Copy an object, as clips are delivered, and refuse to copy it again."""
    copied = f"{key}-copy"
    try:
        await storage.copy(key, copied)  # whether it was there may be the answer after one that was lost: nobody else knows its name
        _expect(await storage.read(copied) == content, storage, "an object is not copied as it was written")
        _expect(not await storage.copy(key, copied), storage, "it copies over objects that are there")
    except StorageError:
        await _delete_quietly(storage, copied)
        raise
    await storage.delete(copied)


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


class Threads:
    """Runs blocking calls of files and of boto3 in threads of their own, off the event loop.

    A caller that is cancelled leaves its call to finish in its thread; every call is written so that finishing late does no harm.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(MAX_CONCURRENT_CALLS, thread_name_prefix="storage")

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call the function in a thread; return or raise what it does."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(function, *args, **kwargs))
