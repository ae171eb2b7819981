"""The stages of a step as Prefect task runs, named for shots and depending on each other as the storyboard does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from prefect import Task, allow_failure
from prefect.client.schemas.objects import State

from animatic.errors import AnimaticError, PrefectError
from animatic.flows.outage import call_task
from animatic.krea import Job
from animatic.ledger import Take
from animatic.plan import Request, Step
from animatic.takes.delivery import Delivered
from animatic.takes.submitted import Submission
from animatic.tasks.current import Desk
from animatic.tasks.generate import generate
from animatic.tasks.upload import upload
from animatic.tasks.wait import wait


@dataclass(kw_only=True)
class PrefectStages:
    """Runs each stage as a task in this event loop (``submit`` would cost a thread each) and remembers the states that edges come from."""

    desk: Desk
    last: dict[str, State[Any]] = field(default_factory=dict)
    """The newest task state of each step: what the next task of the step, or of a dependant, waits for."""
    attempts: dict[str, int] = field(default_factory=dict)

    async def generate(self, step: Step, request: Request) -> Take | Submission:
        """See `animatic.takes.making.Stages`."""
        attempt = self.attempts[step.key] = self.attempts.get(step.key, 0) + 1
        # The first task of a step hangs on its upstreams; a further attempt on what failed before it.
        before = self._ends_of(*step.depends_on) if attempt == 1 else self._ends_of(step.key)
        label = "generate" if attempt == 1 else f"generate ({attempt})"
        self.desk.requests[step.key] = request
        found: Take | Submission = await self._call(generate, step, label, before)
        return found

    async def wait(self, step: Step, submission: Submission) -> Job:
        """See `animatic.takes.making.Stages`."""
        self.desk.submissions[step.key] = submission
        job: Job = await self._call(wait, step, "wait", self._ends_of(step.key))
        return job

    async def upload(self, step: Step, source: Take | tuple[Submission, Job]) -> tuple[Take, Delivered]:
        """See `animatic.takes.making.Stages`."""
        self.desk.sources[step.key] = source
        delivered: tuple[Take, Delivered] = await self._call(upload, step, "upload", self._ends_of(step.key))
        return delivered

    def ends(self) -> list[State[Any]]:
        """Return the last states of the steps on which no other hangs, and of the reels: what the record waits for."""
        inner = {key for step in self.desk.run.plan.steps for key in step.depends_on}
        inner |= {key for cut in self.desk.run.plan.cuts for key in cut.steps if f"reel {self.desk.run.plan.cuts.index(cut)}" in self.last}
        return [state for key, state in self.last.items() if key not in inner]

    def _ends_of(self, *keys: str) -> list[State[Any]]:
        """Return the last states of steps; one that Prefect was never told of has none."""
        return [self.last[key] for key in keys if key in self.last]

    async def _call(self, task: Task[..., Any], step: Step, label: str, before: list[State[Any]]) -> Any:
        named = task.with_options(name=f"{step.key} · {task.name}", task_run_name=f"{step.key} · {label}")
        # A further attempt comes after a failed one, which Prefect would otherwise not let it follow.
        after = [allow_failure(earlier) for earlier in before]
        state = await call_task(self.desk, step.key, lambda: named(step.key, wait_for=after, return_state=True))
        if state is not None:
            self.last[step.key] = state
        return await outcome_of(self.desk, step.key, state)


async def outcome_of(desk: Desk, key: str, state: State[Any] | None) -> Any:
    """Return what a task left on the desk, or raise the error that ended it."""
    if key in desk.outcomes:
        outcome = desk.outcomes.pop(key)
        if isinstance(outcome, AnimaticError):
            raise outcome
        return outcome
    assert state is not None, "only a task that has left its outcome goes without a state"
    # The task ended without a word of ours: a failure of Prefect's, or an error of our own.
    failure = await state.aresult(raise_on_failure=False)
    raise failure if isinstance(failure, Exception) else PrefectError(f"the task of {key!r} ended {state.name} without a result")
