"""Settles what a run leaves in the Prefect UI where its own process cannot any more: it was killed, or cancelled and then overruled.

Prefect calls these hooks in the process that had started the run's. They read and write the server alone: no money, no files.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import Any

from prefect import Flow
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import ArtifactUpdate
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey, FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import Artifact, FlowRun, State
from prefect.states import Crashed

from animatic.flows.identity import run_id_of
from animatic.flows.tables import settled_text

STOPPED = "stopped. "
"""How the message of a run begins that was stopped and could say so itself."""
SIMULATED_NOTE = "SIMULATED · "
"""How everything begins that is said of a simulated run."""
log = logging.getLogger(__name__)


async def settle_cancelled(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Settle the artifacts of a cancelled run, and see to it that the run says how to go on: Prefect puts words of its own there."""
    del flow, state
    async with get_client() as client:
        headline = await _settle_artifacts(client, flow_run)
        own = (await client.read_flow_run(flow_run.id)).state
    message = own.message if own is not None and own.is_cancelled() and own.message and STOPPED in own.message else None
    message = message or f"{_mark(headline)}{STOPPED}{_there(headline)}{go_on_with(flow_run)}"
    _leave_the_last_word(str(flow_run.id), message)


async def settle_crashed(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Settle the artifacts of a crashed run, and put what to do before Prefect's words."""
    del flow
    async with get_client() as client:
        headline = await _settle_artifacts(client, flow_run)
        message = f"{_mark(headline)}Crashed. {_there(headline)}{go_on_with(flow_run)}"
        if state.message:
            message += f"\n  {state.message}"
        await client.set_flow_run_state(flow_run.id, Crashed(message=message), force=True)


async def _settle_artifacts(client: PrefectClient, flow_run: FlowRun) -> str:
    """Settle the table and the progress that a run has published; returns the table's headline, empty where there is none."""
    found = await client.read_artifacts(
        artifact_filter=ArtifactFilter(key=ArtifactFilterKey(like_="-shots")),
        flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[flow_run.id])),
        limit=1,
    )
    if not found:
        return ""
    table: Artifact = found[0]
    settled = settled_text(str(table.data))
    note = SIMULATED_NOTE if (table.description or "").startswith(SIMULATED_NOTE) else ""
    description = f"{note}{settled.headline}"
    await client.update_artifact(table.id, ArtifactUpdate(data=settled.text, description=description))
    for progress in await client.read_artifacts(
        artifact_filter=ArtifactFilter(key=ArtifactFilterKey(like_="-progress")),
        flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[flow_run.id])),
        limit=1,
    ):
        await client.update_artifact(progress.id, ArtifactUpdate(data=settled.percent, description=description))
    return description


def _leave_the_last_word(flow_run_id: str, message: str) -> None:
    """Start a process that puts the message there after Prefect has: it does so once this hook has returned."""
    process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
        [sys.executable, "-P", "-m", "animatic.flows.last_word", flow_run_id, message],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    # It outlives this hook on purpose: without a code Popen would warn that it still runs.
    process.returncode = 0


def _mark(headline: str) -> str:
    return SIMULATED_NOTE if headline.startswith(SIMULATED_NOTE) else ""


def _there(headline: str) -> str:
    said = headline.removeprefix(SIMULATED_NOTE)
    return f"{said[0].upper()}{said[1:]}. " if said else ""


def go_on_with(flow_run: FlowRun) -> str:
    """Return what goes on with a run that ended before its time."""
    expected = flow_run.expected_start_time
    run_id = run_id_of(str(flow_run.id), expected) if expected is not None else None
    go_on = f"`animatic resume {run_id}`, or Retry" if run_id else "Retry"
    return f"Go on with {go_on}: what was submitted is in the ledger"
