"""How errors of the domain become Prefect states: retried while that can help, else a failed state with one sentence and no traceback."""

from __future__ import annotations

from typing import Any

from prefect import Task
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext
from prefect.states import Completed, Failed

from animatic.errors import AnimaticError, InDoubtError
from animatic.krea import NotSentError


def worth_retrying(_task: Task[..., Any], _task_run: TaskRun, state: State[Any]) -> bool:
    """Prefect's condition for another try: the error says that trying again can help."""
    return isinstance(state.data, AnimaticError) or state.name != "Failed" or _retryable(state)


def _retryable(state: State[Any]) -> bool:
    error = getattr(state.data, "result", state.data)
    return isinstance(error, AnimaticError) and error.retryable


def raise_or_fail(error: AnimaticError) -> State[Any]:
    """Raise what Prefect should retry; return a failed state, carrying the error, for everything else."""
    context = TaskRunContext.get()
    assert context is not None
    if error.retryable and context.task_run.run_count <= context.task.retries:
        raise error
    return failed(error)


def failed(error: AnimaticError) -> State[Any]:
    """Return the final state for an error."""
    if isinstance(error, NotSentError):
        return Completed(name="Turned away", message=error.message, data=error)
    name = "In doubt" if isinstance(error, InDoubtError) else "Failed"
    return Failed(name=name, message=str(error), data=error)
