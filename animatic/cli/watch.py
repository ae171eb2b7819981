"""``watch``: follows a run that goes on elsewhere (in a worker, on a schedule, in another terminal). Reads only."""

from __future__ import annotations

import asyncio
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never, get_args

import click

from animatic.cli.live import LiveView
from animatic.cli.lookup import newest_or_named
from animatic.cli.options import deliver_option, file_option
from animatic.engine.progress import ProgressTracker, State
from animatic.errors import ShotError
from animatic.settings import Settings, use_prefect_api

if TYPE_CHECKING:
    from animatic.engine.history import PastRun
    from animatic.manifest import Manifest
    from animatic.manifest.model import ShotState

POLL_SECONDS = 2.0
"""Between two looks; the manifest is written as often."""


@click.command()
@click.argument("run_id", metavar="[RUN]", required=False)
@file_option
@deliver_option
def watch(run_id: str | None, files: tuple[Path, ...], deliver: str | None) -> int:
    """Follow a run live until it ends.

    RUN is its id, or the beginning of it (default: the newest run). The exit code is 0 if every shot was delivered, 4 if not.
    """
    return asyncio.run(_watch(run_id, files, deliver))


async def _watch(run_id: str | None, files: tuple[Path, ...], deliver: str | None) -> int:
    run, manifest = await newest_or_named(files, deliver, run_id)
    progress = ProgressTracker.of({step.key: step.request.model for step in run.plan.steps})
    with LiveView(progress, f"{run.plan.pipeline} · {run.plan.run_id}", simulated=run.destination.simulated):
        while True:
            follow_manifest(progress, manifest)
            if manifest.finished_at is not None:
                break
            follow_rows(progress, await _live_rows(run, manifest))
            await asyncio.sleep(POLL_SECONDS)
            manifest = await run.manifest() or manifest
    print(f"{run.plan.pipeline} {run.plan.run_id}: {manifest.state}")
    return 0 if manifest.state == "completed" else ShotError.exit_code


def follow_manifest(progress: ProgressTracker, manifest: Manifest) -> None:
    """Apply what the manifest says; what it calls waiting may be anything before its end."""
    for shot in manifest.shots:
        key = shot.key or shot.id
        if key in progress.shots and shot.state != "waiting":
            detail = shot.error.message if shot.error else ""
            progress.change(key, _progress_state(shot.state), detail, job_id=shot.job_id, usd=shot.usd)


def follow_rows(progress: ProgressTracker, rows: list[dict[str, Any]]) -> None:
    """Apply the live table of the Prefect UI: what the manifest does not know yet."""
    for row in rows:
        key = row.get("shot")
        if isinstance(key, str) and key in progress.shots:
            state: State = next((known for known in get_args(State) if known == row.get("state")), "pending")
            progress.change(key, state, str(row.get("detail") or ""), job_id=row.get("job") or None, usd=_usd(row.get("usd")))


async def _live_rows(run: PastRun, manifest: Manifest) -> list[dict[str, Any]]:
    """Read the table that the run keeps at the Prefect server; empty where there is none, or no server."""
    from animatic.prefect.server import available_api

    flow_run_id = manifest.prefect.flow_run_id
    url = available_api(Settings.from_environment().home)
    if flow_run_id is None or url is None:
        return []
    use_prefect_api(url)
    from animatic.flows.artifacts import read_shots

    try:
        return await read_shots(run.plan.pipeline, flow_run_id)
    except Exception:  # noqa: BLE001 (the manifest is enough to go on)
        return []


def _progress_state(state: ShotState) -> State:
    match state:
        case "delivered" | "reused" | "failed" | "skipped":
            return state
        case "in_doubt":
            return "in doubt"
        case "waiting":
            return "pending"
        case _:
            assert_never(state)


def _usd(written: object) -> Decimal | None:
    """Return the amount of a cell of the live table, however the table spells it."""
    try:
        return Decimal(str(written).removeprefix("$").replace(",", ""))
    except InvalidOperation:
        return None
