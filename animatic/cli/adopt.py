"""``adopt``: records a person's word that a submission in doubt became a certain job."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from animatic.cli.lookup import doubt_of, krea_client
from animatic.cli.options import deliver_option, file_option, json_option, only_simulated_option
from animatic.cli.output import print_json, tell
from animatic.errors import UsageError
from animatic.settings import Settings


@click.command()
@click.argument("shot")
@click.argument("job_id", metavar="JOB")
@file_option
@deliver_option
@only_simulated_option
@json_option
def adopt(shot: str, job_id: str, files: tuple[Path, ...], deliver: str | None, simulate: bool, as_json: bool) -> None:
    """Resolve an in-doubt submission to a Krea job.

    SHOT and JOB are those of `animatic doubts`. The next run or resume delivers the job's result as the shot's take.
    """
    run_id = asyncio.run(_adopt(shot, job_id, files, deliver, simulate=simulate))
    if as_json:
        print_json({"shot": shot, "job_id": job_id, "run": run_id})
    else:
        tell(f"{shot} is job {job_id} now; `animatic resume {run_id}` delivers it")


async def _adopt(shot: str, job_id: str, files: tuple[Path, ...], deliver: str | None, *, simulate: bool) -> str:
    """Adopt the job, and return the run whose submission it was."""
    from animatic.engine import decisions

    settings = Settings.from_environment()
    doubt = await doubt_of(shot, files, deliver, simulate=simulate)
    settings.require_token()
    async with krea_client(settings) as client:
        job = await client.job(job_id)
    if job is None:
        raise UsageError(f"Krea knows no job {job_id}", hint="`animatic doubts` shows the candidates")
    await decisions.adopt_job(doubt, job)
    return doubt.submission.intent.run_id
