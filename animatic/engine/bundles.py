"""Keeps declarations in a bucket, as they were deployed: a worker without the folder fetches the one that its run means, or none.

A bundle is a pipelines file with all files that it names. What lies in the bucket is named by its content and never changes: first the
files, then the list of them, so that a list that is there is whole, and runs of an earlier version find theirs. What is fetched is compared
with its name, file by file; whatever differs is not what was deployed, and is refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animatic.errors import StorageError, UsageError
from animatic.files import TEMPORARY, make_private, sha256_of
from animatic.plan.carried import CarriedFiles
from animatic.spec.declare import ENDINGS
from animatic.storage import Storage, StorageRefusedError

BUNDLES = ".declarations"
"""Folder of the bucket, below the prefix, that holds bundles and nothing else."""
VERSION = 1
HOW_TO_DEPLOY_AGAIN = "put it there again: `animatic deploy --pull {}`"
_CONTENT_TYPE = "application/octet-stream"
_AT_ONCE = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class BundledFile:
    """Content of one file, by its hash; bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundle:
    """The list of a declaration's files, by their names below a common folder."""

    start: str
    """Folder of the pipelines file below the common one; empty where they are the same."""
    files: Mapping[str, BundledFile]

    def to_bytes(self) -> bytes:
        """Return the list as it lies in the bucket: the same bytes for the same files."""
        files = {name: {"sha256": file.sha256, "size": file.size} for name, file in self.files.items()}
        return json.dumps({"version": VERSION, "start": self.start, "files": files}, sort_keys=True, indent=1).encode()

    @property
    def sha256(self) -> str:
        """Return what the bundle is named by."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def bundle_of(carried: CarriedFiles) -> Bundle:
    """Return the bundle of files of this machine. Raises UsageError for one that cannot be read."""
    files: dict[str, BundledFile] = {}
    for name, path in carried.files.items():
        try:
            files[name] = BundledFile(sha256=sha256_of(path), size=path.stat().st_size)
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror}", hint="nothing was deployed") from None
    changed = [carried.files[name] for name, sha256 in carried.declared.items() if files[name].sha256 != sha256]
    if changed:
        raise UsageError(f"{changed[0]} changed while it was read", hint="deploy again; nothing was deployed")
    return Bundle(start=carried.start, files=files)


async def put_bundle(storage: Storage, bundle: Bundle, carried: CarriedFiles) -> int:
    """Put a bundle into a bucket, its list last; returns how many of its files were not there before.

    Raises UsageError where a file changed meanwhile, StorageError.
    """
    gate = asyncio.Semaphore(_AT_ONCE)

    async def put(name: str, file: BundledFile) -> bool:
        async with gate:
            key = _file_key(file.sha256)
            if await storage.digest(key) == file.sha256:
                return False
            if await asyncio.to_thread(sha256_of, carried.files[name]) != file.sha256:
                raise UsageError(f"{carried.files[name]} changed while it was put there", hint="deploy again; nothing was deployed")
            if not await storage.store(key, carried.files[name], content_type=_CONTENT_TYPE, sha256=file.sha256):
                raise StorageRefusedError(
                    f"{storage.location(key)} is there already and is something else", hint="remove it, then deploy again"
                )
            return True

    contents = {file.sha256: (name, file) for name, file in bundle.files.items()}
    stored = await asyncio.gather(*(put(name, file) for name, file in contents.values()))
    key = _list_key(bundle.sha256)
    if not await storage.create(key, bundle.to_bytes()):
        raise StorageRefusedError(f"{storage.location(key)} is there already and is something else", hint="remove it, then deploy again")
    return sum(stored)


async def fetch_bundle(storage: Storage, sha256: str, folder: Path) -> Path:
    """Bring a bundle into a folder of this machine, whole; returns the folder of its pipelines file.

    What is there already and is right stays. Raises StorageRefusedError where something is missing in the bucket or is not what was
    deployed; StorageError.
    """
    bundle = await _read(storage, sha256)
    try:
        make_private(folder)
    except OSError as error:
        raise _unwritable(folder, error) from None
    gate = asyncio.Semaphore(_AT_ONCE)

    async def bring(name: str, file: BundledFile) -> None:
        target = folder / name
        async with gate:
            if not await asyncio.to_thread(_is, target, file):
                await _fetch(storage, name, file, target)

    await asyncio.gather(*(bring(name, file) for name, file in bundle.files.items()))
    start = folder / bundle.start
    _refuse_strangers(start, {folder / name for name in bundle.files})
    return start


async def _read(storage: Storage, sha256: str) -> Bundle:
    key = _list_key(sha256)
    data = await storage.read(key)
    if data is None:
        raise _gone(storage, key)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise _another(storage, key)
    values: Any = json.loads(data)
    if values.get("version") != VERSION:
        raise StorageRefusedError(
            f"{storage.location(key)} was written by another version of animatic", hint="install the version here that deploys"
        )
    files = {name: BundledFile(sha256=file["sha256"], size=file["size"]) for name, file in values["files"].items()}
    outside = [name for name in (*files, values["start"] or ".") if Path(name).is_absolute() or ".." in name.split("/")]
    if outside:
        raise StorageRefusedError(f"{storage.location(key)} names a file outside of its folder: {outside[0]}", hint="deploy again")
    return Bundle(start=values["start"], files=files)


async def _fetch(storage: Storage, name: str, file: BundledFile, target: Path) -> None:
    """Fetch one file, compare it with its name, and only then put it where it is looked for."""
    key = _file_key(file.sha256)
    arriving = target.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
    try:
        if not await storage.fetch(key, arriving):
            raise _gone(storage, key, name)
        if not await asyncio.to_thread(_is, arriving, file):
            raise _another(storage, key, name)
        arriving.replace(target)
    except OSError as error:
        raise _unwritable(target, error) from None
    finally:
        with contextlib.suppress(OSError):  # no file where its folder is none: that is answered above
            arriving.unlink()


def _refuse_strangers(start: Path, ours: set[Path]) -> None:
    """Refuse further pipelines files in a folder of them: they were not deployed, and would be read."""
    strange = sorted(path for path in start.iterdir() if path.suffix in ENDINGS and path not in ours)
    if strange:
        raise StorageRefusedError(f"{strange[0]} is not part of what was deployed", hint=f"remove it: {start} is a copy of the bucket's")


def _is(path: Path, file: BundledFile) -> bool:
    try:
        return path.stat().st_size == file.size and sha256_of(path) == file.sha256
    except OSError:
        return False


def _unwritable(path: Path, error: OSError) -> StorageError:
    return StorageError(f"cannot write {path}: {error.strerror}", hint="make room there, or set ANIMATIC_HOME to another folder")


def _gone(storage: Storage, key: str, name: str | None = None) -> StorageRefusedError:
    what = "the declaration that was deployed" if name is None else f"{name} of the declaration that was deployed"
    return StorageRefusedError(
        f"{what} is not in the bucket any more: there is no {storage.location(key)}", hint=HOW_TO_DEPLOY_AGAIN.format(_place(storage))
    )


def _another(storage: Storage, key: str, name: str | None = None) -> StorageRefusedError:
    what = "the declaration" if name is None else name
    return StorageRefusedError(
        f"{what} is not what was deployed: {storage.location(key)} holds something else",
        hint=f"somebody has changed it: remove it, then {HOW_TO_DEPLOY_AGAIN.format(_place(storage))}",
    )


def _place(storage: Storage) -> str:
    return storage.url.removesuffix(f"/{BUNDLES}")


def _file_key(sha256: str) -> str:
    return f"files/{sha256}"


def _list_key(sha256: str) -> str:
    return f"{sha256}.json"
