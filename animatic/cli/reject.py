"""``reject``: records that a person wants none of a shot's takes, and makes another one, which is asked about again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from animatic.cli.execution import Prepared, prepare, run_async, start
from animatic.cli.handing import facts, hand_over, is_deployed, told
from animatic.cli.lookup import declared, destinations
from animatic.cli.options import cancel_jobs_option, deliver_option, file_option, json_option, note_option, only_simulated_option, text_of
from animatic.cli.output import print_json, say
from animatic.errors import PrefectError
from animatic.money import dollars
from animatic.settings import Settings

if TYPE_CHECKING:
    from animatic.engine.history import PastRun
    from animatic.ledger.approvals import Approval
    from animatic.plan import Step
    from animatic.prefect.suspended import Resumed
    from animatic.spec import Declaration


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejection:
    """What was said about a shot of a run, the step of the take that is made instead, and who makes it."""

    run_id: str
    said: Approval
    made: Step
    maker: Prepared | Resumed | None
    """A run that is to be started here, or the flow run that goes on; None: one that could not be resumed now."""


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

    RUN and SHOT are those of `animatic review`. Only the new take is paid for; what hangs on it waits until it is approved. A run of a
    deployment, which is suspended, is resumed and makes it.
    """
    settings = Settings.from_environment()
    done = run_async(_rejected(run_id, shot, prompt, text_of(note), files, deliver, settings, simulate=simulate))
    price = dollars(done.made.request.price.usd, unknown="its price is not known")
    say(f"{shot}: {done.said.subject('is', 'are')} rejected; another take is made: {price}")
    if isinstance(done.maker, Prepared):
        return start(done.maker, as_json=as_json, cancel_jobs=cancel_jobs)
    if done.maker is not None:
        say(told(done.maker, done.run_id))
    if as_json:
        print_json({"run_id": done.run_id, "state": "waiting", "flow_run": facts(done.maker), "error": None})
    return 0


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
) -> Rejection:
    """Plan the new take first: nothing is recorded of a rejection after which none could be made."""
    from animatic.catalog import Catalog
    from animatic.engine import approvals
    from animatic.engine.decided import as_it_goes_on
    from animatic.engine.history import find_run
    from animatic.engine.plan_run import PlanOptions, pipeline_named, step_named
    from animatic.engine.retaking import plan_retake
    from animatic.ledger.owner import person

    past = await find_run(run_id, destinations(files, deliver, simulate=simulate))
    where, ledger = past.destination, past.destination.ledger
    catalog, changes, at_least = Catalog.load(settings.home), _changes(prompt), 1
    plan = await as_it_goes_on(past.plan, ledger, catalog)
    step = step_named(plan, shot)
    await approvals.check_open(plan, ledger, step)
    if await is_deployed(past):
        return await _rejected_there(past, step, prompt, note, settings, declared(files))
    if not where.simulated:
        settings.require_token()
    declaration = declared(files)
    spec = pipeline_named(declaration, past.plan.pipeline)
    options = PlanOptions(deliver=where.deliver, simulated=where.simulated, outage=settings.patience.outage, profile=past.plan.profile)
    while True:
        made = await plan_retake(
            declaration, spec, dict(past.plan.params), catalog, options, shot=step.key, changes=changes, at_least=at_least
        )
        prepared = await prepare(spec, made.plan, made.ledger, settings, simulate=where.simulated, kept=made.assumed)
        if await made.record():
            break
        at_least = made.number + 1
    said = await approvals.reject(plan, ledger, step, by=person(), note=note, changes=changes)
    return Rejection(run_id=past.plan.run_id, said=said, made=made.target, maker=prepared)


async def _rejected_there(
    past: PastRun, step: Step, prompt: str | None, note: str | None, settings: Settings, declaration: Declaration
) -> Rejection:
    """Let the run of a deployment make the take: its flow run is resumed, or where it has ended the run goes on here."""
    from animatic.catalog import Catalog
    from animatic.engine.decided import prompt_changes, reject_and_go_on, with_decisions
    from animatic.engine.plan_run import pipeline_named, step_named
    from animatic.ledger.owner import person

    catalog, ledger = Catalog.load(settings.home), past.destination.ledger
    plan = await with_decisions(past.plan, ledger, catalog)
    step = step_named(plan, step.key)
    changes = prompt_changes(step, prompt)
    said, made = await reject_and_go_on(plan, ledger, step, catalog, changes=changes, by=person(), note=note)
    maker: Prepared | Resumed | None = None
    try:
        maker = await hand_over(past)
    except PrefectError as error:
        say(f"The decision is recorded, but {error.message}: go on with `animatic resume {past.plan.run_id}`")
    else:
        if maker is None:
            if not past.destination.simulated:
                settings.require_token()
            spec = pipeline_named(declaration, past.plan.pipeline)
            decided = await with_decisions(past.plan, ledger, catalog)
            maker = await prepare(spec, decided, ledger, settings, simulate=past.destination.simulated, resumed=True)
    return Rejection(run_id=past.plan.run_id, said=said, made=made, maker=maker)


def _changes(prompt: str | None) -> dict[str, Any]:
    return {} if prompt is None else {"prompt": prompt}
