"""What the product is given in the place of this machine: processes, a storage, media and chance. All else is its own code."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar
from unittest import mock

import animatic.engine.fetch
import animatic.engine.history
import animatic.krea.wait
import animatic.ledger.owner
import animatic.ledger.records
import animatic.media
from animatic.media.damage import Gap
from animatic.media.facts import Facts
from animatic.media.quality import Finding
from animatic.storage import Storage
from tests.histories.loop import PROCESS, Process

A = TypeVar("A")
B = TypeVar("B")
STORAGE: ContextVar[Storage | None] = ContextVar("storage", default=None)
PROCESSES: dict[tuple[str, int], Process] = {}
"""Those of the history that is being played, by host and process id."""


def identity() -> tuple[str, int, str]:
    """Stand for `animatic.ledger.owner.identity`."""
    process = PROCESS.get()
    return (process.host, process.pid, f"world {process.pid}") if process else ("nowhere", 1, "world 1")


def is_alive(host: str, pid: int, started: str) -> bool | None:
    """Stand for `animatic.ledger.owner.is_alive`: what a process of another machine does, nobody knows here."""
    asking = PROCESS.get()
    if asking is not None and asking.host != host:
        return None
    process = PROCESSES.get((host, pid))
    return process is not None and process.alive


def open_destination(_deliver: str, *, simulated: bool, outage: float = 60.0) -> Storage:
    """Stand for `animatic.engine.history.open_destination`."""
    storage = STORAGE.get()
    assert storage is not None
    return storage


def probe(path: Path) -> Facts:
    """Stand for `animatic.media.probe` and `animatic.media.measure`: a file of a history begins with its name."""
    video = path.read_bytes().partition(b" ")[0].endswith(b".mp4")
    fps, duration, frames = (12.0, 4.0, 48) if video else (None, None, None)
    mime, codec = ("video/mp4", "h264") if video else ("image/png", "png")
    return Facts(mime=mime, width=64, height=48, fps=fps, duration=duration, frames=frames, codec=codec, has_audio=False)


def gaps(_path: Path) -> tuple[Gap, ...]:
    """Stand for `animatic.media.gaps`: no clip of a history is damaged."""
    return ()


def check_take(*_about: object) -> tuple[Finding, ...]:
    """Stand for `animatic.media.check_take`: nothing is to be looked at in a clip of a history, and all of it decodes."""
    return ()


def thumbnail(source: Path, target: Path) -> None:
    """Stand for `animatic.media.thumbnail`."""
    target.write_bytes(b"small " + source.read_bytes())


async def each(function: Callable[[A], Awaitable[B]], items: Iterable[A]) -> list[B]:
    """Stand for `animatic.ledger.records.each`, which starts 32 tasks, however few the items are: most of what a history would cost."""
    remaining = list(items)
    if len(remaining) <= 1:
        return [await function(item) for item in remaining]
    return list(await asyncio.gather(*(function(item) for item in remaining)))


def fingerprint_of_picture(path: Path) -> bytes:
    """Stand for `animatic.media.fingerprint_of_picture`: a clip that starts from a picture begins with it, all others differ."""
    return _picture(path.read_bytes().split()[-1])


@lru_cache(maxsize=10_000)
def _picture(name: bytes) -> bytes:
    return random.Random(name).randbytes(24 * 24 * 3)


@contextlib.contextmanager
def in_place() -> Iterator[None]:
    """Put all of them in place, wherever the product has them by name."""
    with contextlib.ExitStack() as stack:
        for old, new in (
            (animatic.ledger.owner.identity, identity),
            (animatic.ledger.owner.is_alive, is_alive),
            (animatic.engine.history.open_destination, open_destination),
            (animatic.media.probe, probe),
            (animatic.media.measure, probe),
            (animatic.media.gaps, gaps),
            (animatic.media.check_take, check_take),
            (animatic.media.thumbnail, thumbnail),
            (animatic.media.fingerprint_of_picture, fingerprint_of_picture),
            (animatic.ledger.records.each, each),
        ):
            for module, name in _names_of(old):
                stack.enter_context(mock.patch.object(module, name, new))
        # Chance of its own kind is not injected there; a history must be the same each time.
        stack.enter_context(mock.patch.object(animatic.krea.wait, "random", SimpleNamespace(Random=lambda: random.Random(11))))
        stack.callback(logging.disable, logging.root.manager.disable)
        logging.disable(logging.CRITICAL)
        yield


def _names_of(thing: Any) -> list[tuple[Any, str]]:
    modules = [module for name, module in list(sys.modules.items()) if name.startswith("animatic.")]
    return [(module, name) for module in modules for name, value in list(vars(module).items()) if value is thing]
