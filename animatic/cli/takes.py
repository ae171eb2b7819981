"""``takes``: lists the takes of a shot from the ledger. Reads only."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from animatic.cli.lookup import pipeline_and_shot, planned_step
from animatic.cli.options import (
    Asked,
    asked_options,
    deliver_option,
    file_option,
    json_option,
    simulated_option,
)
from animatic.cli.output import print_json, print_table, say, tell
from animatic.columns import Cell, Column
from animatic.money import dollars
from animatic.plan import params_text

if TYPE_CHECKING:
    from animatic.engine.shot_takes import KnownTake
    from animatic.plan import Step

COLUMNS = (
    Column(title=""),
    Column(title="TAKE", right=True),
    Column(title="RUN", drop=3),
    Column(title="MADE", drop=4),
    Column(title="TOOK", right=True, drop=2),
    Column(title="MODEL", least=12, drop=1),
    Column(title="USD", right=True),
    Column(title="PROFILE", drop=6),
    Column(title="PARAMS", least=12, drop=5),
    Column(title="PROMPT", least=16),
    Column(title="CHANGED SINCE", least=16),
)


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[PIPELINE] SHOT")
@asked_options
@file_option
@deliver_option
@simulated_option
@json_option
def takes(
    words: tuple[str, ...],
    asked: Asked,
    files: tuple[Path, ...],
    deliver: str | None,
    simulate: bool,
    as_json: bool,
) -> None:
    """List the takes of a shot.

    The one that runs use is marked with *; a profile's takes are its own: name it with --profile. Behind the numbered ones stand those of
    what the shot was in earlier runs, with what has changed in its request since; `animatic use` takes them, too. PIPELINE may be left out
    where only one has such a SHOT.
    """
    pipeline, shot = pipeline_and_shot(words, "takes [PIPELINE] SHOT", files)
    step, found = asyncio.run(_takes(pipeline, shot, asked, files, deliver, simulated=simulate))
    if as_json:
        print_json([_facts(step, known) for known in found])
    elif found:
        tell(f"{step.key} · {step.title}" if step.title else step.key)
        if step.locked is not None:
            tell(f"{step.locked.reason}; `animatic lock {shlex.join(words)} --off` lets it change")
        print_table(COLUMNS, [_row(known) for known in found])
        _tell_of_earlier(words, found)
    else:
        there = not simulate and asyncio.run(_takes(pipeline, shot, asked, files, deliver, simulated=True))[1]
        under = f" under profile {asked.profile}" if asked.profile else ""
        hint = f"; `animatic takes {shlex.join(words)} --simulate` lists simulated ones" if there else ""
        tell(f"{shot} has no take yet{under}{hint}")


def _tell_of_earlier(words: tuple[str, ...], found: tuple[KnownTake, ...]) -> None:
    earlier = [known for known in found if known.number is None]
    if earlier:
        what = "the take with a name" if len(earlier) == 1 else "takes with a name"
        say(f"{what} instead of a number: of an earlier request; use one with `animatic use {shlex.join(words)} {earlier[0].name}`")


async def _takes(
    pipeline: str, shot: str, asked: Asked, files: tuple[Path, ...], deliver: str | None, *, simulated: bool
) -> tuple[Step, tuple[KnownTake, ...]]:
    from animatic.engine.shot_takes import list_all_takes

    found = await planned_step(pipeline, shot, asked, files, deliver, simulated=simulated)
    return found.step, await list_all_takes(found.ledger, found.plan, found.step)


def _facts(step: Step, known: KnownTake) -> dict[str, Any]:
    take = known.take
    return {
        "take": known.number if known.number is not None else known.name,
        "current": known.current,
        "locked": known.current and step.locked is not None,
        "earlier": known.number is None,
        "changes": list(known.changes),
        "fingerprint": known.fingerprint,
        "shot": step.key,
        "title": step.title,
        "profile": known.profile,
        "run_id": take.run_id if take else None,
        "params": None if known.params is None else dict(known.params),
        "made_at": take.made_at.isoformat() if take else None,
        "submitted_at": take.submitted_at.isoformat() if take and take.submitted_at else None,
        "completed_at": take.completed_at.isoformat() if take and take.completed_at else None,
        "model": take.model if take else None,
        "usd": None if take is None or take.usd is None else float(take.usd),
        "prompt": take.request.get("prompt") if take else None,
        "seconds": take.clip.duration if take else None,
        "clip": take.clip.key if take else None,
    }


def _row(known: KnownTake) -> tuple[Cell, ...]:
    mark = "*" if known.current else ""
    take = known.take
    if take is None:
        return mark, known.name, "", "", "", "", "", "", "", ("not delivered", "dim"), ""
    took = (take.completed_at - take.submitted_at).total_seconds() if take.completed_at and take.submitted_at else None
    return (
        mark,
        known.name,
        take.run_id,
        f"{take.made_at.astimezone():%Y-%m-%d %H:%M}",
        "" if took is None else f"{took:.0f} s",
        take.model,
        dollars(take.usd, unknown=""),
        known.profile or "",
        params_text(known.params or {}),
        str(take.request.get("prompt") or ""),
        "; ".join(known.changes),
    )
