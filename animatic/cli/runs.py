"""``runs``: lists the runs of all destinations from their manifests. Reads only."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from animatic.cli.lookup import declared
from animatic.cli.options import deliver_option, file_option, json_option
from animatic.cli.output import print_json
from animatic.money import dollars

if TYPE_CHECKING:
    from animatic.engine.history import PastRun
    from animatic.manifest import Manifest


@click.command()
@click.argument("pipeline", required=False)
@file_option
@deliver_option
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="List at most this many.")
@json_option
def runs(pipeline: str | None, files: tuple[Path, ...], deliver: str | None, limit: int, as_json: bool) -> None:
    """List runs with their state and cost, newest first.

    All of them, or those of one PIPELINE, real and simulated.
    """
    found = asyncio.run(_runs(files, deliver, pipeline, limit))
    if as_json:
        print_json([_facts(run, manifest) for run, manifest in found])
    elif found:
        print("\n".join(_line(run, manifest) for run, manifest in found))
    else:
        print("no runs yet")


async def _runs(files: tuple[Path, ...], deliver: str | None, pipeline: str | None, limit: int) -> list[tuple[PastRun, Manifest | None]]:
    from animatic.engine.history import open_destinations, past_runs

    found = await past_runs(open_destinations(declared(files), deliver), pipeline=pipeline, limit=limit)
    return [(run, await run.manifest()) for run in found]


def _facts(run: PastRun, manifest: Manifest | None) -> dict[str, object]:
    billed = manifest.cost.billed_usd if manifest else None
    return {
        "run_id": run.plan.run_id,
        "pipeline": run.plan.pipeline,
        "state": _state(manifest),
        "shots": _shots(run, manifest),
        "billed_usd": None if billed is None else float(billed),
        "simulated": run.destination.simulated,
        "manifest": f"{run.destination.storage.url}/{run.manifest_key}",
    }


def _line(run: PastRun, manifest: Manifest | None) -> str:
    billed = dollars(manifest.cost.billed_usd if manifest else None, unknown="")
    simulated = "  simulated" if run.destination.simulated else ""
    return f"{run.plan.run_id}  {run.plan.pipeline:<24} {_state(manifest):<10} {_shots(run, manifest):<18} {billed:>10}{simulated}"


def _state(manifest: Manifest | None) -> str:
    return manifest.state if manifest else "unknown"


def _shots(run: PastRun, manifest: Manifest | None) -> str:
    done = sum(shot.state in {"delivered", "reused"} for shot in manifest.shots) if manifest else 0
    return f"{done} of {len(run.plan.steps)} shots"
