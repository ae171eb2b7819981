"""``plan``: what a run would make, reuse and pay, without doing any of it."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from animatic.cli.loop import run_async
from animatic.cli.options import (
    deliver_option,
    file_option,
    fresh_option,
    json_option,
    only_option,
    param_option,
    parse_params,
    simulate_option,
)
from animatic.errors import MoneyError, StorageError, UsageError

if TYPE_CHECKING:
    from animatic.catalog import Catalog
    from animatic.engine.estimate import Estimate
    from animatic.engine.plan_run import PlanOptions
    from animatic.plan import Plan, Step
    from animatic.spec import Declaration, PipelineSpec


@click.command()
@click.argument("pipeline", required=False)
@param_option
@file_option
@only_option
@fresh_option
@simulate_option
@deliver_option
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the plan to a file, for `animatic run --plan`.")
@click.option("--graph", type=click.Choice(["mermaid", "svg"]), help="Print the storyboard as a graph instead.")
@json_option
def plan(
    pipeline: str | None,
    params: tuple[str, ...],
    files: tuple[Path, ...],
    only: str | None,
    fresh: bool,
    simulate: bool,
    deliver: str | None,
    out: Path | None,
    graph: str | None,
    as_json: bool,
) -> int:
    """Show shot by shot what running a PIPELINE would make or reuse, why, and what it would cost."""
    from animatic.catalog import Catalog
    from animatic.cli.sources import declared
    from animatic.engine.plan_run import PlanOptions, pipeline_named
    from animatic.plan import minutes_from
    from animatic.settings import Settings

    declaration = declared(files)
    spec = pipeline_named(declaration, pipeline)
    options = PlanOptions(only=only, fresh=fresh, deliver=deliver, simulated=simulate)
    catalog = Catalog.load(Settings.from_environment().home)
    made, found = _planned(declaration, spec, parse_params(params), catalog, options)
    _warn(made, declaration)
    if out is not None:
        _write(out, made)
    _print(made, found, minutes_from(catalog), graph, as_json=as_json)
    return _refused(made, found)


def _planned(
    declaration: Declaration, spec: PipelineSpec, params: dict[str, str], catalog: Catalog, options: PlanOptions
) -> tuple[Plan, Estimate | None]:
    """Plan against the destination's ledger; where that cannot be read, as if nothing had been made yet (estimate None)."""
    from animatic.engine.estimate import estimate
    from animatic.engine.plan_run import plan_here, plan_unread

    async def look() -> tuple[Plan, Estimate]:
        made, ledger = await plan_here(declaration, spec, params, catalog, options)
        return made, await estimate(made, ledger)

    try:
        return run_async(look())
    except StorageError as error:
        _say(f"warning: the destination cannot be read, so every shot counts as to be made: {error.message}")
        return plan_unread(declaration, spec, params, catalog, options), None


def _print(made: Plan, found: Estimate | None, minutes_of: Callable[[Step], float], graph: str | None, *, as_json: bool) -> None:
    if graph is not None:
        from animatic.plan import as_mermaid, as_svg

        print(as_mermaid(made) if graph == "mermaid" else as_svg(made), end="")
        return
    from animatic.plan.report import render_plan

    decisions = None if found is None else found.decisions
    if as_json:
        print(json.dumps(_as_json(made, found, minutes_of), indent=2, ensure_ascii=False))
    else:
        print(render_plan(made, decisions, minutes_of=minutes_of))


def _as_json(made: Plan, found: Estimate | None, minutes_of: Callable[[Step], float]) -> dict[str, Any]:
    """Return the plan with what it would do. Money as numbers here, as text inside ``plan``; unknown prices are counted, never 0."""
    from animatic.plan import plan_to_json
    from animatic.plan.report import to_pay

    decisions = None if found is None else found.decisions
    usd, unpriced = to_pay(made, decisions)
    chain, minutes = made.critical_path(minutes_of)
    return {
        "pipeline": made.pipeline,
        "run_id": made.run_id,
        "destination_read": found is not None,
        "to_pay_usd": float(usd),
        "estimated_usd": float(made.estimated_usd),
        "unpriced": unpriced,
        "budget_usd": None if made.budget_usd is None else float(made.budget_usd),
        "critical_path": list(chain),
        "expected_minutes": round(minutes, 2),
        "steps": [
            {
                "key": step.key,
                "action": decisions[step.key].action if decisions is not None else "run",
                "reason": decisions[step.key].reason if decisions is not None else None,
                "model": step.request.model,
                "usd": None if step.request.price.usd is None else float(step.request.price.usd),
                "depends_on": list(step.depends_on),
                "fingerprint": step.fingerprint,
            }
            for step in made.steps
        ],
        "plan": plan_to_json(made),
    }


def _refused(made: Plan, found: Estimate | None) -> int:
    """Say why a run of this plan would be refused for money. Returns the exit code."""
    from animatic.engine.estimate import Estimate, check_money

    if found is None:
        found = Estimate(decisions={}, to_pay=tuple({step.fingerprint: step for step in made.steps}.values()))
    try:
        check_money(made, found)
    except MoneyError as error:
        _say(f"error: {error}")
        return error.exit_code
    return 0


def _warn(made: Plan, declaration: Declaration) -> None:
    if made.warnings:
        from animatic.cli.problems import color_wanted
        from animatic.source import render_problems

        _say(render_problems(made.warnings, declaration.documents, color=color_wanted()))


def _write(out: Path, made: Plan) -> None:
    """Write the plan whole or not at all."""
    from animatic.plan import plan_to_json

    text = json.dumps(plan_to_json(made), indent=1, ensure_ascii=False) + "\n"
    try:
        handle, name = tempfile.mkstemp(prefix=f".{out.name}-", dir=out.absolute().parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(out)
    except OSError as error:
        raise UsageError(f"cannot write the plan to {out}: {error.strerror}", hint="choose another place with --out") from None
    _say(f"plan written to {out}; run it with: animatic run {made.pipeline} --plan {out}")


def _say(text: str) -> None:
    print(text, file=sys.stderr)
