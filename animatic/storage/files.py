"""Lists the files of a folder, and turns what the file system refuses into errors that say what to do."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from animatic.errors import StorageError
from animatic.files import TEMPORARY, NoHardLinksError
from animatic.storage.protocol import Entry, StorageRefusedError

STALE_SECONDS = 24 * 3600.0
"""Age at which a temporary file belongs to nobody any more."""

REASONS_AND_HINTS = {
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
PASSING = frozenset({errno.EIO, errno.ESTALE, errno.EAGAIN, errno.EBUSY, errno.EINTR, errno.EMFILE, errno.ENFILE, errno.ETIMEDOUT})


@contextmanager
def explained(doing: str, path: Path) -> Iterator[None]:
    """Turn an OSError into a StorageError that names the path and says what to do."""
    try:
        yield
    except NoHardLinksError as error:
        raise StorageRefusedError(
            f"cannot {doing} {path}: this file system has no hard links, and without them a record cannot be made exactly once",
            hint="deliver to a folder on another disk, or to s3://",
        ) from error
    except OSError as error:
        if error.errno in PASSING:
            raise StorageError(
                f"cannot {doing} {path}: {error.strerror}", hint="try again; if it stays, look at the disk or mount"
            ) from error
        reason, hint = REASONS_AND_HINTS.get(
            error.errno or 0, (error.strerror or type(error).__name__, "look at the folder and its permissions")
        )
        raise StorageRefusedError(f"cannot {doing} {path}: {reason}", hint=hint) from error


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
        if time.time() - path.stat().st_mtime > STALE_SECONDS:
            path.unlink()
    except OSError:
        pass  # its writer or another reader was quicker, or it is not ours to remove
