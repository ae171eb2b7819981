"""An event loop for several simulated processes on one virtual clock: any of them can be killed or stopped between any two steps.

Every callback belongs to the process in whose context it was scheduled, so killing needs no help from the code that is killed: its
callbacks are dropped, and not even its ``finally`` runs. Threads run inline; there are no sockets.
"""

from __future__ import annotations

import asyncio
import heapq
import inspect
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any, TypeVar

TICK_SECONDS = 1e-6
"""What a turn of the loop takes: a pause that is too short for a float must end all the same."""
MAX_STEPS = 1_000_000
"""Callbacks of one history; more are a loop without a pause."""

T = TypeVar("T")


class EndlessError(Exception):
    """The history does not end: nothing is left to happen, or too much happens."""


@dataclass(eq=False)
class Process:
    """A simulated operating system process."""

    name: str
    host: str
    pid: int
    alive: bool = True
    paused: bool = False
    steps: int = 0
    """Callbacks that it has run."""
    stops: dict[int, float] = field(default_factory=dict)
    """At which step it is stopped, and for how many seconds; infinity kills it."""
    backlog: deque[asyncio.Handle] = field(default_factory=deque)
    died: asyncio.Event | None = None
    """Set by whoever is told; for those who wait for its end."""
    stopped: Callable[[float], object] = lambda _seconds: None
    """Told when it was stopped, and for how long."""


PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)


class HistoryLoop(asyncio.BaseEventLoop):
    """Runs ready callbacks in order; when there are none, the clock jumps to the next timer."""

    _ready: deque[asyncio.Handle]
    _scheduled: list[Any]

    def __init__(self) -> None:
        super().__init__()
        self.elapsed = 0.0
        self.steps = 0
        self.ending = False
        """From then on the dead may clean up, too."""
        self.tasks: list[asyncio.Task[Any]] = []
        """All of them: those of the dead must not be collected, or their ``finally`` would run."""
        self.processes: list[Process] = []
        self.world: Context = copy_context()
        self.set_task_factory(self._make_task)

    def time(self) -> float:
        return self.elapsed

    def run_in_executor(self, executor: Executor | None, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it belongs to whoever waits
            future.set_exception(error)
        return future

    def later(self, seconds: float, function: Callable[..., object], *args: Any) -> None:
        """Call a function of the world, which goes on whatever becomes of the process that asks for it."""
        self.call_later(seconds, function, *args, context=self.world)

    def spawn(self, process: Process, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run a coroutine as a part of a process."""
        if process not in self.processes:
            self.processes.append(process)
        context = self.world.copy()
        context.run(PROCESS.set, process)
        return self.create_task(work, context=context)

    def halt(self, process: Process, seconds: float = float("inf")) -> None:
        """Kill a process, or stop it for a while as SIGSTOP does."""
        if not process.alive or process.paused:
            return
        process.stopped(seconds)
        if seconds == float("inf"):
            process.alive = False
        else:
            process.paused = True
            self.later(seconds, self._resume, process)

    def clean_up(self) -> None:
        """End every task that is left, so that nothing is collected unfinished."""
        self.ending = True
        self.steps = 0
        for process in self.processes:
            self._ready.extend(process.backlog)
        for task in self.tasks:
            coroutine: Any = task.get_coro()
            if (
                not task.done() and inspect.iscoroutine(coroutine) and inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED
            ):  # its process was killed before it began
                coroutine.close()
                task._log_destroy_pending = False  # type: ignore[attr-defined]
        for _ in range(50):
            left = [task for task in self.tasks if not task.done() and not _was_closed(task)]
            if not left:
                return
            for task in left:
                task.cancel()
            self.run_until_complete(asyncio.wait(left, timeout=1.0))
        raise EndlessError(f"{len(left)} tasks cannot be cancelled")

    def _make_task(self, _loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        task = asyncio.Task(coroutine, loop=self, **options)
        self.tasks.append(task)
        return task

    def _resume(self, process: Process) -> None:
        process.paused = False
        if process.alive:
            self._ready.extend(process.backlog)
            process.backlog.clear()

    def _write_to_self(self) -> None:
        """Nothing wakes this loop from outside."""

    def _run_once(self) -> None:
        scheduled, ready = self._scheduled, self._ready
        self.elapsed += TICK_SECONDS
        if not ready:
            while scheduled and scheduled[0]._cancelled:
                heapq.heappop(scheduled)._scheduled = False
            if not scheduled:
                raise EndlessError("nothing is left to happen")
            self.elapsed = max(self.elapsed, scheduled[0]._when)
        while scheduled and scheduled[0]._when <= self.elapsed:
            timer = heapq.heappop(scheduled)
            timer._scheduled = False
            ready.append(timer)
        for _ in range(len(ready)):
            handle: Any = ready.popleft()
            if handle._cancelled:
                continue
            process = handle._context.get(PROCESS)
            if process is not None and not self.ending and not self._may_run(process, handle):
                continue
            self.steps += 1
            if self.steps > MAX_STEPS:
                raise EndlessError(f"more than {MAX_STEPS} steps")
            handle._run()

    def _may_run(self, process: Process, handle: asyncio.Handle) -> bool:
        if process.alive and not process.paused:
            process.steps += 1
            if process.stops and (seconds := process.stops.pop(process.steps, None)) is not None:
                self.halt(process, seconds)
        if process.alive and not process.paused:
            return True
        process.backlog.append(handle)
        return False


def _was_closed(task: asyncio.Task[Any]) -> bool:
    """Whether a task was closed before it began."""
    coroutine: Any = task.get_coro()
    return inspect.iscoroutine(coroutine) and inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED
