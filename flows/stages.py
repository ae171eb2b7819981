"""The stages of a step as Prefect task runs, named for shots and depending on each other as the storyboard does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from prefect import Task
from prefect.client.schemas.objects import State

from animatic.krea import Job
from animatic.ledger import Take
from animatic.plan import Request, Step
from animatic.takes.delivery import Delivered
from animatic.takes.run import Run
from animatic.takes.submission import Submission
from tasks.generate import generate
from tasks.upload import upload
from tasks.wait import wait


@dataclass(kw_only=True)
class PrefectStages:
    """Runs each stage as a task in this event loop (``submit`` would cost a thread each) and remembers the states that edges come from."""

    run: Run
    last: dict[str, State[Any]] = field(default_factory=dict)
    """The newest task state of each step: what the next task of the step, or of a dependant, waits for."""
    attempts: dict[str, int] = field(default_factory=dict)

    async def generate(self, step: Step, request: Request) -> Take | Submission:
        """See `animatic.takes.making.Stages`."""
        attempt = self.attempts[step.key] = self.attempts.get(step.key, 0) + 1
        # The first task of a step hangs on its upstreams; a further attempt on what failed before it.
        before = [self.last[key] for key in step.depends_on] if attempt == 1 else [self.last[step.key]]
        label = "generate" if attempt == 1 else f"generate ({attempt})"
        found: Take | Submission = await self._call(generate, step, label, before, request.model)
        return found

    async def wait(self, step: Step, submission: Submission) -> Job:
        """See `animatic.takes.making.Stages`."""
        job: Job = await self._call(wait, step, "wait", [self.last[step.key]], submission)
        return job

    async def upload(self, step: Step, source: Take | tuple[Submission, Job]) -> tuple[Take, Delivered]:
        """See `animatic.takes.making.Stages`."""
        delivered: tuple[Take, Delivered] = await self._call(upload, step, "upload", [self.last[step.key]], source)
        return delivered

    async def _call(self, task: Task[..., Any], step: Step, label: str, before: list[State[Any]], *arguments: object) -> Any:
        named = task.with_options(name=f"{step.key} · {task.name}", task_run_name=f"{step.key} · {label}")
        state = await named(step.key, *arguments, wait_for=before, return_state=True)
        self.last[step.key] = state
        result = await state.aresult(raise_on_failure=False)
        if isinstance(result, BaseException):
            raise result
        return result
