"""Renders in the background: a few threads at low priority that never hold up an answer.

One render per key, however often it is asked for.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from animatic.simulator.jobs import Suffix
from animatic.simulator.render.recipe import Recipe

_LOG = logging.getLogger(__name__)
_WORKERS = 2
_NICE = 10


class RenderQueue:
    """Results by key in one folder. Methods are called from the event loop's thread; ``failed`` is called from a rendering thread."""

    def __init__(self, folder: Path, *, failed: Callable[[str], None]) -> None:
        self._folder = folder
        self._failed = failed
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="render", initializer=_lower_priority)
        self._started: set[str] = set()
        self._done: set[str] = set()
        self._lock = threading.Lock()

    def path(self, key: str, suffix: Suffix) -> Path:
        """Return where the result lies, or will."""
        return self._folder / f"{key}.{suffix}"

    def finished(self, key: str, suffix: Suffix) -> bool:
        """Tell whether the result is there, whoever rendered it."""
        if key not in self._done and self.path(key, suffix).exists():
            self._done.add(key)
        return key in self._done

    def start(self, recipe: Recipe, key: str) -> None:
        """Render it under that key unless that was done or begun."""
        with self._lock:
            if key in self._started or self.finished(key, recipe.suffix):
                return
            self._started.add(key)
        self._pool.submit(self._render, recipe, key)

    def begun(self, key: str) -> bool:
        """Tell whether this process has it in hand."""
        return key in self._started

    def close(self) -> None:
        """Give up what has not begun; what has is finished in the background."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _render(self, recipe: Recipe, key: str) -> None:
        try:
            from animatic.simulator.render.result import render_result  # noqa: PLC0415 - the codecs load while the server already answers

            render_result(recipe, self.path(key, recipe.suffix))
        except Exception:  # noqa: BLE001 - whatever is wrong with a picture, only its own job may fail
            _LOG.exception("render %s failed", key)
            self._failed(key)


def _lower_priority() -> None:
    """Be nice to the event loop. On Linux priorities are per thread; elsewhere this would slow the whole process down."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
