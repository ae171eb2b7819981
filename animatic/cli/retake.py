"""``retake``: generates a further take of one shot, beside those that are there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from animatic.catalog import Catalog
from animatic.cli.execution import Prepared, prepare, run_async, start
from animatic.cli.lookup import declared, pipeline_and_shot, require_token
from animatic.cli.options import (
    Asked,
    asked_options,
    cancel_jobs_option,
    deliver_option,
    file_option,
    json_option,
    note_option,
    parse_assignments,
    simulate_option,
    text_of,
)
from animatic.cli.output import count, print_json, say, tell
from animatic.engine.estimate import Estimate
from animatic.engine.plan_run import PlanOptions, pipeline_named
from animatic.engine.retaking import Retake, note_retake, plan_retake
from animatic.errors import UsageError
from animatic.ledger.owner import person
from animatic.ledger.shot_log import Priority
from animatic.money import dollars
from animatic.settings import Settings
from animatic.source.parser import resolve


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[PIPELINE] SHOT")
@click.option("--prompt", metavar="TEXT", help="Use another prompt for this take.")
@click.option("--set", "fields", multiple=True, metavar="FIELD=VALUE", help="Use another value of a field for this take. Repeatable.")
@note_option
@click.option(
    "--issue", metavar="TEXT", help="What is wrong with the take before, or the ticket that says so; kept in the log of the shot."
)
@click.option("--priority", type=click.Choice(["low", "normal", "high"]), help="How urgent the issue is; kept in the log of the shot.")
@click.option("--keep-downstream", is_flag=True, help="Keep the clips of downstream shots; those that have none yet are left out.")
@click.option("--dry-run", is_flag=True, help="Only show what would be generated and paid.")
@asked_options
@file_option
@simulate_option
@deliver_option
@cancel_jobs_option
@json_option
def retake(
    words: tuple[str, ...],
    prompt: str | None,
    fields: tuple[str, ...],
    note: str | None,
    issue: str | None,
    priority: Priority | None,
    keep_downstream: bool,
    dry_run: bool,
    asked: Asked,
    files: tuple[Path, ...],
    simulate: bool,
    deliver: str | None,
    cancel_jobs: bool,
    as_json: bool,
) -> int:
    """Generate a new take of one shot.

    The new take is used from then on; earlier ones stay (see `animatic takes`). Downstream shots are regenerated, or kept with
    --keep-downstream. A take that changes more than one thing, or drops the seed, is announced as such before anything is paid. PIPELINE
    may be left out where only one has such a SHOT.
    """
    pipeline, shot = pipeline_and_shot(words, "retake [PIPELINE] SHOT", files)
    settings = Settings.from_environment()
    declaration = declared(files)
    spec = pipeline_named(declaration, pipeline)
    if not simulate and not dry_run:
        require_token(settings, declaration, spec.name)
    options = PlanOptions(deliver=deliver, simulated=simulate, outage=settings.patience.outage, profile=asked.profile)
    changes = _changes(prompt, fields)
    values = asked.values(spec)

    async def planned() -> tuple[Retake, Prepared]:
        catalog, at_least = Catalog.load(settings.home), 1
        while True:
            made = await plan_retake(
                declaration,
                spec,
                values,
                catalog,
                options,
                shot=shot,
                changes=changes,
                keep_downstream=keep_downstream,
                at_least=at_least,
            )
            prepared = await prepare(spec, made.plan, made.ledger, settings, simulate=simulate, kept=made.assumed)
            if dry_run:
                return made, prepared
            if await made.record():
                await note_retake(made, by=person(), note=text_of(note), issue=text_of(issue), priority=priority)
                return made, prepared
            at_least = made.number + 1

    made, prepared = run_async(planned())
    if dry_run:
        if as_json:
            print_json(_facts(made, prepared.estimate))
        else:
            tell("\n".join([*_announced(made, prepared.estimate), "Nothing was sent: this was --dry-run"]))
        return 0
    say("\n".join(_announced(made, prepared.estimate)))
    return start(prepared, as_json=as_json, cancel_jobs=cancel_jobs, told={"retake": _facts(made, prepared.estimate)})


def _announced(made: Retake, estimate: Estimate) -> list[str]:
    """Return what is about to be paid, and what happens to the shots downstream."""
    price = dollars(estimate.to_pay_usd) + (f" and {estimate.unpriced} without a known price" if estimate.unpriced else "")
    lines = [f"  note: {warning}" for warning in made.warnings]
    lines[:0] = [f"Take {made.number} of {made.target.key}: {price} for {count(len(estimate.to_pay), 'shot')} to generate"]
    if regenerated := _regenerated(made):
        lines.append(f"  downstream, regenerated: {', '.join(regenerated)}")
    if made.kept:
        lines.append(f"  downstream, kept as they are: {', '.join(made.kept)}")
    if made.left_out:
        lines.append(f"  downstream, left out because they have no take to keep: {', '.join(made.left_out)}")
    return lines


def _regenerated(made: Retake) -> list[str]:
    return [key for key in made.stale if key not in made.kept]


def _facts(made: Retake, estimate: Estimate) -> dict[str, Any]:
    """Return what a retake would do, for programs."""
    return {
        "pipeline": made.plan.pipeline,
        "shot": made.target.key,
        "take": made.number,
        "changes": {name: {"from": before, "to": now} for name, (before, now) in made.differences.items()},
        "warnings": made.warnings,
        "to_pay_usd": float(estimate.to_pay_usd),
        "unpriced": estimate.unpriced,
        "generate": [step.key for step in estimate.to_pay],
        "regenerated": _regenerated(made),
        "kept": list(made.kept),
        "left_out": list(made.left_out),
    }


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
