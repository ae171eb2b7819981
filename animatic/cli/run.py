"""``run``: plans a pipeline, or takes a saved plan, generates what has no take yet, and delivers it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from animatic.catalog import Catalog
from animatic.cli.execution import Prepared, prepare, run_async, start
from animatic.cli.lookup import declared, require_token
from animatic.cli.options import (
    Asked,
    asked_options,
    cancel_jobs_option,
    deliver_option,
    file_option,
    fresh_option,
    joined,
    json_option,
    only_option,
    simulate_option,
)
from animatic.cli.saved_plans import Request, read_plan, refuse_beside, require_same
from animatic.engine.plan_run import PlanOptions, pipeline_named, plan_here
from animatic.plan import Plan
from animatic.settings import Settings


@click.command()
@click.argument("pipeline", required=False)
@asked_options
@file_option
@only_option
@fresh_option
@simulate_option
@deliver_option
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Run exactly this plan, written by `animatic plan --out`, or refuse with the difference. It needs no other planning option.",
)
@cancel_jobs_option
@json_option
def run(
    pipeline: str | None,
    asked: Asked,
    files: tuple[Path, ...],
    only: tuple[str, ...],
    fresh: bool,
    simulate: bool,
    deliver: str | None,
    plan_file: Path | None,
    cancel_jobs: bool,
    as_json: bool,
) -> int:
    """Generate what has no take yet, and deliver clips, reel and manifest.

    Without PIPELINE it is the first of the file. Takes of unchanged shots are reused. Ctrl-C stops in good order, and `animatic resume`
    continues.
    """
    saved: Plan | None = None
    if plan_file is None:
        options = PlanOptions(only=joined(only), fresh=fresh, deliver=deliver, simulated=simulate, profile=asked.profile)
        request = Request(files=files, options=options)
    else:
        beside: dict[str, object] = {**asked.given, "--file": files}
        beside |= {"--only": only, "--fresh": fresh, "--simulate": simulate, "--deliver": deliver}
        refuse_beside("--plan", plan_file, pipeline, beside)
        saved, request = read_plan(plan_file)
        pipeline = saved.pipeline
    settings = Settings.from_environment()
    declaration = declared(request.files)
    spec = pipeline_named(declaration, pipeline)
    values = request.params if saved is not None else asked.values(spec)
    if not request.options.simulated:
        require_token(settings, declaration, spec.name)

    async def planned() -> Prepared:
        options = replace(request.options, outage=settings.patience.outage)
        plan, ledger = await plan_here(declaration, spec, values, Catalog.load(settings.home), options)
        if saved is not None and plan_file is not None:
            require_same(plan_file, saved, plan)
        return await prepare(spec, plan, ledger, settings, simulate=options.simulated)

    return start(run_async(planned()), as_json=as_json, cancel_jobs=cancel_jobs)
