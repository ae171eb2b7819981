"""``use``: selects the take of a shot that runs use from now on, and says what follows from that and what it costs."""

from __future__ import annotations

import asyncio
import re
import shlex
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from animatic.cli.lookup import pipeline_and_shot, planned_step
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
from animatic.columns import few
from animatic.errors import UsageError
from animatic.money import dollars

USAGE = "use [PIPELINE] SHOT TAKE"
_TAKE = re.compile(r"[1-9]\d*|[0-9a-f]{8,64}")
MAX_NAMED = 8
"""Shots that a line names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Consequence:
    """What a choice means for the shots downstream of it: those that an earlier run made from that take, and those to be made."""

    pipeline: str
    number: int
    """Of the take that was chosen."""
    had: tuple[str, ...]
    to_make: tuple[str, ...]
    usd: Decimal
    unpriced: int


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[PIPELINE] SHOT TAKE")
@note_option
@asked_options
@file_option
@deliver_option
@simulated_option
@json_option
def use(
    words: tuple[str, ...],
    note: str | None,
    asked: Asked,
    files: tuple[Path, ...],
    deliver: str | None,
    simulate: bool,
    as_json: bool,
) -> None:
    """Select the take of a shot to use.

    TAKE is what `animatic takes` shows: a number, or the name of a take of an earlier request. The next run delivers that take, and
    regenerates downstream shots unless they were generated from it before; what that costs is said. PIPELINE may be left out where only one
    has such a SHOT.
    """
    *names, name = words
    if not names or not _TAKE.fullmatch(name):
        hint = f"write: animatic {USAGE}" + (f"; `animatic takes {shlex.join(names)}` lists them" if names else "")
        raise UsageError(f"{name!r} is not the number or name of a take", hint=hint)
    pipeline, shot = pipeline_and_shot(names, USAGE, files)
    found = asyncio.run(_select_take(pipeline, shot, name, asked, files, deliver, simulated=simulate, note=text_of(note)))
    if as_json:
        print_json({"shot": shot, **_facts(found)})
    else:
        tell("\n".join(_lines(shot, name, found)))


async def _select_take(
    pipeline: str,
    shot: str,
    take: str,
    asked: Asked,
    files: tuple[Path, ...],
    deliver: str | None,
    *,
    simulated: bool,
    note: str | None = None,
) -> Consequence:
    """Record the choice, and return what the next run will make of it."""
    from animatic.engine.estimate import estimate
    from animatic.engine.shot_takes import select_take
    from animatic.plan import dependents, reachable

    plans = await planned_step(pipeline, shot, asked, files, deliver, simulated=simulated)
    number = await select_take(plans.ledger, plans.plan, plans.step, take, note=note)
    after = await planned_step(pipeline, shot, asked, files, deliver, simulated=simulated)
    equal = [step.key for step in after.plan.steps if step.base == after.step.base]
    downstream = reachable(equal, dependents({step.key: step.depends_on for step in after.plan.steps})) - set(equal)
    found = await estimate(after.plan, after.ledger)
    to_make = [step for step in found.to_pay if step.key in downstream]
    return Consequence(
        pipeline=after.plan.pipeline,
        number=number,
        had=tuple(step.key for step in after.plan.steps if step.key in downstream and found.decisions[step.key].action == "reuse"),
        to_make=tuple(step.key for step in to_make),
        usd=sum((step.request.price.usd or Decimal(0) for step in to_make), Decimal(0)),
        unpriced=sum(step.request.price.usd is None for step in to_make),
    )


def _lines(shot: str, take: str, found: Consequence) -> list[str]:
    now = "" if take == str(found.number) else f", as take {found.number}"
    lines = [f"take {take} of {shot} is used from now on{now}"]
    if found.had:
        lines.append(f"  made from it before, and reused: {few(found.had, MAX_NAMED)}")
    if found.to_make:
        unknown = f" and {found.unpriced} without a known price" if found.unpriced else ""
        lines.append(f"  to be made from it, {dollars(found.usd)}{unknown}: {few(found.to_make, MAX_NAMED)}")
        lines.append(f"  make them with `animatic run {found.pipeline}`")
    return lines


def _facts(found: Consequence) -> dict[str, Any]:
    return {
        "take": found.number,
        "reused": list(found.had),
        "to_make": list(found.to_make),
        "to_pay_usd": float(found.usd),
        "unpriced": found.unpriced,
    }
