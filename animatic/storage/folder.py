"""Stores clips and records in a folder: the embedded default. Needs a file system with hard links (not FAT or exFAT).

A folder that is moved away, or whose disk is unmounted, in the middle of a run looks like an empty one. So a record that was created
there is remembered, and nothing more is done in a place from which it is gone: what records say was paid for would be paid for again.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from animatic.files import copy_from, create_exclusively, replace_whole, sha256_of
from animatic.storage import files
from animatic.storage.protocol import PROBE_PREFIX, Entry, StorageRefusedError, Threads, check_key, check_prefix, probe


class FolderStorage:
    """A folder as a Storage. Copies are plain copies: editing a delivered clip never damages the take that it came from."""

    def __init__(self, destination: Path, *, prefix: str = "", threads: Threads | None = None) -> None:
        self._destination = destination
        self._prefix = prefix
        self._root = destination / prefix
        self._threads = threads or Threads()
        self._witness: str | None = None
        """Key of a record that was created here: records stay."""

    def __repr__(self) -> str:
        return f"FolderStorage({self.url!r})"

    @property
    def url(self) -> str:
        """The absolute folder."""
        return str(self._root)

    def location(self, key: str) -> str:
        """Return the key relative to the destination, ``simulated/`` included."""
        return f"{self._prefix}{check_key(key)}"

    def on_this_machine(self, key: str) -> Path:
        """Return the file."""
        return self._path(key)

    def below(self, prefix: str) -> FolderStorage:
        """Return the same folder, rooted deeper."""
        return FolderStorage(self._destination, prefix=f"{self._prefix}{check_key(prefix)}/", threads=self._threads)

    async def check(self) -> None:
        """Prove that the folder can be used; folders made for the proof are removed again."""
        present = await self._threads.run(files.nearest_folder, self._root)
        await probe(self)
        await self._threads.run(files.remove_empty, self._root, up_to=present)

    async def create(self, key: str, data: bytes) -> bool:
        """Create a record only if none is there; one with equal bytes counts as ours."""
        return await self._threads.run(self._create, key, data)

    async def read(self, key: str) -> bytes | None:
        """Return the file's bytes, None if there is none."""
        return await self._threads.run(self._read, key)

    async def write(self, key: str, data: bytes, *, content_type: str) -> None:
        """Write or replace in one step. A folder keeps no content type: names tell it."""
        del content_type
        await self._threads.run(self._write, key, data)

    async def store(self, key: str, source: Path, *, content_type: str, sha256: str) -> bool:
        """Copy a local file there only if absent; a file with the same SHA-256 counts as ours."""
        del content_type
        return await self._threads.run(self._store, key, source, sha256)

    async def fetch(self, key: str, target: Path) -> bool:
        """Copy out to a local file; False if there is none."""
        return await self._threads.run(self._fetch, key, target)

    async def copy(self, source: str, target: str) -> bool:
        """Copy within the folder only if the target is absent."""
        return await self._threads.run(self._copy, source, target)

    async def head(self, key: str) -> Entry | None:
        """Return size and time of the file, None if there is none."""
        return await self._threads.run(self._head, key)

    async def digest(self, key: str) -> str | None:
        """Return the SHA-256 of the file, None if there is none."""
        return await self._threads.run(self._digest, key)

    async def list(self, prefix: str) -> list[Entry]:
        """Return all files whose key starts with the prefix, by key."""
        return list(await self._threads.run(self._entries, prefix))

    async def delete(self, key: str) -> None:
        """Remove the file, and the folders that this leaves empty."""
        await self._threads.run(self._delete, key)

    def _path(self, key: str) -> Path:
        self._require_there()
        return self._root / check_key(key)

    def _require_there(self) -> None:
        """Raise StorageRefusedError where the folder is not the one any more that it was."""
        witness = self._witness
        try:
            if witness is None or (self._root / witness).exists() or witness != self._witness:  # the last: removed by us, meanwhile
                return
        except OSError:  # what was to be done there tells it better
            return
        raise StorageRefusedError(
            f"{self._root} is not what it was: it was moved, emptied or unmounted since {witness} was written there",
            hint="bring it back as it was: nothing more is written there or paid for, and `animatic resume` goes on then",
        )

    def _create(self, key: str, data: bytes) -> bool:
        path = self._path(key)
        with files.explained("create", path):
            created = create_exclusively(path, lambda file: file.write(data)) or path.read_bytes() == data
        if created and self._witness is None and not key.startswith(PROBE_PREFIX):
            self._witness = key
        return created

    def _read(self, key: str) -> bytes | None:
        path = self._path(key)
        with files.explained("read", path):
            try:
                return path.read_bytes()
            except (FileNotFoundError, IsADirectoryError):
                return None

    def _write(self, key: str, data: bytes) -> None:
        path = self._path(key)
        with files.explained("write", path):
            replace_whole(path, lambda file: file.write(data))

    def _store(self, key: str, source: Path, sha256: str) -> bool:
        path = self._path(key)
        with files.explained("read", source):
            size, actual = source.stat().st_size, sha256_of(source)
        if actual != sha256:
            raise StorageRefusedError(
                f"{source} does not have the SHA-256 that it was made with", hint="it was changed meanwhile: run again"
            )
        with files.explained("store", path):
            if not path.exists() and create_exclusively(path, copy_from(source)):
                return True
            return path.stat().st_size == size and sha256_of(path) == sha256

    def _fetch(self, key: str, target: Path) -> bool:
        path = self._path(key)
        if self._head(key) is None:
            return False
        with files.explained("copy to", target):
            replace_whole(target, copy_from(path))
        return True

    def _copy(self, source: str, target: str) -> bool:
        origin, path = self._path(source), self._path(target)
        if self._head(source) is None:
            raise StorageRefusedError(
                f"cannot copy {origin}: there is no such file", hint="it was removed from outside: run again with --fresh"
            )
        with files.explained("copy to", path):
            return not path.exists() and create_exclusively(path, copy_from(origin))

    def _head(self, key: str) -> Entry | None:
        path = self._path(key)
        with files.explained("look at", path):
            return files.entry_of(path, key)

    def _digest(self, key: str) -> str | None:
        path = self._path(key)
        with files.explained("read", path):
            try:
                return sha256_of(path)
            except (FileNotFoundError, IsADirectoryError):
                return None

    def _entries(self, prefix: str) -> Iterable[Entry]:
        check_prefix(prefix)
        self._require_there()
        with files.explained("list", self._root):
            return sorted(files.entries_below(self._root, prefix), key=lambda entry: entry.key)

    def _delete(self, key: str) -> None:
        path = self._path(key)
        if key == self._witness:
            self._witness = None
        with files.explained("delete", path):
            path.unlink(missing_ok=True)
        files.remove_empty(path.parent, up_to=self._root)
