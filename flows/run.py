"""Executes a run: the body of every pipeline's flow.

Makes every step, assembles, writes the record, and returns the flow run's final state, which says how the run ended.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from prefect import get_run_logger
from prefect.client.schemas.objects import State
from prefect.context import TagsContext
from prefect.runtime import deployment, flow_run
from prefect.states import Cancelled, Completed, Failed

from animatic.engine.manifest_writer import ManifestWriter, record_reel
from animatic.engine.outcome import ended_by, outcome
from animatic.engine.questions import Question, decided_since, questions_of
from animatic.engine.reel import missing_from
from animatic.engine.run import Run, open_run
from animatic.engine.steps import make_all
from animatic.engine.wait import cancel_running
from animatic.errors import AnimaticError, ApprovalError, InDoubtError, InterruptedRunError, PrefectError, ServiceError, ShotError
from animatic.flows.accounts import end_summary
from animatic.flows.approval_texts import Request, decided_markdown, request_of
from animatic.flows.artifacts import ArtifactPublisher, public_address
from animatic.flows.events import announce_over_budget, announce_waiting, announcing
from animatic.flows.settling import SIMULATED_NOTE, STOPPED
from animatic.flows.slots import shared_slots
from animatic.flows.stages import PrefectStages, prefect_given_up
from animatic.flows.suspension import suspend
from animatic.manifest import Manifest, PrefectRun
from animatic.money import dollars
from animatic.plan import Plan
from animatic.settings import Settings, simulates_served_runs
from animatic.tasks.context import TaskContext, task_context


@dataclass(kw_only=True)
class FlowRunContext:
    """What a caller in this process hands to the flow body, and what it gets back: things that do not travel as flow parameters."""

    plan: Plan
    settings: Settings
    simulator_url: str | None = None
    on_begin: Callable[[FlowRunContext], None] = lambda _context: None
    """Called within the flow: Prefect takes SIGTERM for itself when a flow begins."""
    on_start: Callable[[FlowRunContext, Run], None] = lambda _context, _run: None
    """Called when everything is open, before the first step."""
    cancel_jobs: bool = False
    """Whether an interruption also cancels at Krea what the run waits for."""
    work: asyncio.Future[None] | None = None
    """The making of the run, once it has begun."""
    interrupted: bool = False
    flow_run_url: str | None = None
    manifest: Manifest | None = None
    """The final manifest, once it is written."""
    manifest_location: str | None = None
    page_location: str | None = None
    page_address: str | None = None
    """Where a browser finds the page, or where it lies."""
    error: AnimaticError | None = None
    """Why the run as a whole did not end well; None if all shots are delivered."""
    reported: bool = True
    """Whether Prefect knows how the run ended."""
    remarks: tuple[str, ...] = ()
    """What came of answers to earlier questions of the run that could not be followed."""
    asks: Request | None = None
    """What it asks of persons, where it waits for them."""
    as_of: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When the decisions were read that the plan knows."""
    decided: Callable[[], Awaitable[bool]] | None = None
    """Whether somebody has decided since about what it waits for; None: it waits for nobody."""

    def interrupt(self) -> None:
        """Stop the run: what was submitted is in the ledger, and the record is still written."""
        self.interrupted = True
        if self.work is not None:
            self.work.cancel()


CURRENT_FLOW_RUN: ContextVar[FlowRunContext | None] = ContextVar("animatic_flow_run", default=None)
"""The run that this process has planned already and hands to the flow; None in a flow run that a worker started."""


def is_simulated() -> bool:
    """Whether runs of this process go to the simulator: the one that it has planned, else those that a worker starts in it."""
    context = CURRENT_FLOW_RUN.get()
    return context.simulator_url is not None if context is not None else simulates_served_runs()


async def execute_run(context: FlowRunContext) -> State[None]:
    """Make everything that the plan wants and return the flow run's final state."""
    context.on_begin(context)
    context.flow_run_url = flow_run.ui_url
    # The run is tagged, its tasks are not: at every start of a tagged task Prefect asks the server for a slot, slowly, and waits for
    # a server that is away.
    with TagsContext(current_tags=set()):
        context.work = asyncio.ensure_future(_execute(context))
    if context.interrupted:  # asked to stop before it began
        context.work.cancel()
    try:
        await context.work
    except asyncio.CancelledError:
        if not context.interrupted:
            context.work.cancel()
            await asyncio.wait([context.work])
            raise
        context.error = InterruptedRunError(
            "interrupted", hint=f"what was submitted is in the ledger: `animatic resume {context.plan.run_id}`"
        )
    except AnimaticError as error:
        context.error = error
    if isinstance(context.error, ApprovalError) and deployment.id is not None:
        try:
            await _suspend(context)
        except AnimaticError as error:
            get_run_logger().warning("%s; decide in a terminal: %s", error.message, context.error.hint)
    return _final_state(context)


async def _suspend(context: FlowRunContext) -> None:
    """Suspend a run that waits for persons; one whose questions were all answered while it made other shots goes on at once, as its own."""
    decided = context.decided
    if decided is None or (context.asks is None and not await decided()):
        return
    asked: tuple[Question, ...] = ()
    headline, form = "decided while other shots were made: it goes on", ""
    if context.asks is not None:
        asked, form = context.asks.questions, context.asks.form
        headline = f"{context.asks.headline}\n  decide with Resume, or `animatic review {context.plan.run_id}`"
    await suspend(asked, message=f"{_mark(context)}{headline}", description=form, decided=decided)


async def _execute(context: FlowRunContext) -> None:
    """Open the run and make it, with artifacts and events as it goes on."""
    deployed = deployment.name if deployment.id is not None else None
    prefect = PrefectRun(flow_run_id=flow_run.id, url=context.flow_run_url, deployment=deployed)
    holder = UUID(flow_run.id) if flow_run.id else None
    async with (
        shared_slots(simulated=context.simulator_url is not None, holder=holder, tell=get_run_logger().warning) as slots,
        open_run(context.plan, context.settings, simulator_url=context.simulator_url, prefect=prefect, slots=slots) as run,
    ):
        writer = ManifestWriter(run)
        context.manifest_location, context.page_location = writer.manifest_location, writer.page_location
        context.on_start(context, run)
        async with ArtifactPublisher(run) as publisher:
            get_run_logger().info("%srun %s: %s", _mark(context), run.plan.run_id, publisher.plan_summary)
            try:
                with announcing(run), task_context(TaskContext(run=run, manifest_writer=writer)) as shared, _telling_what_goes_on(run):
                    await _make(context, writer, PrefectStages(context=shared))
                context.error = outcome(run)
                announce_over_budget(run.plan.pipeline, run.plan.run_id, context.error)
                await _ask(context, run, publisher)
            finally:
                context.page_address = public_address(run, "index.html") or writer.page_location
                if context.manifest is not None:
                    get_run_logger().info("%s%s: %s", _mark(context), end_summary(context.manifest), context.page_address)
                if not prefect_given_up(run):
                    await publisher.publish_end(context.manifest)


@contextlib.contextmanager
def _telling_what_goes_on(run: Run) -> Iterator[None]:
    """Add to the error of a service, which leaves no final manifest, what its summary would have told."""
    try:
        yield
    except ServiceError as error:
        raise ended_by(run, error, summed_up=False) from error


async def _ask(context: FlowRunContext, run: Run, publisher: ArtifactPublisher) -> None:
    """Tell what the run asks of persons, if it waits for them, or what they have decided, if it did before."""
    waits = isinstance(context.error, ApprovalError)
    context.decided = partial(decided_since, run, context.as_of) if waits else None
    questions = await questions_of(run) if waits else []
    if questions:
        context.asks = await request_of(run, questions, context.remarks)
        await publisher.publish_approval(context.asks.artifact, context.asks.headline)
        announce_waiting(run, context.asks)
    elif publisher.has_asked:
        await publisher.publish_approval(decided_markdown(run, context.manifest), "What was decided")


async def _make(context: FlowRunContext, writer: ManifestWriter, stages: PrefectStages) -> None:
    """Make every step, assemble, and write the record: also of a run that is cancelled, and where Prefect has gone away meanwhile."""
    run = stages.context.run
    try:
        async with writer:
            await make_all(run, stages)
            await stages.tell_skipped()
            await _assemble(run, stages)
    except asyncio.CancelledError:
        if context.cancel_jobs:
            await cancel_running(run)
        context.manifest = await writer.finish(cancelled=True)
        raise
    try:
        context.manifest = await stages.write_manifest()
    except PrefectError:
        context.manifest = await writer.finish(cancelled=False)
    for stray in context.manifest.stray_jobs:
        get_run_logger().warning("stray: job %s (%s), %s", stray.job_id, dollars(stray.usd), stray.why)


async def _assemble(run: Run, stages: PrefectStages) -> None:
    """Assemble the reel of every cut whose shots are all there."""
    logger = get_run_logger()
    for number, cut in enumerate(run.plan.cuts):
        if missing := missing_from(run, cut):
            message = f"no reel: {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
            logger.warning(message)
            record_reel(run, error=ShotError(message, code="upstream"))
            continue
        try:
            record_reel(run, reel=await stages.assemble(number, cut))
        except AnimaticError as error:
            record_reel(run, error=error)


def _final_state(context: FlowRunContext) -> State[None]:
    """Return the state, whose message says what there is, what it cost, and where; or what is wrong and what to do."""
    mark = _mark(context)
    match context.error:
        case InterruptedRunError() as error:
            return Cancelled(message=mark + interrupted_message(context.plan.run_id, context.manifest, error))
        case ApprovalError() as error:
            return Failed(name="Waits for approval", message=f"{mark}{error}")
        case InDoubtError() as error:
            return Failed(name="In doubt", message=f"{mark}{error}")
        case AnimaticError() as error:
            return Failed(message=f"{mark}{error}")
        case None:
            pass
    manifest = context.manifest
    shots = manifest.shots if manifest is not None else ()
    beside = f"; {len(manifest.stray_jobs)} paid beside, see `animatic doubts`" if manifest is not None and manifest.stray_jobs else ""
    if manifest is not None and manifest.made_nothing:
        told = f"all {len(shots)} shots were made before: nothing was submitted, nothing was paid"
        return Completed(name="Reused", message=f"{mark}{told}{beside}")
    return Completed(message=f"{mark}{end_summary(manifest)}{beside}: {context.page_address}" if manifest is not None else mark)


def interrupted_message(run_id: str, manifest: Manifest | None, error: AnimaticError | None = None) -> str:
    """Return what is said of a run that was stopped: what is there, and how to go on."""
    there = f"{end_summary(manifest)}. " if manifest is not None else ""
    hint = error.hint if error is not None and error.hint else f"what was submitted is in the ledger: `animatic resume {run_id}`"
    return f"{STOPPED}{there}{hint[0].upper()}{hint[1:]}"


def _mark(context: FlowRunContext) -> str:
    return SIMULATED_NOTE if context.simulator_url is not None else ""
