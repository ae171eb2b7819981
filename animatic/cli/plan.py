"""``plan``: shows what a run would generate, reuse and pay, without doing any of it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from animatic.cli.execution import run_async
from animatic.cli.failures import as_object, show_error
from animatic.cli.lookup import declared
from animatic.cli.options import (
    Asked,
    asked_options,
    deliver_option,
    file_option,
    fresh_option,
    joined,
    json_option,
    only_option,
    simulate_option,
)
from animatic.cli.output import color_on, print_json, say, show_problems, terminal_width, warn
from animatic.errors import DeclarationError, MoneyError, StorageError

if TYPE_CHECKING:
    from animatic.engine.estimate import Estimate
    from animatic.engine.plan_run import PlanOptions
    from animatic.plan import Plan, Step
    from animatic.plan.report import Price
    from animatic.settings import Settings
    from animatic.spec import Declaration, PipelineSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """A plan with what a run of it would do. ``read`` tells whether the destination could be looked at."""

    plan: Plan
    estimate: Estimate
    since: str
    read: bool
    minutes_of: Callable[[Step], float]
    refused: MoneyError | DeclarationError | None
    """Why a run would be refused for money, or because nothing can be signed here that is to be."""
    written: Price | None
    """Under a profile: the price of the storyboard as it is written."""


@click.command()
@click.argument("pipeline", required=False)
@asked_options
@file_option
@only_option
@fresh_option
@simulate_option
@deliver_option
@click.option("--all", "everything", is_flag=True, help="List every shot, also those that are reused or shared.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the plan to a file, for `animatic run --plan`.")
@click.option(
    "--check",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Compare a written plan with what would run now, prices included: the exit code is 2 where they differ.",
)
@click.option("--graph", type=click.Choice(["mermaid", "svg"]), help="Print the storyboard as a graph instead.")
@json_option
def plan(
    pipeline: str | None,
    asked: Asked,
    files: tuple[Path, ...],
    only: tuple[str, ...],
    fresh: bool,
    simulate: bool,
    deliver: str | None,
    everything: bool,
    out: Path | None,
    check: Path | None,
    graph: str | None,
    as_json: bool,
) -> int:
    """Show what a run would generate or reuse, why, and what it would cost.

    Without PIPELINE it is the first of the file. Nothing is sent or paid; the exit code is 3 where a run would be refused for money, and
    2 where it could not sign what it is to sign.
    """
    from animatic.cli.saved_plans import Request, read_plan, refuse_beside, require_same, write_plan
    from animatic.engine.plan_run import PlanOptions, pipeline_named
    from animatic.settings import Settings

    saved: Plan | None = None
    if check is None:
        options = PlanOptions(only=joined(only), fresh=fresh, deliver=deliver, simulated=simulate, profile=asked.profile)
        request = Request(files=files, options=options)
    else:
        given: dict[str, object] = {**asked.given, "--file": files}
        given |= {"--only": only, "--fresh": fresh, "--simulate": simulate, "--deliver": deliver, "--out": out}
        refuse_beside("--check", check, pipeline, given)
        saved, request = read_plan(check)
        pipeline, simulate = saved.pipeline, request.options.simulated
    declaration = declared(request.files)
    spec = pipeline_named(declaration, pipeline)
    values = request.params if saved is not None else asked.values(spec)
    request = replace(request, params=values)
    settings = Settings.from_environment()
    found = _planned(declaration, spec, dict(values), settings, request.options, must_read=check is not None)
    if saved is not None and check is not None:
        require_same(check, saved, found.plan)
    if found.plan.warnings:
        show_problems(found.plan.warnings, declaration.documents)
    _print(found, graph, simulate=simulate, everything=everything, as_json=as_json)
    if found.refused is not None:
        show_error(found.refused)
    if out is not None and not isinstance(found.refused, DeclarationError):
        write_plan(out, found.plan, request)
        say(f"plan written to {out}; run it with `animatic run --plan {shlex.quote(str(out))}`")
    return 0 if found.refused is None else found.refused.exit_code


def _planned(
    declaration: Declaration, spec: PipelineSpec, params: dict[str, Any], settings: Settings, options: PlanOptions, *, must_read: bool
) -> Planned:
    """Plan against the destination's ledger; where that cannot be read, as if there were no takes yet, unless it ``must_read``."""
    from animatic.catalog import Catalog
    from animatic.engine.changes import Explained, explain
    from animatic.engine.estimate import check_money, estimate, estimate_unread
    from animatic.engine.plan_run import plan_here, plan_unread
    from animatic.engine.signing import check_signing
    from animatic.plan import minutes_from, price_of_run

    catalog = Catalog.load(settings.home)
    without = None if options.profile is None else replace(options, profile=None)

    async def look() -> tuple[Plan, Explained, Price | None]:
        made, ledger = await plan_here(declaration, spec, params, catalog, options)
        explained = await explain(made, await estimate(made, ledger), ledger)
        if without is None:
            return made, explained, None
        whole, _ = await plan_here(declaration, spec, params, catalog, without)
        return made, explained, price_of_run(whole, (await estimate(whole, ledger)).decisions)

    read = True
    try:
        made, explained, written = run_async(look())
    except StorageError as error:
        if must_read:
            raise
        warn(f"the destination cannot be read, so every shot counts as not generated yet: {error.message}")
        made = plan_unread(declaration, spec, params, catalog, options)
        explained, read = Explained(estimate=estimate_unread(made), since=""), False
        written = None if without is None else price_of_run(plan_unread(declaration, spec, params, catalog, without), None)
    refused: MoneyError | DeclarationError | None = None
    try:
        check_signing(made, spec, settings)
        check_money(made, explained.estimate)
    except (MoneyError, DeclarationError) as error:
        refused = error
    return Planned(
        plan=made,
        estimate=explained.estimate,
        since=explained.since,
        read=read,
        minutes_of=minutes_from(catalog),
        refused=refused,
        written=written,
    )


def _print(found: Planned, graph: str | None, *, simulate: bool, everything: bool, as_json: bool) -> None:
    if graph is not None:
        from animatic.plan import as_mermaid, as_svg

        text = as_mermaid(found.plan) if graph == "mermaid" else as_svg(found.plan)
        if as_json:
            print_json({"format": graph, "graph": text})
        else:
            print(text, end="")
    elif as_json:
        print_json(_facts(found))
    else:
        from animatic.plan import render_plan

        if simulate:
            say("SIMULATED: what a rehearsal would do; nothing of it is paid")
        text = render_plan(
            found.plan,
            found.estimate.decisions if found.read else None,
            minutes_of=found.minutes_of,
            limits=found.estimate.limits,
            since=found.since,
            reels={reel.name: reel.reason for reel in found.estimate.reels},
            written=found.written,
            further=found.estimate.further,
            everything=everything,
            width=terminal_width(sys.stdout),
            color=color_on(sys.stdout),
            simulated=simulate,
        )
        print(text)


def _facts(found: Planned) -> dict[str, Any]:
    """Return the plan with what a run would do. Money as numbers here, as text inside ``plan``; unknown prices are counted, never 0."""
    from dataclasses import asdict

    from animatic.plan import plan_to_json, to_pay
    from animatic.plan.cast_report import cast_of

    made, written = found.plan, found.written
    decisions = found.estimate.decisions if found.read else None
    usd, unpriced = to_pay(made, decisions)
    chain, minutes = made.critical_path(found.minutes_of)
    return {
        "pipeline": made.pipeline,
        "run_id": made.run_id,
        "profile": made.profile,
        "destination_read": found.read,
        "to_pay_usd": float(usd),
        "estimated_usd": float(made.estimated_usd),
        "unpriced": unpriced,
        "worst_case_usd": float(usd + found.estimate.further.usd),
        "further_takes": list(found.estimate.further.takes),
        "made_anew": list(found.estimate.further.anew),
        "as_written": None
        if written is None
        else {"to_pay_usd": float(written.to_pay), "estimated_usd": float(written.whole), "unpriced": written.unpriced},
        "budget_usd": None if made.budget_usd is None else float(made.budget_usd),
        "budgets": [{"period": each.period, "usd": float(each.usd), "spent_usd": float(each.spent)} for each in found.estimate.limits],
        "critical_path": list(chain),
        "expected_minutes": round(minutes, 2),
        "changed_since": found.since or None,
        "cast": [
            {name: list(part) if isinstance(part, tuple) else part for name, part in asdict(member).items()} for member in cast_of(made)
        ],
        "steps": [
            {
                "key": step.key,
                "action": decisions[step.key].action if decisions is not None else "run",
                "reason": decisions[step.key].reason if decisions is not None else None,
                "changes": list(decisions[step.key].changes) if decisions is not None else [],
                "scene": step.scene,
                "line": step.line,
                "cast": list(step.cast),
                "take": step.take,
                "locked": step.locked is not None,
                "further": step.further,
                "model": step.request.model,
                "usd": None if step.request.price.usd is None else float(step.request.price.usd),
                "depends_on": list(step.depends_on),
                "fingerprint": step.fingerprint,
            }
            for step in made.steps
        ],
        "reels": [{"name": reel.name, "action": reel.action, "reason": reel.reason} for reel in found.estimate.reels],
        "error": None if found.refused is None else as_object(found.refused),
        "plan": plan_to_json(made),
    }
