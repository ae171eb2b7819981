"""``lock``: keeps the take of a shot that counts, whatever changes in or above the shot; ``--off`` lets it change again. Pays nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from animatic.cli.lookup import declared, pipeline_and_shot
from animatic.cli.options import (
    Asked,
    asked_options,
    deliver_option,
    file_option,
    json_option,
    note_option,
    simulated_option,
    text_of,
)
from animatic.cli.output import print_json, tell
from animatic.settings import default_home

if TYPE_CHECKING:
    from animatic.engine.locking import Change

USAGE = "lock [PIPELINE] SHOT"


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[PIPELINE] SHOT")
@click.option("--off", is_flag=True, help="Take the lock off.")
@note_option
@asked_options
@file_option
@deliver_option
@simulated_option
@json_option
def lock(
    words: tuple[str, ...],
    off: bool,
    note: str | None,
    asked: Asked,
    files: tuple[Path, ...],
    deliver: str | None,
    simulate: bool,
    as_json: bool,
) -> None:
    """Keep the take of a shot, whatever changes in or above it.

    It is the take that counts: runs reuse it and pay nothing for it, and what is made from it stays as it is; `animatic plan` says what
    would have changed. No other take of it is made or chosen until --off. SHOT is an id (in all variants), VARIANT/ID or a pattern such
    as VARIANT/*. A lock holds for all params, and for all profiles unless it was set under one. PIPELINE may be left out where only one
    has such a SHOT.
    """
    pipeline, shot = pipeline_and_shot(words, USAGE, files)
    changed = asyncio.run(_changed(pipeline, shot, asked, files, deliver, simulated=simulate, off=off, note=text_of(note)))
    if as_json:
        print_json([_facts(pipeline, change) for change in changed])
    else:
        tell("\n".join(line for change in changed for line in _lines(change, off=off)))


async def _changed(
    pipeline: str,
    shot: str,
    asked: Asked,
    files: tuple[Path, ...],
    deliver: str | None,
    *,
    simulated: bool,
    off: bool,
    note: str | None,
) -> list[Change]:
    from animatic.catalog import Catalog
    from animatic.engine import locking
    from animatic.engine.plan_run import PlanOptions, pipeline_named
    from animatic.ledger.owner import person

    declaration = declared(files)
    spec = pipeline_named(declaration, pipeline)
    options = PlanOptions(deliver=deliver, simulated=simulated, profile=asked.profile)
    shots = await locking.find_shots(declaration, spec, asked.values(spec), Catalog.load(default_home()), options, shot)
    change = locking.unlock if off else locking.lock
    return await change(shots, by=person(), note=note)


def _lines(change: Change, *, off: bool) -> list[str]:
    lock = change.lock
    if lock is None or (off and not change.new):
        by = "" if lock is None else f": {lock.by} has taken the lock off at {lock.at.astimezone():%Y-%m-%d %H:%M}"
        return [f"{change.step} is not locked{by}"]
    under = f" under profile {lock.profile}" if lock.profile else ""
    if off:
        what = "the next run makes it anew if it has changed"
        return [f"{change.step} is not locked any more{under}: {what} (`animatic plan {lock.pipeline}`)"]
    if not change.new:
        why = f" ({lock.note})" if lock.note else ""
        return [f"{change.step} is locked already{under}: to take {lock.take}, by {lock.by} at {lock.at.astimezone():%Y-%m-%d %H:%M}{why}"]
    lines = [f"{change.step} is locked to take {lock.take}{under}, as run {lock.run_id} made it"]
    return [*lines, *(f"  changed since, and left as it is: {text}" for text in change.changes)]


def _facts(pipeline: str, change: Change) -> dict[str, Any]:
    lock = change.lock
    return {
        "pipeline": pipeline,
        "shot": change.step,
        "locked": lock is not None and lock.kind == "locked",
        "new": change.new,
        "take": lock.take if lock else None,
        "run_id": lock.run_id if lock else None,
        "profile": lock.profile if lock else None,
        "by": lock.by if lock else None,
        "at": lock.at.isoformat() if lock else None,
        "note": lock.note if lock else None,
        "changes": list(change.changes),
    }
