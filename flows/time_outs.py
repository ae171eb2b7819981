"""Has the Prefect server resume a suspended run when the time to decide is over; what follows then, the run itself knows.

One automation per suspended run that has such a time: it needs no process of ours, and the server keeps it across restarts.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

from prefect.automations import AutomationCore
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

SHORTEST = timedelta(seconds=10)
"""Prefect's own lower limit for a trigger of this kind."""
BEHIND = timedelta(seconds=2)
"""Behind the time itself, so that it is over for the run as well."""
GOES_ON = ("Resuming", "Pending", "Running", "Cancelling", "Cancelled", "Failed", "Crashed", "Completed")
"""States that end the waiting."""
log = logging.getLogger(__name__)


def automation_name(flow_run_id: UUID) -> str:
    """Return the name of the automation of a flow run."""
    return f"animatic: the time to approve is over ({flow_run_id})"


async def resume_at(client: PrefectClient, flow_run_id: UUID, until: datetime, now: datetime) -> None:
    """Let the server resume a flow run that is about to be suspended. Never fails a run: `animatic review` and `resume` look as well."""
    wanted = AutomationCore(
        name=automation_name(flow_run_id),
        description="Kept by a run that waits for a person; it is removed when the run goes on.",
        trigger=EventTrigger(
            match=ResourceSpecification({"prefect.resource.id": f"prefect.flow-run.{flow_run_id}"}),
            after={"prefect.flow-run.Suspended"},
            expect={f"prefect.flow-run.{state}" for state in GOES_ON},
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=max(SHORTEST, until - now + BEHIND),
        ),
        actions=[ChangeFlowRunState(state=StateType.SCHEDULED, name="Resuming", message="the time to approve is over")],
    )
    try:
        await client.create_automation(wanted)
    except Exception as error:  # noqa: BLE001 (whatever ails the server, the run waits for persons all the same)
        log.warning("the server will not resume this run by itself at %s: %s", until.isoformat(), type(error).__name__)


async def forget_time_out(client: PrefectClient, flow_run_id: UUID) -> None:
    """Remove the automation of a flow run that goes on. Never fails a run: what is left fires at most once more, at nothing."""
    try:
        for found in await client.read_automations_by_name(automation_name(flow_run_id)):
            await client.delete_automation(found.id)
    except Exception as error:  # noqa: BLE001 (whatever ails the server, the run goes on)
        log.debug("an automation is left: %s", type(error).__name__)
