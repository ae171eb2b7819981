"""Writes files that appear whole or not at all, hashes them, and makes private folders.

Everything is written to a temporary name beside its target and then linked (only if absent) or renamed (replacing), so that a crash leaves
nothing but a temporary file, and a reader never sees a part. Linux and macOS only: hard links, and folders that can be synced.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

CHUNK_BYTES = 1 << 20
TEMPORARY = ".tmp-"
"""File names that start like this are unfinished: never listed, never a valid part of a key."""
PRIVATE = 0o700
"""Permissions of folders with local state: prompts, messages and clips of unfinished work are nobody else's business."""
NO_HARD_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})

Fill = Callable[[BinaryIO], object]
"""Writes the content into the file that it is given."""


class NoHardLinksError(OSError):
    """The file system cannot make a complete file appear only if none is there."""


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
                raise NoHardLinksError(*error.args) from error
            raise
    _sync_folder(target.parent)
    return True


def replace_whole(target: Path, fill: Fill) -> None:
    """Write or replace the file in one step: readers see the old or the new."""
    with _temporary(target, fill) as temporary:
        temporary.replace(target)
    _sync_folder(target.parent)


def write_whole(target: Path, content: str | bytes) -> None:
    """Write or replace a file with a text (UTF-8) or bytes in one step. Raises OSError; the file is then as it was."""
    data = content.encode() if isinstance(content, str) else content
    replace_whole(target, lambda file: file.write(data))


def is_stream(target: Path) -> bool:
    """Return whether a path names something that is written to and never replaced: a device, a pipe. Raises OSError."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


@contextmanager
def writing_whole(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside the target for code that needs a path to write to; it becomes the target when the block ends well.

    It keeps the target's suffix, by which encoders choose a format. If the block raises, the target is as it was and nothing is left.
    Not synced to the disk, unlike what the functions above write: for files that can be made again.
    """
    path = _temporary_path(target, target.suffix)
    try:
        yield path
        path.replace(target)
    finally:
        path.unlink(missing_ok=True)


def make_private(folder: Path) -> None:
    """Make a folder that its owner alone can look into, and those above it that are missing; one of ours that is there is closed to others.

    One that everybody may write to (``/tmp``), the root and a home folder stay as they are. Raises OSError.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=PRIVATE, exist_ok=True)
    facts = folder.stat()
    shared = facts.st_mode & stat.S_ISVTX or folder.absolute() in {Path("/"), Path.home()}
    if facts.st_uid == os.geteuid() and stat.S_IMODE(facts.st_mode) & ~PRIVATE and not shared:
        with suppress(PermissionError):  # a file system without owners
            folder.chmod(PRIVATE)


def copy_from(source: Path) -> Fill:
    """Return a ``fill`` that copies the file."""

    def fill(file: BinaryIO) -> None:
        with source.open("rb") as reader:
            while chunk := reader.read(CHUNK_BYTES):
                file.write(chunk)

    return fill


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of the file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _temporary(target: Path, fill: Fill) -> Iterator[Path]:
    """Write a temporary file beside the target and bring it to the disk; it is gone afterwards, renamed or not."""
    path = _temporary_path(target)
    descriptor = _open_new(path)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            fill(file)
            file.flush()
            os.fsync(descriptor)
        yield path
    finally:
        path.unlink(missing_ok=True)


def _temporary_path(target: Path, suffix: str = "") -> Path:
    return target.with_name(f"{TEMPORARY}{secrets.token_hex(8)}{suffix}")


def _open_new(path: Path) -> int:
    """Create the file (by the user's own umask, which ``tempfile`` would ignore) and the folders above it."""
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
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
            new.mkdir()
        except FileNotFoundError:
            return
        except FileExistsError:
            # Not ``exist_ok``, which raises where somebody else made the folder and somebody cleared it away before it was looked at.
            if not new.is_dir() and os.path.lexists(new):
                raise
            continue
        _sync_folder(new.parent)


def _sync_folder(folder: Path) -> None:
    """Bring new names to the disk."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
