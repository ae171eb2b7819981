"""The context that the tasks of a run share: the run, and the typed results that one stage of a shot hands to the next.

None of it travels as task parameters or as data of states: Prefect visits those for anything that it has seen as a result before (strings
included) and draws an edge for each, so that every shot would seem to depend on every other. Edges come from ``wait_for`` alone. So a task
returns a state without data, and leaves its result in ``outcomes``.
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

from animatic.engine.deliver import Delivered
from animatic.engine.manifest_writer import ManifestWriter
from animatic.engine.run import Run
from animatic.engine.state import SubmittedJob
from animatic.errors import AnimaticError, InDoubtError
from animatic.krea import Job, NotSentError
from animatic.ledger import Take
from animatic.manifest import Clip, Manifest
from animatic.plan import Request

StageResult = Take | SubmittedJob | Job | tuple[Take, Delivered] | Clip | Manifest
"""What the stages give: generate (a take or a job), wait (a job), upload, reel (a clip), manifest."""


@dataclass(kw_only=True)
class TaskContext:
    """What the tasks of one run share; by step key."""

    run: Run
    manifest_writer: ManifestWriter
    requests: dict[str, Request] = field(default_factory=dict)
    submitted: dict[str, SubmittedJob] = field(default_factory=dict)
    sources: dict[str, Take | tuple[SubmittedJob, Job]] = field(default_factory=dict)
    outcomes: dict[str, StageResult | AnimaticError] = field(default_factory=dict)
    """What the last task of a step (or of a reel, or the record) gave: its result, or the AnimaticError that ended it."""


_CURRENT: ContextVar[TaskContext] = ContextVar("animatic_tasks")


def current_context() -> TaskContext:
    """Return the context of the run that this task is of; LookupError outside of a flow."""
    return _CURRENT.get()


@contextmanager
def task_context(context: TaskContext) -> Iterator[TaskContext]:
    """Make a context the current one here and in the tasks that are started here."""
    token = _CURRENT.set(context)
    try:
        yield context
    finally:
        _CURRENT.reset(token)


def worth_retrying(_task: Task[..., Any], _task_run: TaskRun, state: State[Any]) -> bool:
    """Prefect's condition for another try: what was raised says that trying again can help. Failed states that were returned are final."""
    error = getattr(state.data, "result", state.data)
    return isinstance(error, AnimaticError) and error.retryable


def done(key: str, result: StageResult, message: str, *, name: str = "Completed") -> State[None]:
    """Leave a result on the context and return the completed state for it."""
    current_context().outcomes[key] = result
    return Completed(name=name, message=message)


def raise_or_fail(key: str, error: AnimaticError) -> State[None]:
    """Raise what Prefect should retry; leave everything else on the context and return a failed state."""
    context = TaskRunContext.get()
    assert context is not None
    if error.retryable and context.task_run.run_count <= context.task.retries:
        raise error
    return failed(key, error)


def failed(key: str, error: AnimaticError) -> State[None]:
    """Leave an error on the context and return the final state for it."""
    current_context().outcomes[key] = error
    if isinstance(error, NotSentError):
        return Completed(name="Turned away", message=f"{key}: {error.message}")
    name = "In doubt" if isinstance(error, InDoubtError) else "Failed"
    return Failed(name=name, message=f"{key}: {error}")
