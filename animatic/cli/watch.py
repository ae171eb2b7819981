"""``watch``: a run that goes on elsewhere (a worker, a schedule, another terminal), live in this one. Reads only."""

from __future__ import annotations

import asyncio
import json
import os
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from animatic.cli.inspect import newest_or_named
from animatic.cli.live import LiveView
from animatic.cli.options import deliver_option, file_option
from animatic.engine.progress import STATES, ProgressTracker, State, state_of_record
from animatic.settings import Settings

if TYPE_CHECKING:
    from animatic.engine.history import PastRun
    from animatic.manifest import Manifest

EVERY = 2.0
"""Seconds between two looks; the manifest is written as often."""
UNSUCCESSFUL = 4


@click.command()
@click.argument("run_id", metavar="[RUN]", required=False)
@file_option
@deliver_option
def watch(run_id: str | None, files: tuple[Path, ...], deliver: str | None) -> int:
    """Follow RUN (default: the newest) until it ends. The exit code is 0 if every shot was delivered, 4 if not."""
    return asyncio.run(_watch(run_id, files, deliver))


async def _watch(run_id: str | None, files: tuple[Path, ...], deliver: str | None) -> int:
    run, manifest = await newest_or_named(files, deliver, run_id)
    board = ProgressTracker.of({step.key: step.request.model for step in run.plan.steps})
    with LiveView(board, f"{run.plan.pipeline} · {run.plan.run_id}", simulated=run.destination.simulated):
        while True:
            follow_manifest(board, manifest)
            if manifest.finished_at is not None:
                break
            follow_rows(board, await _live_rows(run, manifest))
            await asyncio.sleep(EVERY)
            manifest = await run.manifest() or manifest
    print(f"{run.plan.pipeline} {run.plan.run_id}: {manifest.state}")
    return 0 if manifest.state == "completed" else UNSUCCESSFUL


def follow_manifest(board: ProgressTracker, manifest: Manifest) -> None:
    """Put what the record says onto a board; what the record calls waiting may be anything before its end."""
    for shot in manifest.shots:
        key = shot.key or shot.id
        if key in board.shots and shot.state != "waiting":
            detail = shot.error.message if shot.error else ""
            board.change(key, state_of_record(shot.state), detail, job_id=shot.job_id, usd=shot.usd)


def follow_rows(board: ProgressTracker, rows: list[dict[str, Any]]) -> None:
    """Put the live table of the Prefect UI onto a board: what the record does not know yet."""
    for row in rows:
        key = row.get("shot")
        if isinstance(key, str) and key in board.shots:
            board.change(
                key, _state(row.get("state")), str(row.get("detail") or ""), job_id=row.get("job") or None, usd=_usd(row.get("usd"))
            )


async def _live_rows(run: PastRun, manifest: Manifest) -> list[dict[str, Any]]:
    """Read the table that the run keeps at the Prefect server; empty where there is none, or no server."""
    from animatic.prefect.server import configured_api_url, running

    flow_run_id = manifest.prefect.flow_run_id
    server = running(Settings.from_environment().home)
    url = configured_api_url(os.environ) or (server.api_url if server else None)
    if flow_run_id is None or url is None:
        return []
    os.environ["PREFECT_API_URL"] = url
    from animatic.flows.artifacts import read_shots

    try:
        found: list[dict[str, Any]] = json.loads(await read_shots(run.plan.pipeline, flow_run_id) or "[]")
    except Exception:  # noqa: BLE001 (the record is enough to go on)
        return []
    return found


def _state(written: object) -> State:
    return next((state for state in STATES if state == written), "pending")


def _usd(written: object) -> Decimal | None:
    try:
        return Decimal(str(written))
    except InvalidOperation:
        return None
