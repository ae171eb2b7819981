"""Prepares a run and executes it with live progress: what ``run``, ``resume`` and ``retake`` share.

A run is planned and refused early; only then do the simulator and the local Prefect server start, and Prefect is imported.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import sys
from collections.abc import Collection, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from animatic.cli.advice import carry_simulate
from animatic.cli.collecting import importing
from animatic.cli.ending import report
from animatic.cli.output import leave_unread, say, show_problems
from animatic.errors import InterruptedRunError
from animatic.home import part_of
from animatic.settings import Settings, quieten_prefect, use_prefect_api
from animatic.signals import stop_signals

if TYPE_CHECKING:
    from animatic.engine.estimate import Estimate
    from animatic.engine.run import Run
    from animatic.flows.run import FlowRunContext
    from animatic.ledger import Ledger
    from animatic.plan import Plan
    from animatic.simulator.launch import Running
    from animatic.spec import PipelineSpec

T = TypeVar("T")


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end and return the result, as `asyncio.run` does.

    The result is kept from the task that makes it: restoring Ctrl-C, Python 3.11's `asyncio.run` formats the finished task, and with it its
    result, which takes longer than planning where that is a plan of thousands of shots.
    """
    results: list[T] = []

    async def keep() -> None:
        results.append(await work)

    asyncio.run(keep())
    return results[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """A run that may start: planned and affordable."""

    spec: PipelineSpec
    plan: Plan
    estimate: Estimate
    settings: Settings
    simulate: bool


async def prepare(
    spec: PipelineSpec, plan: Plan, ledger: Ledger, settings: Settings, *, simulate: bool, resumed: bool = False, kept: Collection[str] = ()
) -> Prepared:
    """Compare the plan with the ledger. ``resumed``: the run has begun before; ``kept``: fingerprints whose takes it records first.

    Raises OverBudgetError or UnknownPriceError for what may not be paid, DeclarationError where nothing can be signed that is to be,
    StorageError.
    """
    from animatic.engine.estimate import check_money
    from animatic.engine.estimate import estimate as estimate_plan
    from animatic.engine.signing import check_signing

    check_signing(plan, spec, settings)
    estimate = await estimate_plan(plan, ledger, resumed=resumed, kept=kept)
    check_money(plan, estimate)
    return Prepared(spec=spec, plan=plan, estimate=estimate, settings=settings, simulate=simulate)


def start(prepared: Prepared, *, as_json: bool, cancel_jobs: bool, told: Mapping[str, Any] | None = None) -> int:
    """Execute a prepared run with live progress, print the result, and return the exit code. Raises PrefectError where no API answers.

    ``told``: what programs are to be told besides how the run ended.
    """
    if prepared.simulate:
        carry_simulate()
    if prepared.plan.warnings:
        show_problems(prepared.plan.warnings)
    context: FlowRunContext | None = None
    try:
        with _services(prepared) as simulator_url:
            context = asyncio.run(_execute(prepared, simulator_url, cancel_jobs=cancel_jobs))
    except KeyboardInterrupt:  # while the run goes on, it hears them itself
        if context is None:
            raise InterruptedRunError("interrupted before the run began: nothing was submitted, nothing was paid") from None
    try:
        report(context, as_json=as_json, told=told or {})
        sys.stdout.flush()
    except (BrokenPipeError, KeyboardInterrupt):  # the run has ended as it has, whoever reads of it: a pager that is left with Ctrl-C
        leave_unread()
    except OSError as error:
        if error.errno != errno.EIO:  # the terminal was closed
            raise
        leave_unread()
    code = 0 if context.error is None else context.error.exit_code
    if not context.reported:
        # Prefect's threads would go on trying to deliver their events for minutes before they let the process end.
        sys.stdout.flush()
        os._exit(code)
    return code


@contextlib.contextmanager
def _services(prepared: Prepared) -> Iterator[str | None]:
    """Start what the run needs, side by side: the simulator, the local Prefect server, Prefect's import. Yields the simulator's URL."""
    from animatic.prefect.server import ensure_api

    quieten_prefect()
    with ThreadPoolExecutor(1, thread_name_prefix="services") as pool:
        starting = pool.submit(_start_simulator, prepared.settings) if prepared.simulate else None
        try:
            use_prefect_api(ensure_api(prepared.settings.home, tell=say))
            with importing():
                import animatic.flows.launch  # noqa: F401

            yield starting.result().url if starting else None
        finally:
            if starting is not None:
                with contextlib.suppress(Exception):
                    starting.result().stop()


def _start_simulator(settings: Settings) -> Running:
    from animatic.simulator import launch

    return launch.start(part_of(settings.home, "simulator"))


async def _execute(prepared: Prepared, simulator_url: str | None, *, cancel_jobs: bool) -> FlowRunContext:
    """Run the flow, with the live view from the moment at which its shots are known."""
    from animatic.cli.live import LiveView
    from animatic.flows.launch import hide_tracebacks, launch
    from animatic.plan import pipeline_text

    hide_tracebacks()
    with contextlib.ExitStack() as views:

        def show(context: FlowRunContext, run: Run) -> None:
            if context.flow_run_url:
                say(f"Watch it in the Prefect UI: {context.flow_run_url}")
            title = f"{pipeline_text(run.plan.pipeline, {}, run.plan.profile)} · {run.plan.run_id}"
            views.enter_context(LiveView(run.progress, title, simulated=run.simulated, budget=run.plan.budget_usd))

        return await launch(
            prepared.spec,
            prepared.plan,
            prepared.settings,
            simulator_url=simulator_url,
            on_start=show,
            register=partial(_stop_on_signals, views),
            cancel_jobs=cancel_jobs,
        )


def _awaited() -> str:
    """Say how many submissions are on their way without an answer, empty if none is."""
    from animatic.engine.run import SENDING_HERE

    count = len(SENDING_HERE)
    return f"{count} {'submission has' if count == 1 else 'submissions have'} no answer yet" if count else ""


def _stop_on_signals(views: contextlib.ExitStack, context: FlowRunContext) -> None:
    """Stop in good order at the first Ctrl-C or SIGTERM, and at once at the second: the ledger is true at every moment anyway.

    A terminal that is closed (SIGHUP) is a first one only: shell and kernel may both send it, often with SIGTERM beside it.
    """
    loop = asyncio.get_running_loop()
    asked: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        if number is not signal.SIGHUP:
            asked.append(number)
        if len(asked) > 1:
            views.close()  # the live view would be left on the terminal, without its cursor, and this message behind it
            said = (
                f"{waits}, so that a person may have to tell whose their jobs are"
                if (waits := _awaited())
                else "what was submitted is in the ledger"
            )
            say(f"Stopped at once: {said}; go on with `animatic resume {context.plan.run_id}`")
            os._exit(InterruptedRunError.exit_code)
        if context.interrupted:
            return
        fate = "is cancelled" if context.cancel_jobs else "runs on at Krea and is in the ledger"
        first = f"{waits}, which is waited for; " if (waits := _awaited()) else ""
        say(f"Stopping: {first}what was submitted {fate} (once more to stop at once) ...")
        context.interrupt()

    for number in stop_signals():
        loop.add_signal_handler(number, stop, number)
