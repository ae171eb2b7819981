"""The verbs that may pay: ``run`` and ``resume``. They plan first, refuse early, and only then wait for Prefect to be imported."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from animatic.catalog import Catalog
from animatic.cli.loop import run_async
from animatic.cli.options import (
    cancel_jobs_option,
    deliver_option,
    file_option,
    fresh_option,
    json_option,
    only_option,
    param_option,
    parse_params,
    simulate_option,
)
from animatic.cli.sources import declared
from animatic.engine.estimate import Estimate, check_money, survey
from animatic.engine.history import find_run, places
from animatic.engine.plan_run import PlanOptions, pipeline_named, plan_here
from animatic.errors import AnimaticError, UsageError
from animatic.plan import Plan, diff_plans, plan_from_json
from animatic.settings import Settings
from animatic.spec import Declaration, PipelineSpec

if TYPE_CHECKING:
    from animatic.engine.run import Run
    from animatic.flows.run import FlowRunContext


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """A run that may start: planned, affordable, and with its services coming up."""

    spec: PipelineSpec
    plan: Plan
    found: Estimate
    settings: Settings
    simulate: bool


@click.command()
@click.argument("pipeline", required=False)
@param_option
@file_option
@only_option
@fresh_option
@simulate_option
@deliver_option
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path),
    help="Run exactly this plan (of `animatic plan --out`), or refuse with the difference.",
)
@cancel_jobs_option
@json_option
def run(
    pipeline: str | None,
    params: tuple[str, ...],
    files: tuple[Path, ...],
    only: str | None,
    fresh: bool,
    simulate: bool,
    deliver: str | None,
    plan_file: Path | None,
    cancel_jobs: bool,
    as_json: bool,
) -> int:
    """Make every shot of a PIPELINE that is not made yet, and deliver the clips, the reel and the record."""
    settings = Settings.from_environment()
    declaration = declared(files)
    spec = pipeline_named(declaration, pipeline)
    if not simulate:
        settings.require_token()
    options = PlanOptions(only=only, fresh=fresh, deliver=deliver, simulated=simulate, outage=settings.patience.outage)
    prepared = run_async(_prepare(declaration, spec, parse_params(params), settings, options, plan_file))
    return start(prepared, as_json=as_json, cancel_jobs=cancel_jobs)


@click.command()
@click.argument("run_id", metavar="RUN")
@file_option
@deliver_option
@cancel_jobs_option
@json_option
def resume(run_id: str, files: tuple[Path, ...], deliver: str | None, cancel_jobs: bool, as_json: bool) -> int:
    """Take up what a crashed, interrupted or failed RUN left: jobs that were paid for are adopted, only what is missing is paid for."""
    settings = Settings.from_environment()
    declaration = declared(files)
    prepared = run_async(_take_up(declaration, run_id, deliver, settings))
    if not prepared.simulate:
        settings.require_token()
    return start(prepared, as_json=as_json, cancel_jobs=cancel_jobs)


async def _take_up(declaration: Declaration, run_id: str, deliver: str | None, settings: Settings) -> Prepared:
    past = await find_run(run_id, places(declaration, deliver))
    found = await survey(past.plan, past.place.ledger)
    check_money(past.plan, found)
    spec = pipeline_named(declaration, past.plan.pipeline)
    return Prepared(spec=spec, plan=past.plan, found=found, settings=settings, simulate=past.place.simulated)


async def _prepare(
    declaration: Declaration, spec: PipelineSpec, params: dict[str, Any], settings: Settings, options: PlanOptions, plan_file: Path | None
) -> Prepared:
    plan, ledger = await plan_here(declaration, spec, params, Catalog.load(settings.home), options)
    if plan_file is not None:
        plan = _exactly(plan_file, plan)
    found = await survey(plan, ledger)
    check_money(plan, found)
    return Prepared(spec=spec, plan=plan, found=found, settings=settings, simulate=options.simulated)


def _exactly(plan_file: Path, now: Plan) -> Plan:
    try:
        wanted = plan_from_json(json.loads(plan_file.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{plan_file} is not a plan: {error}", hint="make one with `animatic plan PIPELINE --out plan.json`") from None
    if difference := diff_plans(wanted, now):
        raise UsageError(
            f"the plan in {plan_file} is not what would run now:\n  " + "\n  ".join(difference), hint="look at it, then plan again"
        )
    return now


def start(prepared: Prepared, *, as_json: bool, cancel_jobs: bool = False) -> int:
    """Run what was prepared with live progress; prints the result and returns the exit code."""
    from animatic.cli.problems import show_problems

    if prepared.plan.warnings:
        show_problems(prepared.plan.warnings)
    with _services(prepared) as simulator:
        performance = asyncio.run(_launch(prepared, simulator, cancel_jobs=cancel_jobs))
    _tell(performance, as_json=as_json)
    code = 0 if performance.error is None else performance.error.exit_code
    if not performance.reported:
        # Prefect's workers would go on trying to deliver their events for minutes before they let the process end.
        sys.stdout.flush()
        os._exit(code)
    return code


@contextlib.contextmanager
def _services(prepared: Prepared) -> Iterator[str | None]:
    """Bring up what the run needs, all at once: the simulator, the local Prefect server, and the import of Prefect."""
    from animatic.prefect.server import configured_api_url

    chosen = configured_api_url(os.environ)
    os.environ.setdefault("PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED", "false")
    # About half a minute: the run itself goes on without the server, only its last word to it waits.
    os.environ.setdefault("PREFECT_CLIENT_MAX_RETRIES", "4")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    # Prefect's log lines are for its UI; this terminal shows the shots.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    os.environ.setdefault("PREFECT_LOGGING_INTERNAL_LEVEL", "CRITICAL")
    with ThreadPoolExecutor(1, thread_name_prefix="services") as pool:
        simulator: Future[Any] | None = pool.submit(_start_simulator, prepared.settings) if prepared.simulate else None
        try:
            os.environ["PREFECT_API_URL"] = prefect_url(prepared.settings, chosen)
            # The simulator starts in another process meanwhile. Prefect reads its settings when it is imported.
            import animatic.flows.launch  # noqa: F401

            yield simulator.result().url if simulator else None
        finally:
            if simulator is not None:
                with contextlib.suppress(Exception):
                    simulator.result().stop()


def _start_simulator(settings: Settings) -> Any:
    from animatic.simulator import launch as simulator

    return simulator.start(settings.home / "simulator")


def prefect_url(settings: Settings, chosen: str | None = None) -> str:
    """Return the address of a Prefect API that answers: the configured one, else the local server's, started if need be. Raises PrefectError."""
    from animatic.prefect.server import answering, configured_api_url, ensure

    chosen = chosen or configured_api_url(os.environ)
    if chosen is None:
        return ensure(settings.home, tell=_say).api_url
    if not answering(chosen):
        from animatic.errors import PrefectError

        raise PrefectError(
            "the Prefect API of PREFECT_API_URL does not answer", hint="start it, or unset PREFECT_API_URL to use a local server"
        )
    return chosen


async def _launch(prepared: Prepared, simulator_url: str | None, *, cancel_jobs: bool) -> FlowRunContext:
    from animatic.flows.launch import hide_tracebacks, launch

    hide_tracebacks()
    views = contextlib.ExitStack()

    def show(performance: FlowRunContext, run_: Run) -> None:
        from animatic.cli.live import LiveView

        if performance.flow_run_url:
            _say(f"Watch it in the Prefect UI: {performance.flow_run_url}")
        views.enter_context(LiveView(run_.progress, f"{run_.plan.pipeline} · {run_.plan.run_id}", simulated=run_.simulated))

    with views:
        return await launch(
            prepared.spec,
            prepared.plan,
            prepared.settings,
            simulator_url=simulator_url,
            on_start=show,
            register=_end_on_signals,
            cancel_jobs=cancel_jobs,
        )


def _end_on_signals(performance: FlowRunContext) -> None:
    """First Ctrl-C (or SIGTERM): stop in good order. Second: at once; the ledger is true at every moment anyway."""
    loop = asyncio.get_running_loop()

    def heard() -> None:
        if performance.interrupted:
            os._exit(130)
        fate = "is cancelled" if performance.cancel_jobs else "stays in the ledger"
        _say(f"Stopping: what was submitted {fate} (once more to stop at once) ...")
        performance.interrupt()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, heard)


def _tell(performance: FlowRunContext, *, as_json: bool) -> None:
    manifest = performance.manifest.model_dump(mode="json", by_alias=True) if performance.manifest else {}
    error: AnimaticError | None = performance.error
    if as_json:
        result = {
            "run_id": performance.plan.run_id,
            "pipeline": performance.plan.pipeline,
            "state": manifest.get("state"),
            "manifest": performance.manifest_location,
            "page": performance.page_location,
            "flow_run_url": performance.flow_run_url,
            "cost": manifest.get("cost"),
            "shots": {
                shot["state"]: sum(other["state"] == shot["state"] for other in manifest["shots"]) for shot in manifest.get("shots", [])
            },
            "error": None if error is None else {"exit_code": error.exit_code, "message": error.message, "hint": error.hint},
        }
        print(json.dumps(result, indent=2, ensure_ascii=False))
    elif manifest:
        print(_summary(performance, manifest))
    if not performance.reported:
        _say("Prefect does not answer: it will show this run as running; the manifest is right")
    if error is not None:
        _say(f"error: {error}")


def _summary(performance: FlowRunContext, manifest: dict[str, Any]) -> str:
    shots = manifest["shots"]
    counts = ", ".join(
        f"{sum(shot['state'] == state for shot in shots)} {state.replace('_', ' ')}"
        for state in dict.fromkeys(shot["state"] for shot in shots)
    )
    cost = manifest["cost"]
    money = f"billed {cost['billed_usd']:.2f} USD" + (f", {cost['unpriced']} without a known price" if cost["unpriced"] else "")
    if all(shot["state"] == "reused" for shot in shots):
        counts = f"all {len(shots)} shots are unchanged and were reused"
        money = "nothing was submitted, nothing was paid"
    lines = [f"{performance.plan.pipeline} {performance.plan.run_id}: {counts}; {money}{' (simulated)' if manifest['simulated'] else ''}"]
    if manifest.get("reel"):
        lines.append(
            f"  reel      {performance.page_location.removesuffix('index.html') if performance.page_location else ''}{manifest['reel'].get('file', 'reel.mp4')}"
        )
    lines += [f"  page      {performance.page_location}", f"  manifest  {performance.manifest_location}"]
    return "\n".join(lines)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
