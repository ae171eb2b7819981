"""``plan``: shows what a run would generate, reuse and pay, without doing any of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from animatic.cli.execution import run_async
from animatic.cli.lookup import declared
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
from animatic.cli.output import print_json, say, show_problems, write_file
from animatic.errors import MoneyError, StorageError

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
    """Show what a run would generate or reuse, why, and what it would cost.

    Without PIPELINE it is the first of the file. Nothing is sent or paid; the exit code is 3 where a run would be refused for money.
    """
    from animatic.catalog import Catalog
    from animatic.engine.plan_run import PlanOptions, pipeline_named
    from animatic.plan import minutes_from
    from animatic.settings import Settings

    declaration = declared(files)
    spec = pipeline_named(declaration, pipeline)
    options = PlanOptions(only=only, fresh=fresh, deliver=deliver, simulated=simulate)
    catalog = Catalog.load(Settings.from_environment().home)
    made, found = _planned(declaration, spec, parse_params(params), catalog, options)
    if made.warnings:
        show_problems(made.warnings, declaration.documents)
    if out is not None:
        _write(out, made)
    _print(made, found, minutes_from(catalog), graph, as_json=as_json)
    return _check_money(made, found)


def _planned(
    declaration: Declaration, spec: PipelineSpec, params: dict[str, str], catalog: Catalog, options: PlanOptions
) -> tuple[Plan, Estimate | None]:
    """Plan against the destination's ledger; where that cannot be read, as if there were no takes yet (estimate None)."""
    from animatic.engine.estimate import estimate
    from animatic.engine.plan_run import plan_here, plan_unread

    async def look() -> tuple[Plan, Estimate]:
        made, ledger = await plan_here(declaration, spec, params, catalog, options)
        return made, await estimate(made, ledger)

    try:
        return run_async(look())
    except StorageError as error:
        say(f"warning: the destination cannot be read, so every shot counts as not generated yet: {error.message}")
        return plan_unread(declaration, spec, params, catalog, options), None


def _write(out: Path, made: Plan) -> None:
    from animatic.plan import plan_to_json

    write_file(out, json.dumps(plan_to_json(made), indent=1, ensure_ascii=False) + "\n", "the plan")
    say(f"plan written to {out}; run it with: animatic run {made.pipeline} --plan {out}")


def _print(made: Plan, found: Estimate | None, minutes_of: Callable[[Step], float], graph: str | None, *, as_json: bool) -> None:
    if graph is not None:
        from animatic.plan import as_mermaid, as_svg

        print(as_mermaid(made) if graph == "mermaid" else as_svg(made), end="")
    elif as_json:
        print_json(_facts(made, found, minutes_of))
    else:
        from animatic.plan import render_plan

        print(render_plan(made, None if found is None else found.decisions, minutes_of=minutes_of))


def _facts(made: Plan, found: Estimate | None, minutes_of: Callable[[Step], float]) -> dict[str, Any]:
    """Return the plan with what a run would do. Money as numbers here, as text inside ``plan``; unknown prices are counted, never 0."""
    from animatic.plan import plan_to_json, to_pay

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


def _check_money(made: Plan, found: Estimate | None) -> int:
    """Say why a run of this plan would be refused for money. Returns the exit code."""
    from animatic.engine.estimate import Estimate, check_money

    if found is None:
        found = Estimate(decisions={}, to_pay=tuple({step.fingerprint: step for step in made.steps}.values()))
    try:
        check_money(made, found)
    except MoneyError as error:
        say(f"error: {error}")
        return error.exit_code
    return 0
