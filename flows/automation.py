"""The shipped automation: a notification when a run of ours fails, crashes or goes over its budget."""

from __future__ import annotations

from datetime import timedelta

from prefect.automations import AutomationCore
from prefect.client.orchestration import PrefectClient
from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import ObjectNotFound

from animatic.errors import UsageError
from animatic.flows.expand import TAG

NAME = "animatic: a run failed"
EVENTS = ("prefect.flow-run.Failed", "prefect.flow-run.Crashed", "prefect.flow-run.In doubt", "animatic.run.over-budget")
SUBJECT = "{{ flow_run.name }}: {{ flow_run.state.name }}"
BODY = "{{ flow_run.state.message }}\n\n{{ flow_run|ui_url }}"


async def ensure_automation(client: PrefectClient, block: str) -> str:
    """Make the automation, or point it at another block (``type/name``); returns what was done. Raises UsageError for a block that is not there."""
    kind, _, name = block.partition("/")
    try:
        document = await client.read_block_document_by_name(name, kind)
    except ObjectNotFound:
        raise UsageError(
            f"there is no notification block {block!r}",
            hint="make one in the UI under Blocks, and name it TYPE/NAME, as in slack-webhook/ops",
        ) from None
    wanted = AutomationCore(
        name=NAME,
        description="Tells of storyboard runs that failed, crashed, are in doubt or went over their budget. Kept by `animatic deploy --notify`.",
        trigger=EventTrigger(
            expect=set(EVENTS),
            match_related=ResourceSpecification({"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{TAG}"}),
            posture=Posture.Reactive,
            threshold=1,
            within=timedelta(0),
        ),
        actions=[SendNotification(block_document_id=document.id, subject=SUBJECT, body=BODY)],
    )
    existing = await client.read_automations_by_name(NAME)
    if existing:
        await client.update_automation(existing[0].id, wanted)
        return f"the automation {NAME!r} notifies {block}"
    await client.create_automation(wanted)
    return f"made the automation {NAME!r}, which notifies {block}"
