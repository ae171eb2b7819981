"""``reject``: records that a person wants none of a shot's takes, and makes another one, which is asked about again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from animatic.cli.execution import prepare, run_async, start
from animatic.cli.lookup import declared, destinations
from animatic.cli.options import cancel_jobs_option, deliver_option, file_option, json_option, note_option, only_simulated_option, text_of
from animatic.cli.output import say
from animatic.money import dollars
from animatic.settings import Settings

if TYPE_CHECKING:
    from animatic.cli.execution import Prepared
    from animatic.ledger.approvals import Approval


@click.command()
@click.argument("run_id", metavar="RUN")
@click.argument("shot")
@click.option("--prompt", metavar="TEXT", help="Use another prompt for the new take.")
@note_option
@file_option
@deliver_option
@only_simulated_option
@cancel_jobs_option
@json_option
def reject(
    run_id: str,
    shot: str,
    prompt: str | None,
    note: str | None,
    files: tuple[Path, ...],
    deliver: str | None,
    simulate: bool,
    cancel_jobs: bool,
    as_json: bool,
) -> int:
    """Reject a shot that waits, and make another take of it.

    RUN and SHOT are those of `animatic review`. Only the new take is paid for; what hangs on it waits until it is approved.
    """
    settings = Settings.from_environment()
    said, prepared, price = run_async(_rejected(run_id, shot, prompt, text_of(note), files, deliver, settings, simulate=simulate))
    say(f"take {said.take} of {said.step} is rejected; another take is made: {price}")
    return start(prepared, as_json=as_json, cancel_jobs=cancel_jobs)


async def _rejected(
    run_id: str,
    shot: str,
    prompt: str | None,
    note: str | None,
    files: tuple[Path, ...],
    deliver: str | None,
    settings: Settings,
    *,
    simulate: bool,
) -> tuple[Approval, Prepared, str]:
    """Plan the new take first: nothing is recorded of a rejection after which none could be made."""
    from animatic.catalog import Catalog
    from animatic.engine import approvals
    from animatic.engine.history import find_run
    from animatic.engine.plan_run import PlanOptions, pipeline_named, step_named
    from animatic.engine.retaking import plan_retake
    from animatic.ledger.owner import person

    past = await find_run(run_id, destinations(files, deliver, simulate=simulate))
    where, ledger = past.destination, past.destination.ledger
    step = step_named(past.plan, shot)
    await approvals.check_open(past.plan, ledger, step)
    if not where.simulated:
        settings.require_token()
    declaration = declared(files)
    spec = pipeline_named(declaration, past.plan.pipeline)
    options = PlanOptions(deliver=where.deliver, simulated=where.simulated, outage=settings.patience.outage, profile=past.plan.profile)
    catalog, changes, at_least = Catalog.load(settings.home), _changes(prompt), 1
    while True:
        made = await plan_retake(
            declaration, spec, dict(past.plan.params), catalog, options, shot=step.key, changes=changes, at_least=at_least
        )
        prepared = await prepare(spec, made.plan, made.ledger, settings, simulate=where.simulated, kept=made.assumed)
        if await made.record():
            break
        at_least = made.number + 1
    said = await approvals.reject(past.plan, ledger, step, by=person(), note=note)
    price = made.target.request.price.usd
    return said, prepared, dollars(price, unknown="its price is not known")


def _changes(prompt: str | None) -> dict[str, Any]:
    return {} if prompt is None else {"prompt": prompt}
