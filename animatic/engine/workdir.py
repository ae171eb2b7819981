"""The folder that a run works in: downloads, frames and reels on their way.

Removed at the end of the run, or by a later one if its process died.

Below the state folder rather than the system's temporary one: a killed run leaves clips behind, and somebody must know whose they are.
"""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from animatic.errors import StorageError
from animatic.home import OWN_FOLDER, part_of
from animatic.storage import StorageRefusedError

LOCK = "lock"


@contextlib.contextmanager
def working_folder(home: Path) -> Iterator[Path]:
    """Make a folder below ``home``, locked while this process uses it. Raises StorageError where that cannot be written."""
    shelf = home / "work"
    try:
        part_of(home, "work")
        folder = Path(tempfile.mkdtemp(prefix="run-", dir=shelf))
        lock = (folder / LOCK).open("w")
    except OSError as error:
        raise StorageError(f"cannot work in {shelf}: {error.strerror}", hint=OWN_FOLDER) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _sweep(shelf)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def on_disk(folder: Path) -> Iterator[None]:
    """Turn what the local disk refuses (it is full, it was unmounted) into a StorageError: what was paid for is fetched again later."""
    try:
        yield
    except OSError as error:
        raise StorageRefusedError(
            f"cannot work in {folder}: {error.strerror or error}",
            hint="free some space there, or set ANIMATIC_HOME to another disk; then run again: nothing is paid twice",
        ) from error


def _sweep(shelf: Path) -> None:
    """Remove what dead processes left: the kernel let go of their locks."""
    for folder in shelf.glob("run-*"):
        # One without its lock was made a moment ago, or is being removed.
        with contextlib.suppress(OSError), (folder / LOCK).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
