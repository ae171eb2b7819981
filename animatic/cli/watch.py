"""``watch``: follows a run that goes on elsewhere (in a worker, on a schedule, in another terminal). Reads only."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from animatic.cli.ending import counts, waiting_facts, waiting_lines
from animatic.cli.live import LiveView
from animatic.cli.lookup import newest_or_named
from animatic.cli.options import deliver_option, file_option, json_option, only_simulated_option
from animatic.cli.output import print_json, tell
from animatic.engine.progress import ProgressTracker, State, state_of_record
from animatic.errors import InterruptedRunError, NeedsPersonError, ShotError
from animatic.money import dollars
from animatic.settings import Settings, use_prefect_api

if TYPE_CHECKING:
    from animatic.engine.history import PastRun
    from animatic.manifest import Manifest
    from animatic.manifest.model import Doing, Shot

POLL_SECONDS = 2.0
"""Between two looks; the manifest is written as often."""
STATES: dict[Doing, State] = {
    "not started": "pending",
    "preparing": "preparing",
    "submitted": "submitting",
    "running": "running",
    "fetching": "fetching",
    "cancelled": "skipped",
    "waits for approval": "waiting",
}
"""What a waiting shot is doing, as progress."""


@click.command()
@click.argument("run_id", metavar="[RUN]", required=False)
@file_option
@deliver_option
@only_simulated_option
@json_option
def watch(run_id: str | None, files: tuple[Path, ...], deliver: str | None, simulate: bool, as_json: bool) -> int:
    """Follow a run live until it ends.

    RUN is its id, or the beginning of it (default: the newest run). The exit code is 0 if every shot was delivered, 5 if the run waits for
    a person, 4 if shots are missing, 130 if the run was interrupted.
    """
    run, manifest = asyncio.run(_watch(run_id, files, deliver, simulate=simulate))
    if as_json:
        facts = {"run_id": run.plan.run_id, "pipeline": run.plan.pipeline, "state": manifest.state, "shots": counts(manifest)}
        print_json({**facts, "waiting": waiting_facts(manifest), "cost": manifest.cost.model_dump(mode="json")})
    else:
        tell(f"{run.plan.pipeline} {run.plan.run_id}: {manifest.state}; billed {dollars(manifest.cost.billed_usd)}")
        for line in waiting_lines(manifest):
            tell(f"  {line}")
    match manifest.state:
        case "completed":
            return 0
        case "waiting":
            return NeedsPersonError.exit_code
        case "cancelled":
            return InterruptedRunError.exit_code
        case _:
            return ShotError.exit_code


async def _watch(run_id: str | None, files: tuple[Path, ...], deliver: str | None, *, simulate: bool) -> tuple[PastRun, Manifest]:
    run, manifest = await newest_or_named(files, deliver, run_id, simulate=simulate)
    progress = ProgressTracker.of({step.key: step.request.model for step in run.plan.steps})
    title = f"{run.plan.pipeline} · {run.plan.run_id}"
    already = seconds_gone_on(manifest, datetime.now(UTC))
    with LiveView(progress, title, simulated=run.destination.simulated, budget=run.plan.budget_usd, already=already):
        while True:
            follow_manifest(progress, manifest)
            ended = manifest.finished_at is not None and not await _was_resumed(manifest)
            follow_rows(progress, await _live_rows(run, manifest))
            if ended:  # takes that are no shots of the manifest stand in the table alone
                follow_manifest(progress, manifest)
                return run, manifest
            await asyncio.sleep(POLL_SECONDS)
            manifest = await run.manifest() or manifest


def seconds_gone_on(manifest: Manifest, now: datetime) -> float:
    """Return how many seconds a run has gone on at ``now``, or went on where it has ended."""
    return max(0.0, ((manifest.finished_at or now) - manifest.started_at).total_seconds())


async def _was_resumed(manifest: Manifest) -> bool:
    """Whether a run that has waited goes on at its Prefect server, though its manifest does not say so yet."""
    if manifest.state != "waiting" or manifest.prefect.deployment is None or manifest.prefect.flow_run_id is None:
        return False
    from animatic.prefect.server import available_api

    url = available_api(Settings.from_environment().home)
    if url is None:
        return False
    use_prefect_api(url)
    from animatic.prefect.suspended import is_active

    return await is_active(manifest.prefect.flow_run_id)


def follow_manifest(progress: ProgressTracker, manifest: Manifest) -> None:
    """Apply what the manifest says of each shot, with the seconds that Krea took for those that have ended."""
    for shot in manifest.shots:
        key = shot.key or shot.id
        if key not in progress.shots:
            continue
        if shot.state == "waiting":
            if shot.doing is not None:
                progress.change(key, STATES[shot.doing], job_id=shot.job_id, usd=shot.set_aside_usd)
            continue
        detail = shot.error.message if shot.error else ""
        aside = shot.set_aside_usd
        progress.change(key, state_of_record(shot.state), detail, job_id=shot.job_id, usd=shot.usd, aside=aside, took=_seconds(shot))


def _seconds(shot: Shot) -> float:
    """Return how long the job of a shot took; nothing where this run had none."""
    if shot.state == "reused" or shot.submitted_at is None or shot.completed_at is None:
        return 0.0
    return max(0.0, (shot.completed_at - shot.submitted_at).total_seconds())


def follow_rows(progress: ProgressTracker, rows: list[dict[str, Any]]) -> None:
    """Apply the live table of the Prefect UI: what the manifest does not know yet."""
    for row in rows:
        key = row.get("shot")
        if isinstance(key, str) and key in progress.shots:
            state: State = next((known for known in get_args(State) if known == row.get("state")), "pending")
            detail, job_id, took = str(row.get("detail") or ""), row.get("job") or None, _number(row.get("seconds"))
            progress.change(key, state, detail, job_id=job_id, usd=_number(row.get("usd")), took=None if took is None else float(took))


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


def _number(written: object) -> Decimal | None:
    """Return the amount or the seconds of a cell of the live table, however the table spells it."""
    try:
        return Decimal(str(written).removeprefix("$").replace(",", ""))
    except InvalidOperation:
        return None
