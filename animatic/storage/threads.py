"""Blocking calls of files and of boto3, kept off the event loop in threads of their own.

Sixteen at once suit both: one client's connection pool, and a disk. A caller that is cancelled leaves its call to finish in its thread; every
call is written so that finishing late does no harm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

AT_ONCE = 16

T = TypeVar("T")
P = ParamSpec("P")


class Threads:
    """A pool that starts threads as they are needed and lets them end with it."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="storage")

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call the function in a thread; return or raise what it does."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(function, *args, **kwargs))
