"""``runs``: lists the runs of all destinations from their manifests. Reads only."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from animatic.cli.ending import counts, state_of_run, waiting_facts
from animatic.cli.lookup import declared, warn_of_damage
from animatic.cli.options import deliver_option, file_option, json_option, only_simulated_option
from animatic.cli.output import print_json, print_table, tell
from animatic.columns import Column
from animatic.errors import UsageError
from animatic.money import dollars
from animatic.plan import params_text
from animatic.suggest import did_you_mean

if TYPE_CHECKING:
    from animatic.engine.history import PastRun
    from animatic.manifest import Manifest

COLUMNS = (
    Column(title="RUN"),
    Column(title="PIPELINE", least=10, drop=7),
    Column(title="STATE"),
    Column(title="SHOTS", right=True, drop=6),
    Column(title="BILLED", right=True, drop=4),
    Column(title="STARTED", drop=3),
    Column(title="TOOK", right=True, drop=2),
    Column(title="PROFILE", drop=5),
    Column(title="PARAMS", least=12, drop=1),
    Column(title="SIM"),
)


@click.command()
@click.argument("pipeline", required=False)
@file_option
@deliver_option
@only_simulated_option
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="List at most this many.")
@json_option
def runs(pipeline: str | None, files: tuple[Path, ...], deliver: str | None, simulate: bool, limit: int, as_json: bool) -> None:
    """List runs with their state and cost, newest first.

    All of them, or those of one PIPELINE, real and simulated.
    """
    found = asyncio.run(_runs(files, deliver, pipeline, limit, simulate=simulate))
    if as_json:
        print_json([_facts(run, manifest) for run, manifest in found])
    elif found:
        print_table(COLUMNS, [_row(run, manifest) for run, manifest in found])
    else:
        tell("no runs yet; start one with `animatic run --simulate`")


async def _runs(
    files: tuple[Path, ...], deliver: str | None, pipeline: str | None, limit: int, *, simulate: bool
) -> list[tuple[PastRun, Manifest | None]]:
    from animatic.engine.history import open_destinations, past_runs

    declaration = declared(files)
    where = [found for found in open_destinations(declaration, deliver) if found.simulated or not simulate]
    found = await past_runs(where, pipeline=pipeline, limit=limit)
    manifests = await asyncio.gather(*(run.manifest_if_whole() for run in found))
    warn_of_damage(where)
    if not found and pipeline is not None and pipeline not in declaration.pipelines:
        raise UsageError(f"there is no pipeline {pipeline!r}, and no run of one", hint=did_you_mean(pipeline, declaration.pipelines))
    return list(zip(found, manifests, strict=True))


def _facts(run: PastRun, manifest: Manifest | None) -> dict[str, Any]:
    billed = manifest.cost.billed_usd if manifest else None
    return {
        "run_id": run.plan.run_id,
        "pipeline": run.plan.pipeline,
        "params": dict(run.plan.params),
        "profile": run.plan.profile,
        "state": manifest.state if manifest else "unknown",
        "started_at": manifest.started_at.isoformat() if manifest else None,
        "finished_at": manifest.finished_at.isoformat() if manifest and manifest.finished_at else None,
        "shots": {"total": len(run.plan.shots), "made": _made(manifest), **(counts(manifest) if manifest else {})},
        "waiting": waiting_facts(manifest) if manifest else {},
        "billed_usd": None if billed is None else float(billed),
        "simulated": run.destination.simulated,
        "manifest": f"{run.destination.storage.url}/{run.manifest_key}",
    }


def _row(run: PastRun, manifest: Manifest | None) -> tuple[str, ...]:
    return (
        run.plan.run_id,
        run.plan.pipeline,
        state_of_run(manifest),
        f"{_made(manifest)} of {len(run.plan.shots)}",
        dollars(manifest.cost.billed_usd if manifest else None, unknown=""),
        _clock(manifest.started_at) if manifest else "",
        _length(manifest),
        run.plan.profile or "",
        params_text(run.plan.params),
        "sim" if run.destination.simulated else "",
    )


def _clock(moment: datetime) -> str:
    """Return a moment in the time of this machine."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def _length(manifest: Manifest | None) -> str:
    """Return how long a run took; nothing while it goes on."""
    if manifest is None or manifest.finished_at is None:
        return ""
    seconds = int((manifest.finished_at - manifest.started_at).total_seconds())
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def _made(manifest: Manifest | None) -> int:
    return sum(shot.state in {"delivered", "reused"} for shot in manifest.shots) if manifest else 0
