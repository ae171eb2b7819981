"""``run``: plans a pipeline, generates what has no take yet, and delivers it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from animatic.catalog import Catalog
from animatic.cli.execution import Prepared, prepare, run_async, start
from animatic.cli.lookup import declared
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
from animatic.engine.plan_run import PlanOptions, pipeline_named, plan_here
from animatic.errors import UsageError
from animatic.plan import Plan, diff_plans, plan_from_json
from animatic.settings import Settings


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
    help="Run exactly this plan, written by `animatic plan --out`, or refuse with the difference.",
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
    """Generate what has no take yet, and deliver clips, reel and manifest.

    Without PIPELINE it is the first of the file. Takes of unchanged shots are reused. Ctrl-C stops in good order, and `animatic resume`
    continues.
    """
    settings = Settings.from_environment()
    declaration = declared(files)
    spec = pipeline_named(declaration, pipeline)
    if not simulate:
        settings.require_token()
    options = PlanOptions(only=only, fresh=fresh, deliver=deliver, simulated=simulate, outage=settings.patience.outage)

    async def planned() -> Prepared:
        plan, ledger = await plan_here(declaration, spec, parse_params(params), Catalog.load(settings.home), options)
        if plan_file is not None:
            _require_same(plan_file, plan)
        return await prepare(spec, plan, ledger, settings, simulate=simulate)

    return start(run_async(planned()), as_json=as_json, cancel_jobs=cancel_jobs)


def _require_same(plan_file: Path, now: Plan) -> None:
    """Raise UsageError unless the written plan is what would run now."""
    try:
        wanted = plan_from_json(json.loads(plan_file.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{plan_file} is not a plan: {error}", hint="make one with `animatic plan PIPELINE --out plan.json`") from None
    if difference := diff_plans(wanted, now):
        raise UsageError(
            f"the plan in {plan_file} is not what would run now:\n  " + "\n  ".join(difference), hint="look at it, then plan again"
        )
