"""The verb ``retake``: a further take of one shot, beside those that are there."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from animatic.catalog import Catalog
from animatic.cli.loop import run_async
from animatic.cli.options import (
    cancel_jobs_option,
    deliver_option,
    file_option,
    json_option,
    param_option,
    parse_params,
    simulate_option,
)
from animatic.cli.perform import Prepared, start
from animatic.cli.sources import declared
from animatic.engine.estimate import Estimate, check_money, estimate
from animatic.engine.plan_run import PlanOptions, Retake, pipeline_named, plan_retake
from animatic.errors import UsageError
from animatic.settings import Settings
from animatic.source.parser import resolve
from animatic.spec import Declaration, PipelineSpec


@click.command()
@click.argument("pipeline")
@click.argument("shot")
@click.option("--prompt", metavar="TEXT", help="Another prompt, for this take only.")
@click.option("--set", "fields", multiple=True, metavar="FIELD=VALUE", help="Another value of a field, for this take only. Repeatable.")
@click.option("--keep-downstream", is_flag=True, help="Keep the clips that hang on the shot as they are, instead of making them anew.")
@param_option
@file_option
@simulate_option
@deliver_option
@cancel_jobs_option
@json_option
def retake(
    pipeline: str,
    shot: str,
    prompt: str | None,
    fields: tuple[str, ...],
    keep_downstream: bool,
    params: tuple[str, ...],
    files: tuple[Path, ...],
    simulate: bool,
    deliver: str | None,
    cancel_jobs: bool,
    as_json: bool,
) -> int:
    """Pay for a new take of a SHOT, which counts from then on; what hangs on it is made anew, or kept as asked. Nothing is overwritten."""
    settings = Settings.from_environment()
    declaration = declared(files)
    spec = pipeline_named(declaration, pipeline)
    if not simulate:
        settings.require_token()
    options = PlanOptions(deliver=deliver, simulated=simulate, outage=settings.patience.outage)
    changes = _changes(prompt, fields)
    prepared = run_async(_prepare(declaration, spec, parse_params(params), settings, options, shot, changes, keep=keep_downstream))
    return start(prepared, as_json=as_json, cancel_jobs=cancel_jobs)


async def _prepare(
    declaration: Declaration,
    spec: PipelineSpec,
    params: dict[str, str],
    settings: Settings,
    options: PlanOptions,
    shot: str,
    changes: dict[str, Any],
    *,
    keep: bool,
) -> Prepared:
    made = await plan_retake(declaration, spec, params, Catalog.load(settings.home), options, shot=shot, changes=changes)
    kept = await made.keep_downstream() if keep else ()
    found = await estimate(made.plan, made.ledger)
    check_money(made.plan, found)
    _tell(made, found, shot, kept)
    return Prepared(spec=spec, plan=made.plan, found=found, settings=settings, simulate=options.simulated)


def _tell(made: Retake, found: Estimate, shot: str, kept: tuple[str, ...]) -> None:
    lines = [f"Take {made.number} of {shot}: {found.to_pay_usd.normalize():f} USD for {len(found.to_pay)} shots to be made"]
    anew = [key for key in made.stale if key not in kept]
    if anew:
        lines.append(f"  stale, made anew: {', '.join(anew)}")
    if kept:
        lines.append(f"  stale, kept as they are: {', '.join(kept)}")
    print("\n".join(lines), file=sys.stderr, flush=True)


def _changes(prompt: str | None, fields: tuple[str, ...]) -> dict[str, Any]:
    """Read ``--set duration=8`` as YAML would; ``null`` leaves the field out."""
    changes: dict[str, Any] = {} if prompt is None else {"prompt": prompt}
    for item in fields:
        name, equals, value = item.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--set {item!r} is not of the form field=value")
        if name.strip() in changes:
            raise UsageError(f"{name.strip()} is given twice")
        changes[name.strip()] = resolve(value)
    return changes
