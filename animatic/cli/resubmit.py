"""``resubmit``: records a person's word that a shot whose submission is in doubt may be submitted, and paid for, again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from animatic.cli.lookup import doubt_of
from animatic.cli.options import deliver_option, file_option, json_option, only_simulated_option
from animatic.cli.output import print_json, tell


@click.command()
@click.argument("shot")
@file_option
@deliver_option
@only_simulated_option
@json_option
def resubmit(shot: str, files: tuple[Path, ...], deliver: str | None, simulate: bool, as_json: bool) -> None:
    """Resolve an in-doubt submission as never accepted, or its result as lost: the next run sends it again.

    SHOT is that of `animatic doubts`. The next run or resume submits the shot again, and pays for it.
    """
    run_id = asyncio.run(_resubmit(shot, files, deliver, simulate=simulate))
    if as_json:
        print_json({"shot": shot, "resubmit": True, "run": run_id})
    else:
        tell(f"{shot} will be submitted again, and paid for, by `animatic resume {run_id}`")


async def _resubmit(shot: str, files: tuple[Path, ...], deliver: str | None, *, simulate: bool) -> str:
    """Allow it, and return the run whose submission it was."""
    from animatic.engine.decisions import allow_resubmission

    doubt = await doubt_of(shot, files, deliver, simulate=simulate)
    await allow_resubmission(doubt)
    return doubt.submission.intent.run_id
