"""``use``: selects the take of a shot that runs use from now on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from animatic.cli.lookup import pipeline_and_shot, step_of
from animatic.cli.options import deliver_option, file_option, json_option, param_option, simulated_option
from animatic.cli.output import print_json
from animatic.errors import UsageError

USAGE = "use [PIPELINE] SHOT TAKE"


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[PIPELINE] SHOT TAKE")
@param_option
@file_option
@deliver_option
@simulated_option
@json_option
def use(
    words: tuple[str, ...], params: tuple[str, ...], files: tuple[Path, ...], deliver: str | None, simulate: bool, as_json: bool
) -> None:
    """Select the take of a shot to use.

    TAKE is a number that `animatic takes` shows. The next run delivers that take, and regenerates downstream shots unless they were
    generated from it before. PIPELINE may be left out where only one has such a SHOT.
    """
    *names, number = words
    if not number.isdecimal() or int(number) < 1:
        raise UsageError(
            f"{number!r} is not the number of a take", hint=f"write: animatic {USAGE}; `animatic takes {' '.join(names)}` lists them"
        )
    take = int(number)
    pipeline, shot = pipeline_and_shot(names, USAGE, files)
    asyncio.run(_select_take(pipeline, shot, take, params, files, deliver, simulated=simulate))
    if as_json:
        print_json({"shot": shot, "take": take})
    else:
        print(f"take {take} of {shot} is used from now on")


async def _select_take(
    pipeline: str, shot: str, take: int, params: tuple[str, ...], files: tuple[Path, ...], deliver: str | None, *, simulated: bool
) -> None:
    from animatic.engine.decisions import select_take

    step, ledger = await step_of(pipeline, shot, params, files, deliver, simulated=simulated)
    await select_take(ledger, step, take)
