"""The verbs for the takes of a shot: ``takes`` lists them, ``use`` says which one counts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from animatic.cli.options import deliver_option, file_option, json_option, param_option, parse_params, simulate_option
from animatic.cli.sources import declared
from animatic.errors import UsageError
from animatic.settings import Settings

if TYPE_CHECKING:
    from animatic.ledger import Ledger
    from animatic.plan import Step


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[PIPELINE] SHOT")
@param_option
@file_option
@deliver_option
@simulate_option
@json_option
def takes(
    words: tuple[str, ...], params: tuple[str, ...], files: tuple[Path, ...], deliver: str | None, simulate: bool, as_json: bool
) -> None:
    """List the takes of a SHOT, and which one counts. PIPELINE may be left out where only one has such a shot."""
    from animatic.engine.decisions import list_takes

    pipeline, shot = _named(words, "takes [PIPELINE] SHOT", files)

    async def look() -> list[dict[str, Any]]:
        step, ledger = await _step(pipeline, shot, params, files, deliver, simulated=simulate)
        return [
            {
                "take": known.number,
                "current": known.current,
                "fingerprint": known.fingerprint,
                "run_id": known.take.run_id if known.take else None,
                "model": known.take.model if known.take else None,
                "usd": None if known.take is None or known.take.usd is None else float(known.take.usd),
                "prompt": known.take.request.get("prompt") if known.take else None,
                "clip": known.take.clip.key if known.take else None,
            }
            for known in await list_takes(ledger, step)
        ]

    found = asyncio.run(look())
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
        return
    if not found:
        print(f"{shot} has no take yet")
    for take in found:
        mark = "*" if take["current"] else " "
        money = "" if take["usd"] is None else f"{take['usd']:.2f} USD"
        print(f"{mark} take {take['take']}  {take['run_id'] or 'not delivered'}  {take['model'] or ''}  {money}  {take['prompt'] or ''}")


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[PIPELINE] SHOT TAKE")
@param_option
@file_option
@deliver_option
@simulate_option
@json_option
def use(
    words: tuple[str, ...],
    params: tuple[str, ...],
    files: tuple[Path, ...],
    deliver: str | None,
    simulate: bool,
    as_json: bool,
) -> None:
    """Make TAKE the one of SHOT that counts from now on; what hangs on it follows with the next run.

    PIPELINE may be left out where only one has such a shot.
    """
    from animatic.engine.decisions import select_take

    *names, number = words
    if not number.isdecimal() or int(number) < 1:
        raise UsageError(f"{number!r} is not the number of a take", hint="animatic use [PIPELINE] SHOT TAKE; `animatic takes` lists them")
    take = int(number)
    pipeline, shot = _named(names, "use [PIPELINE] SHOT TAKE", files)

    async def decide() -> None:
        step, ledger = await _step(pipeline, shot, params, files, deliver, simulated=simulate)
        await select_take(ledger, step, take)

    asyncio.run(decide())
    if as_json:
        print(json.dumps({"shot": shot, "take": take}))
    else:
        print(f"take {take} of {shot} counts from now on")


def _named(words: Sequence[str], usage: str, files: tuple[Path, ...]) -> tuple[str, str]:
    """Return pipeline and shot; the pipeline may be left out where only one of the file has such a shot."""
    match words:
        case [pipeline, shot]:
            return pipeline, shot
        case [shot]:
            from animatic.plan import shot_of

            name = shot_of(shot)
            homes = [spec.name for spec in declared(files).pipelines.values() if any(found.id == name for found in spec.shots)]
        case _:
            raise UsageError("a shot is to be named, and at most a pipeline before it", hint=f"animatic {usage}")
    if len(homes) == 1:
        return homes[0], shot
    if homes:
        raise UsageError(f"several pipelines have a shot {shot!r}", hint=f"name one of {', '.join(homes)} before it: animatic {usage}")
    raise UsageError(
        f"no pipeline has a shot {shot!r}",
        hint="ids are as the pipelines file writes them; `animatic plan PIPELINE` lists a pipeline's shots",
    )


async def _step(
    pipeline: str, shot: str, params: tuple[str, ...], files: tuple[Path, ...], deliver: str | None, *, simulated: bool
) -> tuple[Step, Ledger]:
    from animatic.catalog import Catalog
    from animatic.engine.plan_run import PlanOptions, pipeline_named, plan_here

    declaration = declared(files)
    spec = pipeline_named(declaration, pipeline)
    catalog = Catalog.load(Settings.from_environment().home)
    plan, ledger = await plan_here(declaration, spec, parse_params(params), catalog, PlanOptions(deliver=deliver, simulated=simulated))
    for step in plan.steps:
        if shot in {step.key, step.shot}:
            return step, ledger
    raise UsageError(f"{pipeline!r} has no shot {shot!r}", hint=f"its shots: {', '.join(step.key for step in plan.steps)}")
