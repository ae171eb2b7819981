"""Many reads at once, but not all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import anyio

AT_ONCE = 32

A = TypeVar("A")
B = TypeVar("B")


async def each(function: Callable[[A], Awaitable[B]], items: Iterable[A]) -> list[B]:
    """Return what the function returns for each item, in order. The first failure ends the others and is raised as it is."""
    remaining = enumerate(items)
    results: dict[int, B] = {}
    failures: list[Exception] = []

    async def work(scope: anyio.CancelScope) -> None:
        for index, item in remaining:
            try:
                results[index] = await function(item)
            except Exception as error:  # noqa: BLE001 - raised below, without the group that a task group would wrap it in
                failures.append(error)
                scope.cancel()
                return

    async with anyio.create_task_group() as group:
        for _ in range(AT_ONCE):
            group.start_soon(work, group.cancel_scope)
    if failures:
        raise failures[0]
    return [results[index] for index in sorted(results)]
