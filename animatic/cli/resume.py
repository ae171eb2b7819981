"""``resume``: continues a run from its stored plan and the ledger; without a name the newest that has something left to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from animatic.catalog import Catalog
from animatic.cli.execution import Prepared, prepare, run_async, start
from animatic.cli.handing import facts, hand_over, is_deployed, told
from animatic.cli.lookup import declared, destinations, no_runs
from animatic.cli.options import cancel_jobs_option, deliver_option, file_option, json_option, only_simulated_option
from animatic.cli.output import print_json, say
from animatic.engine.decided import check_decided, with_decisions
from animatic.engine.history import OpenDestination, PastRun, find_run, past_runs
from animatic.engine.plan_run import pipeline_named
from animatic.plan.found_again import found_again
from animatic.settings import Settings

if TYPE_CHECKING:
    from animatic.prefect.suspended import Resumed

LOOKED_AT = 20
"""Runs among which the one to continue is looked for."""


@click.command()
@click.argument("run_id", metavar="[RUN]", required=False)
@file_option
@deliver_option
@only_simulated_option
@cancel_jobs_option
@json_option
def resume(run_id: str | None, files: tuple[Path, ...], deliver: str | None, simulate: bool, cancel_jobs: bool, as_json: bool) -> int:
    """Continue a crashed, interrupted or failed run.

    RUN is its id, or the beginning of it (default: the newest that did not deliver everything). Jobs that were submitted before are waited
    for and delivered, not submitted again; only what is missing is paid for. A run that is suspended at a Prefect server is resumed there.
    """
    settings = Settings.from_environment()
    declaration = declared(files)

    async def planned() -> Prepared | Resumed | None:
        past = await _meant(run_id, destinations(files, deliver, simulate=simulate))
        if past is None:
            return None
        if await is_deployed(past):
            await check_decided(past)
            if (resumed := await hand_over(past)) is not None:
                say(told(resumed, past.plan.run_id))
                if as_json:
                    print_json({"run_id": past.plan.run_id, "state": "waiting", "flow_run": facts(resumed), "error": None})
                return resumed
        spec = pipeline_named(declaration, past.plan.pipeline)
        ledger = past.destination.ledger
        plan = found_again(past.plan, spec.document.path)
        plan = await with_decisions(plan, ledger, Catalog.load(settings.home))
        return await prepare(spec, plan, ledger, settings, simulate=past.destination.simulated, resumed=True)

    prepared = run_async(planned())
    if prepared is None:
        say("nothing to resume: the newest runs have delivered everything")
        if as_json:
            print_json({"run_id": None, "state": None, "error": None})
        return 0
    if not isinstance(prepared, Prepared):
        return 0
    if not prepared.simulate:
        settings.require_token()
    return start(prepared, as_json=as_json, cancel_jobs=cancel_jobs)


async def _meant(run_id: str | None, where: tuple[OpenDestination, ...]) -> PastRun | None:
    """Return the run of that id, or the newest that has something left to do.

    What a later run with the same params and profile has delivered is not gone back to.
    """
    if run_id is not None:
        return await find_run(run_id, where)
    newest = await past_runs(where, limit=LOOKED_AT)
    if not newest:
        raise no_runs()
    done: list[tuple[object, ...]] = []
    for run in newest:
        which = (run.plan.pipeline, run.plan.profile, dict(run.plan.params), run.destination.simulated)
        if which in done:
            continue
        manifest = await run.manifest_if_whole()  # making the run again writes it anew
        if manifest is None or manifest.state != "completed":
            profile = f" (profile {run.plan.profile})" if run.plan.profile else ""
            say(f"Continuing {run.plan.pipeline} {run.plan.run_id}{profile}{' (simulated)' if run.destination.simulated else ''}")
            return run
        done.append(which)
    return None
