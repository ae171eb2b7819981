"""Tasks that Prefect does not take, without a server: called again, believed where their work is done, given up in the end."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from prefect.client.schemas.objects import State
from prefect.states import Completed

from animatic.errors import PrefectError, StorageError
from animatic.flows.stages import call_task

pytestmark = pytest.mark.anyio


class TaskContext:
    """What `call_task` looks at: outcomes, and the run with its patience and the reason why it stopped."""

    def __init__(self, patience: float = 100.0) -> None:
        self.outcomes: dict[str, Any] = {}
        self.run = SimpleNamespace(
            plan=SimpleNamespace(run_id="20261121T120000Z-4f3a"),
            settings=SimpleNamespace(patience=SimpleNamespace(outage=patience)),
            stopped=None,
            stop=self.stop,
        )

    def stop(self, reason: Exception) -> None:
        self.run.stopped = self.run.stopped or reason


class Task:
    """Fails as often as it is told to, as Prefect's client does while its server is away."""

    def __init__(self, failures: int) -> None:
        self.failures, self.calls = failures, 0

    async def __call__(self) -> Any:
        self.calls += 1
        if self.calls <= self.failures:
            raise httpx.ConnectError("refused")
        return Completed(message="done")


class Time:
    """A clock that only sleeping moves on."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


async def call(context: TaskContext, task: Task, time: Time, key: str = "dawn") -> State[Any] | None:
    return await call_task(context, key, task, clock=time.clock, sleep=time.sleep)  # type: ignore[arg-type]


async def test_a_task_is_called_again_until_prefect_takes_it_after_pauses_that_grow() -> None:
    task, time = Task(failures=8), Time()
    state = await call(TaskContext(), task, time)
    assert state is not None
    assert (state.message, task.calls) == ("done", 9)
    for pause, longest in zip(time.pauses, (1, 2, 4, 8, 10, 10, 10, 10), strict=True):
        assert longest / 2 <= pause <= longest


async def test_a_task_whose_work_is_done_is_not_called_again() -> None:
    context, task, time = TaskContext(), Task(failures=3), Time()
    context.outcomes["dawn"] = "a take"
    assert await call(context, task, time) is None
    assert (task.calls, time.pauses) == (1, [])


async def test_after_the_length_of_an_outage_the_run_stops_and_says_how_to_go_on() -> None:
    context, time = TaskContext(patience=60), Time()
    with pytest.raises(PrefectError, match="has not answered for 60 s") as caught:
        await call(context, Task(failures=1000), time)
    assert 45 < sum(time.pauses) <= 60
    assert caught.value.exit_code == 6
    assert "animatic resume 20261121T120000Z-4f3a" in (caught.value.hint or "")
    assert context.run.stopped is caught.value
    task, later = Task(failures=1000), Time()
    with pytest.raises(PrefectError):
        await call(context, task, later, "surf")
    assert (task.calls, later.pauses) == (1, []), "another shot has waited long enough"


async def test_an_error_of_ours_is_not_taken_for_an_outage() -> None:
    class Refusing(Task):
        async def __call__(self) -> Any:
            self.calls += 1
            raise StorageError("the bucket is gone")

    context, task, time = TaskContext(), Refusing(failures=0), Time()
    with pytest.raises(StorageError):
        await call(context, task, time)
    assert (task.calls, context.run.stopped) == (1, None)
