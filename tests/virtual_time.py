"""An event loop whose clock stands still while there is work and jumps to the next timer when there is none: waiting costs no time.

Threads count as work: of executors, and of anyio once `timing` was asked for. Sockets do not: what speaks over a real one needs a real
loop.
"""

from __future__ import annotations

import asyncio
import random
import selectors
import time
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio.to_thread

from animatic.engine.timing import Timing

MAX_THREAD_SECONDS = 20.0
TICK_SECONDS = 1e-6
"""What a turn of the loop takes: time never quite stands still, or a pause too short for a float would never end."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """``asyncio.Runner(loop_factory=VirtualTimeLoop)``, or anyio's backend option of that name."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        self.began = datetime.now(UTC)
        self.at_work = 0
        self.limiter: anyio.CapacityLimiter | None = None
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        return self.elapsed

    def run_in_executor(self, executor: Executor | None, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        future = super().run_in_executor(executor, func, *args)
        self.at_work += 1
        future.add_done_callback(self._work_ended)
        return future

    async def shutdown_default_executor(self, *limit: float | None, **named: float | None) -> None:
        """Wait for the threads themselves: from Python 3.12 on there is a limit, which a clock that jumps would reach at once."""
        self.at_work += 1
        try:
            await super().shutdown_default_executor(*limit, **named)
        finally:
            self.at_work -= 1

    def _work_ended(self, _future: object) -> None:
        self.at_work -= 1

    @property
    def busy(self) -> bool:
        return bool(self.at_work or (self.limiter is not None and self.limiter.borrowed_tokens))


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._loop.elapsed += TICK_SECONDS
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if self._loop.busy or timeout is None:
            return super().select(MAX_THREAD_SECONDS)
        self._loop.elapsed += timeout
        return []


def now() -> datetime:
    """Return the time of the running loop; the real one outside of such a loop."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return datetime.now(UTC)
    return loop.began + timedelta(seconds=loop.elapsed) if isinstance(loop, VirtualTimeLoop) else datetime.now(UTC)


def monotonic() -> float:
    """Return the seconds of the running loop; the real ones outside of such a loop."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return time.monotonic()
    return loop.time()


def timing() -> Timing:
    """Return what the engine is given for its time. Call it within the loop."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, VirtualTimeLoop):
        loop.limiter = anyio.to_thread.current_default_thread_limiter()
    return Timing(now=now, monotonic=monotonic, sleep=asyncio.sleep, randomness=random.Random(7))
