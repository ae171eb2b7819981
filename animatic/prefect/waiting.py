"""Keeps what is seen of deployments in the Prefect UI right, where no run of theirs lives that could.

Runs that wait for their time are named as they will be once they begin: Prefect calls them by two random words until then. What a run
asked that was cancelled meanwhile is settled.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId, FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort

from animatic.flows.parameters import spelled
from animatic.flows.withdrawn import settle_withdrawn

PAUSE_SECONDS = 30.0
MAX_NAMED = 50
"""Runs that are named at one look, the next ones first: a schedule has a hundred of them waiting."""
MARK = "scheduled"
log = logging.getLogger(__name__)


async def keep_naming(deployments: Mapping[str, UUID], *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
    """Do so for these deployments (name -> id) again and again. A server that is away is waited for."""
    while True:
        try:
            async with get_client() as client:
                await name_waiting_runs(client, deployments)
                await settle_withdrawn(client)
        except Exception as error:  # noqa: BLE001 (serving goes on, whatever ails the server)
            log.debug("waiting runs could not be named: %s", type(error).__name__)
        await sleep(PAUSE_SECONDS)


async def name_waiting_runs(client: PrefectClient, deployments: Mapping[str, UUID]) -> int:
    """Name the runs that a schedule has made and nobody has named yet; returns how many."""
    names = {key: name for name, key in deployments.items()}
    runs = await client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=list(names))),
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED]))),
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        limit=MAX_NAMED,
    )
    found = [run for run in runs if run.auto_scheduled and not run.name.endswith(MARK)]
    for run in found:
        await client.update_flow_run(run.id, name=waiting_name(names.get(run.deployment_id) if run.deployment_id else None, run))
    return len(found)


def waiting_name(pipeline: str | None, run: FlowRun) -> str:
    """Return ``coast-teaser · Porto · scheduled``: the pipeline and what its schedule sets."""
    return " · ".join([pipeline or run.name, *(spelled(name, value) for name, value in run.parameters.items()), MARK])
