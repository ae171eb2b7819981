"""``resume``: continues a run from its stored plan and the ledger."""

from __future__ import annotations

from pathlib import Path

import click

from animatic.cli.execution import Prepared, prepare, run_async, start
from animatic.cli.lookup import declared
from animatic.cli.options import cancel_jobs_option, deliver_option, file_option, json_option
from animatic.engine.history import find_run, open_destinations
from animatic.engine.plan_run import pipeline_named
from animatic.settings import Settings


@click.command()
@click.argument("run_id", metavar="RUN")
@file_option
@deliver_option
@cancel_jobs_option
@json_option
def resume(run_id: str, files: tuple[Path, ...], deliver: str | None, cancel_jobs: bool, as_json: bool) -> int:
    """Continue a crashed, interrupted or failed run.

    RUN is its id, or the beginning of it. Jobs that were submitted before are waited for and delivered, not submitted again; only what is
    missing is paid for.
    """
    settings = Settings.from_environment()
    declaration = declared(files)

    async def planned() -> Prepared:
        past = await find_run(run_id, open_destinations(declaration, deliver))
        spec = pipeline_named(declaration, past.plan.pipeline)
        return await prepare(spec, past.plan, past.destination.ledger, settings, simulate=past.destination.simulated)

    prepared = run_async(planned())
    if not prepared.simulate:
        settings.require_token()
    return start(prepared, as_json=as_json, cancel_jobs=cancel_jobs)
