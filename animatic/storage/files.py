"""Files that appear whole or not at all, and listing them.

Everything is written to a temporary name beside its target, brought to the disk, and then linked (only if absent) or renamed (replacing), so
that a crash leaves nothing but a temporary file, and a reader never sees a part.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from animatic.errors import StorageError
from animatic.storage.protocol import TEMPORARY, Entry, StorageRefusedError

CHUNK = 1 << 20
STALE_AFTER = 24 * 3600.0
"""Seconds after which a temporary file belongs to nobody any more."""

Fill = Callable[[BinaryIO], object]

ADVICE = {
    errno.ENOSPC: ("the disk is full", "free some space, or deliver elsewhere"),
    errno.EDQUOT: ("the disk quota is used up", "free some space, or deliver elsewhere"),
    errno.EROFS: ("the file system is read-only", "deliver to a folder that can be written"),
    errno.EACCES: ("permission denied", "give this user the right to it, or deliver elsewhere"),
    errno.EPERM: ("not permitted", "give this user the right to it, or deliver elsewhere"),
    errno.ENOTDIR: ("a file stands where a folder is needed", "move that file away, or deliver elsewhere"),
    errno.EEXIST: ("a file stands where a folder is needed", "move that file away, or deliver elsewhere"),
    errno.EISDIR: ("a folder stands where a file is needed", "move that folder away"),
    errno.ENAMETOOLONG: ("the name is too long for this file system", "deliver to a folder with a shorter path"),
    errno.ELOOP: ("symbolic links lead in a circle", "repair the links, or deliver elsewhere"),
    errno.ENOENT: ("there is no such folder, and none can be made", "create the folder, or deliver elsewhere"),
}
MAY_PASS = frozenset({errno.EIO, errno.ESTALE, errno.EAGAIN, errno.EBUSY, errno.EINTR, errno.EMFILE, errno.ENFILE, errno.ETIMEDOUT})
NO_HARD_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


class _NoHardLinksError(OSError):
    """The file system cannot make a complete file appear only if none is there."""


@contextmanager
def explained(doing: str, path: Path) -> Iterator[None]:
    """Turn an OSError into a StorageError that names the path and says what to do."""
    try:
        yield
    except _NoHardLinksError as error:
        raise StorageRefusedError(
            f"cannot {doing} {path}: this file system has no hard links, and without them a record cannot be made exactly once",
            hint="deliver to a folder on another disk, or to s3://",
        ) from error
    except OSError as error:
        if error.errno in MAY_PASS:
            raise StorageError(
                f"cannot {doing} {path}: {error.strerror}", hint="try again; if it stays, look at the disk or mount"
            ) from error
        reason, hint = ADVICE.get(error.errno or 0, (error.strerror or type(error).__name__, "look at the folder and its permissions"))
        raise StorageRefusedError(f"cannot {doing} {path}: {reason}", hint=hint) from error


def create_exclusively(target: Path, fill: Fill) -> bool:
    """Create the file with what ``fill`` writes, durably; False if something is there already (which is left alone)."""
    with _temporary(target, fill) as temporary:
        try:
            os.link(temporary, target)
        except FileExistsError:
            # A network file system may have made the link and lost the answer: then both names are one file.
            if not temporary.samefile(target):
                return False
        except OSError as error:
            if error.errno in NO_HARD_LINKS:
                raise _NoHardLinksError(*error.args) from error
            raise
    _sync_folder(target.parent)
    return True


def replace_whole(target: Path, fill: Fill) -> None:
    """Write or replace the file in one step: readers see the old or the new."""
    with _temporary(target, fill) as temporary:
        temporary.replace(target)
    _sync_folder(target.parent)


def copy_from(source: Path) -> Fill:
    """Return a ``fill`` that copies the file."""

    def fill(file: BinaryIO) -> None:
        with source.open("rb") as reader:
            while chunk := reader.read(CHUNK):
                file.write(chunk)

    return fill


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of the file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def entry_of(path: Path, key: str) -> Entry | None:
    """Return size and time of the file, None if there is none (a folder is none)."""
    try:
        facts = path.stat()
    except FileNotFoundError:
        return None
    if path.is_dir():
        return None
    return Entry(key, facts.st_size, datetime.fromtimestamp(facts.st_mtime, UTC))


def entries_below(root: Path, prefix: str) -> Iterator[Entry]:
    """Yield all files whose path relative to the root starts with the prefix; temporary files left behind long ago are removed."""
    start = prefix.rpartition("/")[0]
    folders = [(root / start, f"{start}/" if start else "")]
    while folders:
        folder, above = folders.pop()
        try:
            children = list(os.scandir(folder))
        except FileNotFoundError:  # nothing there, or removed meanwhile
            continue
        for child in children:
            key = above + child.name
            if child.name.startswith(TEMPORARY):
                _remove_stale(Path(child.path))
            elif child.is_dir(follow_symlinks=False):
                if f"{key}/".startswith(prefix) or prefix.startswith(f"{key}/"):
                    folders.append((Path(child.path), f"{key}/"))
            elif key.startswith(prefix) and (entry := entry_of(Path(child.path), key)):
                yield entry


def nearest_folder(path: Path) -> Path:
    """Return the path itself or the closest one above it that exists."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def remove_empty(folder: Path, *, up_to: Path) -> None:
    """Remove the folder and those above it as long as they are empty; ``up_to`` itself stays."""
    while up_to in folder.parents:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def _remove_stale(path: Path) -> None:
    try:
        if time.time() - path.stat().st_mtime > STALE_AFTER:
            path.unlink()
    except OSError:
        pass  # its writer or another reader was quicker, or it is not ours to remove


@contextmanager
def _temporary(target: Path, fill: Fill) -> Iterator[Path]:
    """Write a temporary file beside the target and bring it to the disk; it is gone afterwards, renamed or not."""
    path = target.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
    descriptor = _open_new(path)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            fill(file)
            file.flush()
            os.fsync(descriptor)
        yield path
    finally:
        path.unlink(missing_ok=True)


def _open_new(path: Path) -> int:
    """Create the file (by the user's own umask, which ``tempfile`` would ignore) and the folders above it."""
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
    for _ in range(100):
        try:
            return os.open(path, flags, 0o666)
        except FileNotFoundError:
            # Again and again: another process may be removing empty folders at this moment.
            _make_folder(path.parent)
    return os.open(path, flags, 0o666)


def _make_folder(folder: Path) -> None:
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        try:
            new.mkdir(exist_ok=True)
        except FileNotFoundError:
            return
        _sync_folder(new.parent)


def _sync_folder(folder: Path) -> None:
    """Bring new names to the disk, where folders can be synced (not on Windows)."""
    if sys.platform == "win32":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
