"""The body of every pipeline's flow: plan, make every step, assemble, write the record, and end in a state that means what it says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from prefect import Task, allow_failure, get_run_logger
from prefect.client.schemas.objects import State
from prefect.context import TagsContext
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed

from animatic.engine.deliver import Delivered, missing_from
from animatic.engine.manifest_writer import ManifestWriter, outcome, record_reel
from animatic.engine.run import Run, SubmittedJob, open_run
from animatic.engine.steps import make_all
from animatic.engine.wait import cancel_running
from animatic.errors import AnimaticError, InDoubtError, InterruptedRunError, PrefectError, ShotError
from animatic.flows.artifacts import ArtifactPublisher
from animatic.flows.events import announce_over_budget, announcing
from animatic.flows.outage import call_task, gone
from animatic.krea import Job
from animatic.ledger import Take
from animatic.manifest import PrefectRun
from animatic.plan import Plan, Request, Step
from animatic.settings import Settings
from animatic.tasks.assemble import assemble
from animatic.tasks.context import TaskContext, task_context
from animatic.tasks.generate import generate
from animatic.tasks.manifest import write_manifest
from animatic.tasks.upload import upload
from animatic.tasks.wait import wait


@dataclass(kw_only=True)
class FlowRunContext:
    """What a caller in this process hands to the flow body, and what it gets back: things that do not travel as flow parameters."""

    plan: Plan
    settings: Settings
    simulator_url: str | None = None
    on_begin: Callable[[FlowRunContext], None] = lambda _performance: None
    """Called within the flow: Prefect takes SIGTERM for itself when a flow begins."""
    on_start: Callable[[FlowRunContext, Run], None] = lambda _performance, _run: None
    flow_run_url: str | None = None
    work: asyncio.Future[None] | None = None
    interrupted: bool = False
    cancel_jobs: bool = False
    """Whether an interruption also cancels at Krea what the run waits for."""
    reported: bool = True
    """Whether Prefect knows how the run ended."""
    manifest: dict[str, Any] | None = None
    manifest_location: str | None = None
    page_location: str | None = None
    error: AnimaticError | None = None
    """Why the run as a whole did not end well; None if all shots are delivered."""

    def interrupt(self) -> None:
        """Stop the run: what was submitted is in the ledger, and the record is still written."""
        self.interrupted = True
        if self.work is not None:
            self.work.cancel()


CURRENT_FLOW_RUN: ContextVar[FlowRunContext | None] = ContextVar("animatic_performance", default=None)


async def execute_run(performance: FlowRunContext) -> State[Any]:
    """Make everything that the plan wants and return the flow run's final state."""
    performance.on_begin(performance)
    performance.flow_run_url = flow_run.ui_url
    # The run is tagged, its tasks are not: at every start of a tagged task Prefect asks the server for a slot, slowly, and waits while it is away.
    with TagsContext(current_tags=set()):
        performance.work = asyncio.ensure_future(_perform(performance))
    if performance.interrupted:  # asked to stop before it began
        performance.work.cancel()
    try:
        await performance.work
    except asyncio.CancelledError:
        if not performance.interrupted:
            performance.work.cancel()
            await asyncio.wait([performance.work])
            raise
        performance.error = InterruptedRunError(
            "interrupted", hint=f"what was submitted is in the ledger: animatic resume {performance.plan.run_id}"
        )
        return Cancelled(message=str(performance.error))
    except AnimaticError as error:
        performance.error = error
    return _final_state(performance)


async def _perform(performance: FlowRunContext) -> None:
    prefect = PrefectRun(flow_run_id=flow_run.id, url=performance.flow_run_url)
    async with open_run(performance.plan, performance.settings, simulator_url=performance.simulator_url, prefect=prefect) as run:
        reporter = ManifestWriter(run)
        performance.manifest_location, performance.page_location = reporter.manifest_location, reporter.page_location
        performance.on_start(performance, run)
        async with ArtifactPublisher(run) as showing:
            try:
                with announcing(run), task_context(TaskContext(run=run, manifest_writer=reporter)) as context:
                    await _work(performance, run, reporter, context)
            except asyncio.CancelledError:
                await showing.publish_end(performance.manifest or {})
                raise
            performance.error = outcome(run)
            announce_over_budget(run.plan.pipeline, run.plan.run_id, performance.error)
            if not gone(run):
                await showing.publish_end(performance.manifest or {})


async def _work(performance: FlowRunContext, run: Run, reporter: ManifestWriter, context: TaskContext) -> None:
    """Make every step, assemble, and write the record."""
    try:
        async with reporter:
            stages = PrefectStages(context=context)
            await make_all(run, stages)
            await _assemble(run, stages)
    except asyncio.CancelledError:
        if performance.cancel_jobs:
            await cancel_running(run)
        performance.manifest = await reporter.finish(cancelled=True)
        raise
    named: Any = write_manifest.with_options(task_run_name="manifest")
    after = [allow_failure(state) for state in stages.ends()]
    try:
        state = await call_task(context, "manifest", lambda: named(wait_for=after, return_state=True))
    except PrefectError:
        # The record is due all the same: it says what was delivered before Prefect went away.
        performance.manifest = await reporter.finish(cancelled=False)
    else:
        performance.manifest = await outcome_of(context, "manifest", state)


async def _assemble(run: Run, stages: PrefectStages) -> None:
    logger = get_run_logger()
    for number, cut in enumerate(run.plan.cuts):
        missing = missing_from(run, cut)
        if missing:
            message = f"no reel: {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
            logger.warning(message)
            record_reel(run, cut, error=ShotError(message, code="upstream"))
            continue
        named: Any = assemble.with_options(task_run_name="reel")
        after = [stages.last[key] for key in cut.steps if key in stages.last]
        try:
            state = await call_task(stages.context, "reel", partial(named, number, wait_for=after, return_state=True))
            if state is not None:
                stages.last[f"reel {number}"] = state
            record_reel(run, cut, reel=await outcome_of(stages.context, "reel", state))
        except AnimaticError as error:
            record_reel(run, cut, error=error)


def _final_state(performance: FlowRunContext) -> State[Any]:
    error = performance.error
    if error is not None:
        return Failed(name="In doubt" if isinstance(error, InDoubtError) else "Failed", message=str(error))
    shots = (performance.manifest or {}).get("shots", [])
    if shots and all(shot["state"] == "reused" for shot in shots):
        return Completed(name="Reused", message=f"all {len(shots)} shots were made before: nothing was submitted, nothing was paid")
    return Completed(message=f"{len(shots)} shots delivered: {performance.manifest_location}")


@dataclass(kw_only=True)
class PrefectStages:
    """Runs each stage as a task in this event loop (``submit`` would cost a thread each) and remembers the states that edges come from."""

    context: TaskContext
    last: dict[str, State[Any]] = field(default_factory=dict)
    """The newest task state of each step: what the next task of the step, or of a dependant, waits for."""
    attempts: dict[str, int] = field(default_factory=dict)

    async def generate(self, step: Step, request: Request) -> Take | SubmittedJob:
        """See `animatic.engine.steps.Stages`."""
        attempt = self.attempts[step.key] = self.attempts.get(step.key, 0) + 1
        # The first task of a step hangs on its upstreams; a further attempt on what failed before it.
        before = self._ends_of(*step.depends_on) if attempt == 1 else self._ends_of(step.key)
        label = "generate" if attempt == 1 else f"generate ({attempt})"
        self.context.requests[step.key] = request
        found: Take | SubmittedJob = await self._call(generate, step, label, before)
        return found

    async def wait(self, step: Step, submission: SubmittedJob) -> Job:
        """See `animatic.engine.steps.Stages`."""
        self.context.submitted[step.key] = submission
        job: Job = await self._call(wait, step, "wait", self._ends_of(step.key))
        return job

    async def upload(self, step: Step, source: Take | tuple[SubmittedJob, Job]) -> tuple[Take, Delivered]:
        """See `animatic.engine.steps.Stages`."""
        self.context.sources[step.key] = source
        delivered: tuple[Take, Delivered] = await self._call(upload, step, "upload", self._ends_of(step.key))
        return delivered

    def ends(self) -> list[State[Any]]:
        """Return the last states of the steps on which no other hangs, and of the reels: what the record waits for."""
        inner = {key for step in self.context.run.plan.steps for key in step.depends_on}
        inner |= {
            key for cut in self.context.run.plan.cuts for key in cut.steps if f"reel {self.context.run.plan.cuts.index(cut)}" in self.last
        }
        return [state for key, state in self.last.items() if key not in inner]

    def _ends_of(self, *keys: str) -> list[State[Any]]:
        """Return the last states of steps; one that Prefect was never told of has none."""
        return [self.last[key] for key in keys if key in self.last]

    async def _call(self, task: Task[..., Any], step: Step, label: str, before: list[State[Any]]) -> Any:
        named = task.with_options(name=f"{step.key} · {task.name}", task_run_name=f"{step.key} · {label}")
        # A further attempt comes after a failed one, which Prefect would otherwise not let it follow.
        after = [allow_failure(earlier) for earlier in before]
        state = await call_task(self.context, step.key, lambda: named(step.key, wait_for=after, return_state=True))
        if state is not None:
            self.last[step.key] = state
        return await outcome_of(self.context, step.key, state)


async def outcome_of(context: TaskContext, key: str, state: State[Any] | None) -> Any:
    """Return what a task left on the context, or raise the error that ended it."""
    if key in context.outcomes:
        outcome = context.outcomes.pop(key)
        if isinstance(outcome, AnimaticError):
            raise outcome
        return outcome
    assert state is not None, "only a task that has left its outcome goes without a state"
    # The task ended without a word of ours: a failure of Prefect's, or an error of our own.
    failure = await state.aresult(raise_on_failure=False)
    raise failure if isinstance(failure, Exception) else PrefectError(f"the task of {key!r} ended {state.name} without a result")
