"""Resumes a suspended flow run on its server, whoever has decided: terminal, page or time. Its deployment goes on with it, and nobody else.

The decisions are in the ledger by then: the flow reads them there. Forms of the UI resume a run by themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas import OrchestrationResult
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import SetStateStatus
from prefect.events.filters import EventAnyResourceFilter, EventFilter, EventNameFilter, EventOccurredFilter
from prefect.exceptions import ObjectNotFound
from prefect.states import Scheduled

from animatic.engine.history import PastRun
from animatic.flows.alive import ALIVE, ALIVE_SECONDS
from animatic.flows.suspension import RESUMING
from animatic.flows.withdrawn import settle_withdrawn
from animatic.prefect.api import prefect_api

JUST_BEGUN = timedelta(seconds=90)
"""For so long a flow run is believed to be running without a sign of life of it; later its process may have died without a word."""
SILENT = timedelta(seconds=3 * ALIVE_SECONDS)
"""After which a run that gave signs of life may be taken up by a person: two of them may be lost."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resumed:
    """A flow run that goes on at its server: ``resumed`` now, or ``going on`` already."""

    flow_run_id: str
    name: str
    what: Literal["resumed", "going on"]


async def resume_suspended(run: PastRun, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Resumed | None:
    """Resume the flow run of a run if it is suspended; None where nothing is to be resumed: it has ended, or this server does not know it.

    Raises PrefectError where the server does not answer, StorageError.
    """
    manifest = await run.manifest_if_whole()
    key = manifest.prefect.flow_run_id if manifest is not None else None
    if key is None:
        return None
    async with prefect_api() as client:
        try:
            return await _resume(client, await client.read_flow_run(UUID(key)), now())
        except ObjectNotFound:
            return None


async def _resume(client: PrefectClient, found: FlowRun, now: datetime) -> Resumed | None:
    if found.deployment_id is None or found.state is None:
        return None
    going_on = Resumed(flow_run_id=str(found.id), name=found.name, what="going on")
    match found.state.type:
        case StateType.PAUSED:
            # Not Prefect's own way to resume: that asks for the form to be filled once more.
            answer: OrchestrationResult[Any] = await client.set_flow_run_state(found.id, Scheduled(name=RESUMING, scheduled_time=now))
            if answer.status == SetStateStatus.ACCEPT:
                return Resumed(flow_run_id=str(found.id), name=found.name, what="resumed")
            again = await client.read_flow_run(found.id)  # somebody else was quicker, or has cancelled it
            return going_on if again.state is not None and again.state.type in {StateType.SCHEDULED, StateType.PENDING} else None
        case StateType.SCHEDULED | StateType.PENDING:
            return going_on
        case StateType.RUNNING:
            return going_on if now - found.state.timestamp < JUST_BEGUN or await _gives_signs(client, found.id, now) else None
        case StateType.CANCELLED:
            await settle_withdrawn(client, only=found.id)
            return None
        case _:
            return None


async def _gives_signs(client: PrefectClient, flow_run_id: UUID, now: datetime) -> bool:
    """Whether the process of a run has said lately that it lives: a second one beside it would write the same record."""
    signs = EventFilter(
        occurred=EventOccurredFilter(since=now - SILENT, until=now),
        event=EventNameFilter(name=[ALIVE]),
        any_resource=EventAnyResourceFilter(id=[f"prefect.flow-run.{flow_run_id}"]),
    )
    return bool((await client.read_events(signs, limit=1)).events)


async def is_active(flow_run_id: str) -> bool:
    """Whether a flow run goes on, or is about to; False where its server does not say."""
    try:
        async with get_client() as client:
            state = (await client.read_flow_run(UUID(flow_run_id))).state
    except Exception:  # noqa: BLE001 (who watches has the manifest, which is enough to end with)
        return False
    return state is not None and state.type in {StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING}
