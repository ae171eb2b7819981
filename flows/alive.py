"""Tells the Prefect server that a deployed run is alive, and settles who goes on with it where the server believed otherwise.

A run whose machine is gone stays Running for ever. So each run gives signs of life, and an automation that `animatic deploy` makes
schedules one again that has stopped: the next worker takes it up, adopts the jobs that were paid for, and makes the rest. Where the run
lives all the same, because its signs were lost on the way, it says so; where another process executes it by then, it leaves it to that.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Literal
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import OrchestrationResult
from prefect.events import emit_event
from prefect.runtime import flow_run
from prefect.states import Running

ALIVE = "animatic.run.alive"
LEFT = "animatic.run.left"
"""The last sign: the process ends the run, or its part of it, in good order."""
ALIVE_SECONDS = 20.0
"""Between two signs of life."""
LOST_NAME = "AwaitingRetry"
"""The state, by Prefect's name, in which the automation puts a run that gives no sign of life any more (`animatic.prefect.takeover`)."""
GIVEN_WAY = 0
"""Exit code of a process that leaves its run to another: its worker would report any other as a crash of the run, which goes on."""
Fate = Literal["goes on", "stops", "was believed dead", "is another's"]
ACTIVE_STATES = frozenset({StateType.RUNNING, StateType.PENDING, StateType.SCHEDULED})
"""A flow run in any other state is not to go on."""
log = logging.getLogger(__name__)


@asynccontextmanager
async def giving_signs(*, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> AsyncIterator[None]:
    """Give signs of life of this process's flow run until the end of the block, and then a last one."""
    run_id = flow_run.id
    if run_id is None:
        yield
        return

    async def give() -> None:
        while True:
            _emit(ALIVE, run_id)
            await sleep(ALIVE_SECONDS)

    giving = asyncio.create_task(give())
    try:
        yield
    finally:
        giving.cancel()
        _emit(LEFT, run_id)


def _emit(event: str, run_id: str) -> None:
    """Emit one. Nothing that goes wrong with it is told: the next one may arrive."""
    try:
        emit_event(event=event, resource={"prefect.resource.id": f"prefect.flow-run.{run_id}"})
    except Exception as error:  # noqa: BLE001 (whatever ails the server, the shots go on)
        log.debug("a sign of life was not sent: %s", type(error).__name__)


def fate_of(seen: FlowRun, began_as: int | None) -> Fate:
    """Return what becomes of the run in this process. ``began_as``: the number of the execution that it is; None: not known.

    A run that was scheduled again is ours until a worker has taken it up (Pending), or has begun it (the number has grown).
    """
    if began_as is not None and seen.run_count > began_as:
        return "is another's"
    kind = None if seen.state is None else seen.state.type
    if kind is StateType.PENDING:
        return "is another's"
    if kind is StateType.SCHEDULED:
        return "was believed dead"
    return "goes on" if kind is None or kind in ACTIVE_STATES else "stops"


async def say_alive(client: PrefectClient, flow_run_id: UUID) -> int | None:
    """Put a run that lives back to Running, before a worker takes it up.

    Returns the number of its execution, which the server counts up with that; None where another process has been quicker.
    """
    log.warning("the server believed that this run had died: it goes on")
    answer: OrchestrationResult[Any] = await client.set_flow_run_state(
        flow_run_id, Running(message="it lives: its signs of life had been lost"), force=True
    )
    now = await client.read_flow_run(flow_run_id)
    ours = answer.state is not None and now.state is not None and now.state.id == answer.state.id
    return now.run_count if ours else None


def give_way() -> None:
    """End this process at once, as another executes its run. What it has submitted is in the ledger, where the other finds it."""
    log.warning("another process executes this run now: leaving it to that one")
    os._exit(GIVEN_WAY)
