"""``takes``: lists the takes of a shot from the ledger. Reads only."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from animatic.cli.lookup import pipeline_and_shot, planned_step
from animatic.cli.options import deliver_option, file_option, json_option, param_option, parse_params, simulated_option
from animatic.cli.output import print_json, print_table, tell
from animatic.columns import Cell, Column
from animatic.money import dollars

if TYPE_CHECKING:
    from animatic.engine.decisions import KnownTake

COLUMNS = (
    Column(title=""),
    Column(title="TAKE", right=True),
    Column(title="RUN", drop=3),
    Column(title="MADE", drop=2),
    Column(title="MODEL", least=12, drop=1),
    Column(title="USD", right=True),
    Column(title="PROMPT", least=20),
)


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[PIPELINE] SHOT")
@param_option
@file_option
@deliver_option
@simulated_option
@json_option
def takes(
    words: tuple[str, ...], params: tuple[str, ...], files: tuple[Path, ...], deliver: str | None, simulate: bool, as_json: bool
) -> None:
    """List the takes of a shot.

    The one that runs use is marked with *. Takes of what the shot was before its request was changed are not among them: only a new
    request makes new ones. PIPELINE may be left out where only one has such a SHOT.
    """
    pipeline, shot = pipeline_and_shot(words, "takes [PIPELINE] SHOT", files)
    found = asyncio.run(_takes(pipeline, shot, params, files, deliver, simulated=simulate))
    if as_json:
        print_json([_facts(known) for known in found])
    elif found:
        print_table(COLUMNS, [_row(known) for known in found])
    else:
        there = not simulate and asyncio.run(_takes(pipeline, shot, params, files, deliver, simulated=True))
        tell(f"{shot} has no take yet" + (f"; `animatic takes {shlex.join(words)} --simulate` lists simulated ones" if there else ""))


async def _takes(
    pipeline: str, shot: str, params: tuple[str, ...], files: tuple[Path, ...], deliver: str | None, *, simulated: bool
) -> tuple[KnownTake, ...]:
    from animatic.engine.decisions import list_takes

    found = await planned_step(pipeline, shot, parse_params(params), files, deliver, simulated=simulated)
    return await list_takes(found.ledger, found.step)


def _facts(known: KnownTake) -> dict[str, Any]:
    take = known.take
    return {
        "take": known.number,
        "current": known.current,
        "fingerprint": known.fingerprint,
        "run_id": take.run_id if take else None,
        "model": take.model if take else None,
        "usd": None if take is None or take.usd is None else float(take.usd),
        "prompt": take.request.get("prompt") if take else None,
        "clip": take.clip.key if take else None,
    }


def _row(known: KnownTake) -> tuple[Cell, ...]:
    mark = "*" if known.current else ""
    take = known.take
    if take is None:
        return mark, str(known.number), "", "", "", "", ("not delivered", "dim")
    prompt = str(take.request.get("prompt") or "")
    return (
        mark,
        str(known.number),
        take.run_id,
        f"{take.made_at.astimezone():%Y-%m-%d %H:%M}",
        take.model,
        dollars(take.usd, unknown=""),
        prompt,
    )
