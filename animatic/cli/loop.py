"""Running async work from a verb."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end and return the result, as `asyncio.run` does.

    The result is kept from the task that makes it: restoring Ctrl-C, Python 3.11's `asyncio.run` formats the finished task, and with it its
    result, which takes longer than planning where that is a plan of thousands of shots.
    """
    results: list[T] = []

    async def keep() -> None:
        results.append(await work)

    asyncio.run(keep())
    return results[0]
