"""Settles what was asked by runs that were cancelled while they were suspended: no process of theirs lives then, and Prefect calls no hook.

Whoever looks next does it: runs of `serve` and `up` every half minute, a worker at its next run, a terminal that decides or resumes.
"""

from __future__ import annotations

import logging
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import ArtifactUpdate
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterKey,
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort

from animatic.flows.approval_texts import DECIDE, no_longer_asking
from animatic.flows.last_word import have_the_last_word
from animatic.flows.parameters import TAG
from animatic.flows.settling import SIMULATED_NOTE, STOPPED, go_on_with

MAX_LOOKED_AT = 50
"""Cancelled runs of a server that are looked at, the last ones first."""
CANCELLED = "cancelled before a decision"
log = logging.getLogger(__name__)


async def settle_withdrawn(client: PrefectClient, *, only: UUID | None = None) -> int:
    """Say of what cancelled runs asked (all of the server, or ``only`` one) that nothing waits for it; returns of how many runs."""
    wanted = FlowRunFilter(
        id=None if only is None else FlowRunFilterId(any_=[only]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.CANCELLED])),
        tags=FlowRunFilterTags(all_=[TAG]),
    )
    found = await client.read_flow_runs(flow_run_filter=wanted, sort=FlowRunSort.END_TIME_DESC, limit=MAX_LOOKED_AT)
    silent = {run.id: run for run in found if run.state is not None and STOPPED not in (run.state.message or "")}
    if not silent:
        return 0
    asked = await client.read_artifacts(
        artifact_filter=ArtifactFilter(key=ArtifactFilterKey(like_="-approval")),
        flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=list(silent))),
    )
    settled = 0
    for artifact in asked:
        if artifact.flow_run_id not in silent or DECIDE not in str(artifact.data):
            continue
        run = silent[artifact.flow_run_id]
        mark, said = _marked(artifact.description or "")
        headline = f"{mark}{CANCELLED}: {said}"
        text = no_longer_asking(str(artifact.data), headline, f"**The run was cancelled.** {go_on_with(run)}. Decide in a terminal:")
        await client.update_artifact(artifact.id, ArtifactUpdate(data=text, description=headline))
        await have_the_last_word(client, run.id, f"{mark}{STOPPED}{CANCELLED.capitalize()} ({said}). {go_on_with(run)}")
        settled += 1
    return settled


async def settle_withdrawn_if_possible(client: PrefectClient) -> None:
    """Do the same where nothing else is to suffer from what ails the server."""
    try:
        await settle_withdrawn(client)
    except Exception as error:  # noqa: BLE001 (what a cancelled run asked keeps no other from being made)
        log.debug("what cancelled runs asked could not be settled: %s", type(error).__name__)


def _marked(description: str) -> tuple[str, str]:
    mark = SIMULATED_NOTE if description.startswith(SIMULATED_NOTE) else ""
    return mark, description.removeprefix(mark)
