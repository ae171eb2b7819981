"""Spares a process the search for garbage in what it imports: thousands of modules' objects, all of which stay."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

COLLECT_AFTER = 10_000
"""Objects that are new since the last look. Python's own 700 is for scripts: with hundreds of thousands alive it looks all the time."""


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """Look for no garbage within the block, and from then on neither in what is there at its end; new garbage is found as before."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(COLLECT_AFTER)
        gc.enable()
