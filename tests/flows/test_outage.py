"""Tasks that Prefect does not take (no server): called again, believed when their work is done, given up after an outage's length."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from prefect.states import Completed

from animatic.errors import PrefectError
from animatic.flows import outage

pytestmark = pytest.mark.anyio

call_task: Any = outage.call_task  # called with a context that has what it looks at, and nothing else


class TaskContext:
    """What `call_task` looks at: outcomes, and the run with its patience and the reason why it stopped."""

    def __init__(self, patience: float = 5.0) -> None:
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


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "FIRST_PAUSE", 0.01)


async def test_a_task_is_called_again_until_prefect_takes_it() -> None:
    task = Task(failures=3)
    state = await call_task(TaskContext(), "dawn", task)
    assert state is not None
    assert (state.message, task.calls) == ("done", 4)


async def test_a_task_whose_work_is_done_is_not_called_again() -> None:
    context, task = TaskContext(), Task(failures=3)
    context.outcomes["dawn"] = "a take"
    assert await call_task(context, "dawn", task) is None
    assert task.calls == 1


async def test_after_the_length_of_an_outage_the_run_stops_and_says_how_to_go_on() -> None:
    context = TaskContext(patience=0.1)
    with pytest.raises(PrefectError, match="has not answered") as told:
        await call_task(context, "dawn", Task(failures=1000))
    assert told.value.exit_code == 6
    assert "animatic resume 20261121T120000Z-4f3a" in (told.value.hint or "")
    task = Task(failures=1000)
    with pytest.raises(PrefectError):
        await call_task(context, "surf", task)
    assert task.calls == 1, "another shot has waited long enough"
