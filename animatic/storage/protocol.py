"""What every home of clips and records can do. Two implementations: a folder and S3."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Entry:
    """One stored object: its key below the storage's root, bytes, and when it was last written (UTC)."""

    key: str
    size: int
    modified: datetime


class Storage(Protocol):
    """Keys are relative, ``/``-separated, and never start with ``/`` or hold ``..``. All errors are StorageError."""

    @property
    def url(self) -> str:
        """The root as the user wrote it: ``s3://bucket/prefix`` or an absolute folder."""
        ...

    def location(self, key: str) -> str:
        """How the manifest names the object: ``s3://...``, or the key itself (relative to the destination) for a folder."""
        ...

    def below(self, prefix: str) -> Storage:
        """Return the same home, rooted one level deeper (``simulated``)."""
        ...

    async def check(self) -> None:
        """Prove that objects can be written, read, listed and created only if absent; leave nothing behind.

        Raises StorageError with what is missing (no bucket, no permission, read-only, conditional writes ignored).
        """
        ...

    async def create(self, key: str, data: bytes) -> bool:
        """Create a small object only if none is there, durably. False: somebody else's is there.

        An answer lost to the network never makes a writer lose to itself: an object with exactly these bytes counts as ours, so records carry
        a random ``write_id``.
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
        """Copy within this home only if the target is absent; False: the target was there. StorageError if the source is not."""
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
