"""The context that the tasks of this event loop work at: the run, and what one stage of a shot hands to the next.

None of it travels as task parameters or as data of states: Prefect visits those for anything that it has seen as a result before (strings
included) and draws an edge for each, so that every shot would seem to hang on every other. Edges come from ``wait_for`` alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from prefect import Task
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext
from prefect.states import Completed, Failed

from animatic.engine.manifest_writer import ManifestWriter
from animatic.engine.run import Run, SubmittedJob
from animatic.errors import AnimaticError, InDoubtError
from animatic.krea import Job, NotSentError
from animatic.ledger import Take
from animatic.plan import Request


@dataclass(kw_only=True)
class TaskContext:
    """What the tasks of one run share; by step key."""

    run: Run
    reporter: ManifestWriter
    requests: dict[str, Request] = field(default_factory=dict)
    submissions: dict[str, SubmittedJob] = field(default_factory=dict)
    sources: dict[str, Take | tuple[SubmittedJob, Job]] = field(default_factory=dict)
    outcomes: dict[str, Any] = field(default_factory=dict)
    """What the last task of a step (or of a reel, or the record) gave: its result, or the AnimaticError that ended it."""


_DESK: ContextVar[TaskContext] = ContextVar("animatic_desk")


def current_context() -> TaskContext:
    """Return the context of this context; LookupError outside of a flow."""
    return _DESK.get()


@contextmanager
def task_context(context: TaskContext) -> Iterator[TaskContext]:
    """Make a context the current one of this context and of the tasks it starts."""
    token = _DESK.set(context)
    try:
        yield context
    finally:
        _DESK.reset(token)


def worth_retrying(_task: Task[..., Any], _task_run: TaskRun, state: State[Any]) -> bool:
    """Prefect's condition for another try: what was raised says that trying again can help. Failed states that were returned are final."""
    error = getattr(state.data, "result", state.data)
    return isinstance(error, AnimaticError) and error.retryable


def done(key: str, result: object, message: str, *, name: str = "Completed") -> State[Any]:
    """Leave a result on the context and return the completed state for it."""
    current_context().outcomes[key] = result
    return Completed(name=name, message=message)


def raise_or_fail(key: str, error: AnimaticError) -> State[Any]:
    """Raise what Prefect should retry; leave everything else on the context and return a failed state."""
    context = TaskRunContext.get()
    assert context is not None
    if error.retryable and context.task_run.run_count <= context.task.retries:
        raise error
    return failed(key, error)


def failed(key: str, error: AnimaticError) -> State[Any]:
    """Leave an error on the context and return the final state for it."""
    current_context().outcomes[key] = error
    if isinstance(error, NotSentError):
        return Completed(name="Turned away", message=error.message)
    name = "In doubt" if isinstance(error, InDoubtError) else "Failed"
    return Failed(name=name, message=str(error))
