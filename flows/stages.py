"""Runs each stage of a shot as a Prefect task, in the order that the graph in the UI shows, and asks again while the Prefect API is away.

No take depends on Prefect: what was submitted and delivered is in the ledger, so a task may be called again during an outage.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from prefect import Task, allow_failure
from prefect.client.schemas.objects import State

from animatic.backoff import Backoff
from animatic.cut.model import Cut
from animatic.engine.deliver import Delivered
from animatic.engine.run import Run
from animatic.engine.state import SubmittedJob
from animatic.errors import AnimaticError, PrefectError
from animatic.krea import Job
from animatic.ledger import Take
from animatic.manifest import Manifest, Reel
from animatic.plan import Request, Step
from animatic.tasks.assemble import assemble
from animatic.tasks.context import TaskContext
from animatic.tasks.generate import generate
from animatic.tasks.manifest import write_manifest
from animatic.tasks.skip import skip
from animatic.tasks.upload import upload
from animatic.tasks.wait import wait

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 10.0
MAX_SKIPPED_SHOWN = 100
"""Shots that were not made; a task takes some milliseconds, and nobody reads a longer graph."""
log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class PrefectStages:
    """Runs each stage as a task in this event loop (``submit`` would cost a thread each) and remembers the states that edges come from."""

    context: TaskContext
    last: dict[str, State[Any]] = field(default_factory=dict)
    """The newest task state of each step and reel: what the next task of the step, or of a dependant, waits for."""
    attempts: dict[str, int] = field(default_factory=dict)

    async def generate(self, step: Step, request: Request) -> Take | SubmittedJob:
        """See `animatic.engine.steps.Stages`."""
        attempt = self.attempts[step.key] = self.attempts.get(step.key, 0) + 1
        # The first task of a step depends on its upstreams; a further attempt on the one that failed before it.
        before = self._states_of(*step.depends_on) if attempt == 1 else self._states_of(step.key)
        label = "generate" if attempt == 1 else f"generate ({attempt})"
        self.context.requests[step.key] = request
        found: Take | SubmittedJob = await self._call(generate, step, label, before)
        return found

    async def wait(self, step: Step, submission: SubmittedJob) -> Job:
        """See `animatic.engine.steps.Stages`."""
        self.context.submitted[step.key] = submission
        job: Job = await self._call(wait, step, "wait", self._states_of(step.key))
        return job

    async def upload(self, step: Step, source: Take | tuple[SubmittedJob, Job]) -> tuple[Take, Delivered]:
        """See `animatic.engine.steps.Stages`."""
        self.context.sources[step.key] = source
        delivered: tuple[Take, Delivered] = await self._call(upload, step, "upload", self._states_of(step.key))
        return delivered

    async def assemble(self, number: int, cut: Cut) -> Reel:
        """Assemble the reel of the plan's cut of that number, after all of its shots. Raises AnimaticError."""
        named: Any = _called(assemble, assemble.name, "reel")
        after = self._states_of(*cut.needs)
        state = await call_task(self.context, "reel", lambda: named(number, wait_for=after, return_state=True))
        if state is not None:
            self.last[_reel_key(number)] = state
        reel: Reel = await outcome_of(self.context, "reel", state)
        return reel

    async def write_manifest(self) -> Manifest:
        """Write manifest and page after all else. Raises AnimaticError, PrefectError where the task could not be called."""
        named: Any = _called(write_manifest, write_manifest.name, "manifest")
        after = [allow_failure(state) for state in self._last_states()]
        state = await call_task(self.context, "manifest", lambda: named(wait_for=after, return_state=True))
        manifest: Manifest = await outcome_of(self.context, "manifest", state)
        return manifest

    async def tell_skipped(self) -> None:
        """Show the shots that were not made, behind what they wait for. Never fails a run: nothing depends on it."""
        run = self.context.run
        left = [step for step in run.plan.steps if run.progress.shots[step.key].state == "skipped" and step.key not in self.last]
        for step in left[:MAX_SKIPPED_SHOWN]:
            if prefect_given_up(run):
                return
            label = f"{step.key} · skipped"
            named: Any = _called(skip, label, label)
            try:
                # What it waits for has failed: Prefect shows it as not ready, with the edge. One that was stopped says so itself.
                self.last[step.key] = await named(step.key, wait_for=self._states_of(*step.depends_on), return_state=True)
            except Exception as error:  # noqa: BLE001 (whatever ails Prefect: what was made is made)
                log.warning("the shots that were not made are not shown: %s", type(error).__name__)
                return

    async def _call(self, task: Task[..., Any], step: Step, label: str, before: list[State[Any]]) -> Any:
        named = _called(task, f"{step.key} · {task.name}", f"{step.key} · {label}")
        # A further attempt comes after a failed one, which Prefect would otherwise not let it follow.
        after = [allow_failure(earlier) for earlier in before]
        state = await call_task(self.context, step.key, lambda: named(step.key, wait_for=after, return_state=True))
        if state is not None:
            self.last[step.key] = state
        return await outcome_of(self.context, step.key, state)

    def _states_of(self, *keys: str) -> list[State[Any]]:
        """Return the last states of steps; one that Prefect was never told of has none."""
        return [self.last[key] for key in keys if key in self.last]

    def _last_states(self) -> list[State[Any]]:
        """Return the states that the manifest waits for: of reels, and of steps on which neither another step nor a reel depends."""
        plan = self.context.run.plan
        inner = {key for step in plan.steps for key in step.depends_on}
        inner |= {key for number, cut in enumerate(plan.cuts) if _reel_key(number) in self.last for key in cut.needs}
        # Behind a shot that was left out as cancelled Prefect would let nothing start.
        return [state for key, state in self.last.items() if key not in inner and not state.is_cancelled()]


def _called(task: Task[..., Any], name: str, run_name: str) -> Task[..., Any]:
    """Return the task under other names.

    Not by ``with_options``, which makes the task anew and looks its source up for that, at each of three tasks of every shot.
    """
    named = copy.copy(task)
    named.name, named.task_run_name = name, run_name
    return named


def _reel_key(number: int) -> str:
    return f"reel {number}"


async def call_task(
    context: TaskContext,
    key: str,
    call: Callable[[], Awaitable[State[Any]]],
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> State[Any] | None:
    """Call a task until Prefect takes it; None: it has done its work and left it on the context, and only Prefect could not be told.

    Raises PrefectError after ``patience.outage`` seconds, and at once where another task of the run has waited that long before.
    """
    pauses = Backoff(first=FIRST_PAUSE_SECONDS, longest=LONGEST_PAUSE_SECONDS)
    deadline = clock() + context.run.settings.patience.outage
    while True:
        try:
            return await call()
        except AnimaticError:
            raise
        except Exception as error:  # what a task raises is a state: this is Prefect's own client or engine
            if key in context.outcomes:
                log.warning("Prefect was not told how %s ended: %s", key, type(error).__name__)
                return None
            pause = pauses.next()
            if clock() + pause > deadline or prefect_given_up(context.run):
                raise _give_prefect_up(context.run, error) from error
            log.warning("the Prefect API does not answer (%s); trying again", type(error).__name__)
        await sleep(pause)


async def outcome_of(context: TaskContext, key: str, state: State[Any] | None) -> Any:
    """Return what a task left on the context, or raise the error that ended it."""
    if key in context.outcomes:
        outcome = context.outcomes.pop(key)
        if isinstance(outcome, AnimaticError):
            raise outcome
        return outcome
    assert state is not None, "only a task that has left its outcome goes without a state"
    # The task ended and left nothing: a failure of Prefect's, or an error of our own.
    failure = await state.aresult(raise_on_failure=False)
    raise failure if isinstance(failure, Exception) else PrefectError(f"the task of {key!r} ended {state.name} without a result")


def prefect_given_up(run: Run) -> bool:
    """Whether this run has stopped because its Prefect API did not answer for the length of an outage."""
    return isinstance(run.stopped, PrefectError)


def _give_prefect_up(run: Run, error: Exception) -> PrefectError:
    """Stop the run and return why."""
    failure = PrefectError(
        f"the Prefect API has not answered for {run.settings.patience.outage:.0f} s ({type(error).__name__})",
        hint=f"what was submitted is in the ledger; when Prefect is back: `animatic resume {run.plan.run_id}`",
    )
    run.stop(failure)
    return failure
