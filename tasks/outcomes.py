"""How errors of the domain become Prefect states: retried while that can help, else a failed state with one sentence and no traceback."""

from __future__ import annotations

from typing import Any

from prefect import Task
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext
from prefect.states import Completed, Failed

from animatic.errors import AnimaticError, InDoubtError
from animatic.krea import NotSentError
from animatic.tasks.current import current_desk


def worth_retrying(_task: Task[..., Any], _task_run: TaskRun, state: State[Any]) -> bool:
    """Prefect's condition for another try: what was raised says that trying again can help. Failed states that were returned are final."""
    error = getattr(state.data, "result", state.data)
    return isinstance(error, AnimaticError) and error.retryable


def done(key: str, result: object, message: str, *, name: str = "Completed") -> State[Any]:
    """Leave a result on the desk and return the completed state for it."""
    current_desk().outcomes[key] = result
    return Completed(name=name, message=message)


def raise_or_fail(key: str, error: AnimaticError) -> State[Any]:
    """Raise what Prefect should retry; leave everything else on the desk and return a failed state."""
    context = TaskRunContext.get()
    assert context is not None
    if error.retryable and context.task_run.run_count <= context.task.retries:
        raise error
    return failed(key, error)


def failed(key: str, error: AnimaticError) -> State[Any]:
    """Leave an error on the desk and return the final state for it."""
    current_desk().outcomes[key] = error
    if isinstance(error, NotSentError):
        return Completed(name="Turned away", message=error.message)
    name = "In doubt" if isinstance(error, InDoubtError) else "Failed"
    return Failed(name=name, message=str(error))
