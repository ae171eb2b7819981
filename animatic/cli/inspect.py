"""The verbs that look at runs: ``runs`` and ``status``. They read manifests and change nothing."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from animatic.cli.options import deliver_option, file_option, json_option
from animatic.cli.sources import declared
from animatic.errors import UsageError

if TYPE_CHECKING:
    from animatic.engine.history import PastRun
    from animatic.manifest import Manifest, Shot


@click.command()
@click.argument("pipeline", required=False)
@file_option
@deliver_option
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many, the newest first.")
@json_option
def runs(pipeline: str | None, files: tuple[Path, ...], deliver: str | None, limit: int, as_json: bool) -> None:
    """List runs, the newest first: what came of them and what they cost."""
    found = asyncio.run(_runs(files, deliver, pipeline, limit))
    if as_json:
        print(json.dumps([_run_facts(run, manifest) for run, manifest in found], indent=2))
        return
    if not found:
        print("no runs yet")
    for run, manifest in found:
        facts = _run_facts(run, manifest)
        cost = "" if facts["billed_usd"] is None else f"{facts['billed_usd']:.2f} USD"
        print(
            f"{facts['run_id']}  {facts['pipeline']:<24} {facts['state']:<10} {facts['shots']:<18} {cost:>10}{'  simulated' if facts['simulated'] else ''}"
        )


async def _runs(files: tuple[Path, ...], deliver: str | None, pipeline: str | None, limit: int) -> list[tuple[PastRun, Manifest | None]]:
    from animatic.engine.history import open_destinations, past_runs

    found = await past_runs(open_destinations(declared(files), deliver), pipeline=pipeline, limit=limit)
    return [(run, await run.manifest()) for run in found]


def _run_facts(run: PastRun, manifest: Manifest | None) -> dict[str, object]:
    shots = manifest.shots if manifest else ()
    done = sum(shot.state in {"delivered", "reused"} for shot in shots)
    billed = manifest.cost.billed_usd if manifest else None
    return {
        "run_id": run.plan.run_id,
        "pipeline": run.plan.pipeline,
        "state": manifest.state if manifest else "unknown",
        "shots": f"{done} of {len(run.plan.steps)} shots",
        "billed_usd": None if billed is None else float(billed),
        "simulated": run.destination.simulated,
        "manifest": f"{run.destination.storage.url}/{run.manifest_key}",
    }


@click.command()
@click.argument("run_id", metavar="[RUN]", required=False)
@file_option
@deliver_option
@json_option
def status(run_id: str | None, files: tuple[Path, ...], deliver: str | None, as_json: bool) -> None:
    """Show where each shot of RUN is (default: the newest run)."""
    run, manifest = asyncio.run(newest_or_named(files, deliver, run_id))
    if as_json:
        print(json.dumps(manifest.model_dump(mode="json", by_alias=True), indent=2))
        return
    print(f"{manifest.pipeline} {manifest.run_id}: {manifest.state}{' (simulated)' if manifest.simulated else ''}")
    for shot in manifest.shots:
        print(_shot_line(shot))
    cost = manifest.cost
    print(f"  billed {cost.billed_usd or 0:.2f} USD, reused {cost.reused_usd or 0:.2f} USD, {cost.unpriced} without a known price")
    print(f"  {run.destination.storage.url}/{run.plan.pipeline}/{run.plan.run_id}/index.html")
    if manifest.prefect.url:
        print(f"  {manifest.prefect.url}")


async def newest_or_named(files: tuple[Path, ...], deliver: str | None, run_id: str | None) -> tuple[PastRun, Manifest]:
    """Return a run and its manifest. Raises UsageError where there is none, or it has not written anything."""
    from animatic.engine.history import find_run, open_destinations, past_runs

    where = open_destinations(declared(files), deliver)
    if run_id is not None:
        run = await find_run(run_id, where)
    else:
        newest = await past_runs(where, limit=1)
        if not newest:
            raise UsageError("there are no runs yet", hint="start one: animatic run PIPELINE --simulate")
        run = newest[0]
    manifest = await run.manifest()
    if manifest is None:
        raise UsageError(f"run {run.plan.run_id} ended before it wrote anything", hint=f"take it up: animatic resume {run.plan.run_id}")
    return run, manifest


def _shot_line(shot: Shot) -> str:
    facts = [shot.state.replace("_", " ")]
    if shot.clip is not None:
        facts.append(shot.clip.file or shot.clip.key)
    if shot.usd is not None:
        facts.append(f"{shot.usd.normalize():f} USD")
    if shot.error is not None:
        facts.append(shot.error.message)
    return f"  {shot.key or shot.id:<20} " + "  ".join(facts)
