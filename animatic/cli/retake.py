"""``retake``: generates a further take of one shot, beside those that are there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from animatic.catalog import Catalog
from animatic.cli.execution import Prepared, prepare, run_async, start
from animatic.cli.lookup import declared
from animatic.cli.options import (
    cancel_jobs_option,
    deliver_option,
    file_option,
    json_option,
    param_option,
    parse_assignments,
    parse_params,
    simulate_option,
)
from animatic.cli.output import count, say
from animatic.engine.estimate import Estimate
from animatic.engine.plan_run import PlanOptions, Retake, pipeline_named, plan_retake
from animatic.errors import UsageError
from animatic.money import dollars
from animatic.settings import Settings
from animatic.source.parser import resolve


@click.command()
@click.argument("pipeline")
@click.argument("shot")
@click.option("--prompt", metavar="TEXT", help="Use another prompt for this take.")
@click.option("--set", "fields", multiple=True, metavar="FIELD=VALUE", help="Use another value of a field for this take. Repeatable.")
@click.option("--keep-downstream", is_flag=True, help="Keep the clips of downstream shots instead of regenerating them.")
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
    """Generate a new take of one shot.

    The new take is used from then on; earlier ones stay (see `animatic takes`). Downstream shots are regenerated, or kept with
    --keep-downstream.
    """
    settings = Settings.from_environment()
    declaration = declared(files)
    spec = pipeline_named(declaration, pipeline)
    if not simulate:
        settings.require_token()
    options = PlanOptions(deliver=deliver, simulated=simulate, outage=settings.patience.outage)
    changes = _changes(prompt, fields)

    async def planned() -> Prepared:
        catalog = Catalog.load(settings.home)
        made = await plan_retake(declaration, spec, parse_params(params), catalog, options, shot=shot, changes=changes)
        kept = await made.keep_downstream() if keep_downstream else ()
        prepared = await prepare(spec, made.plan, made.ledger, settings, simulate=simulate)
        say("\n".join(_announced(made, prepared.estimate, shot, kept)))
        return prepared

    return start(run_async(planned()), as_json=as_json, cancel_jobs=cancel_jobs)


def _announced(made: Retake, estimate: Estimate, shot: str, kept: tuple[str, ...]) -> list[str]:
    """Return what is about to be paid, and what happens to the shots downstream."""
    price = dollars(estimate.to_pay_usd) + (f" and {estimate.unpriced} without a known price" if estimate.unpriced else "")
    lines = [f"Take {made.number} of {shot}: {price} for {count(len(estimate.to_pay), 'shot')} to generate"]
    regenerated = [key for key in made.stale if key not in kept]
    if regenerated:
        lines.append(f"  downstream, regenerated: {', '.join(regenerated)}")
    if kept:
        lines.append(f"  downstream, kept as they are: {', '.join(kept)}")
    return lines


def _changes(prompt: str | None, fields: tuple[str, ...]) -> dict[str, Any]:
    """Return the changed fields of the request. ``--set duration=8`` is read as YAML would; ``null`` leaves the field out."""
    changes: dict[str, Any] = {
        name: resolve(value) for name, value in parse_assignments(fields, option="--set", form="field=value").items()
    }
    if prompt is not None:
        if "prompt" in changes:
            raise UsageError("the prompt is given twice: by --prompt and by --set")
        changes["prompt"] = prompt
    return changes
