"""Keeps the automations by which runs of machines that are gone are taken up by others, without a person.

Prefect's own heartbeats are not used: one that comes from a run just after it was suspended would have it believed dead. Ours end with a
last sign, in whatever state the run is left.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from prefect.automations import AutomationCore
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

from animatic.flows.alive import ALIVE, LEFT, LOST_NAME
from animatic.flows.parameters import TAG

SILENCE = timedelta(seconds=120)
"""After which a run that gave signs of life counts as lost: six of them."""
START = timedelta(minutes=10)
"""Which a worker has from the moment at which it takes a run: an image may have to be pulled."""
BEGUN = frozenset({"Running", "Retrying", "Rerunning"})
TAKEN = frozenset({"Pending", "Submitting", "InfrastructurePending"})
"""What Prefect calls a run that a worker has taken, and that has not begun."""
ENDED = frozenset({"Completed", "Failed", "Crashed", "Cancelling", "Cancelled", "Reused", "Skipped", "In doubt", "Waits for approval"})
SET_ASIDE = frozenset({"Scheduled", "Late", "AwaitingRetry", "AwaitingConcurrencySlot", "Resuming", "Paused", "Suspended"})
CRASHES, CRASHES_WITHIN = 4, timedelta(hours=1)
"""After so many crashes of a run within that time nobody takes it up by itself any more."""
GIVEN_UP_MESSAGE = (
    f"it crashed {CRASHES} times within an hour and is not taken up by itself any more: its worker's log says why (a package or variable "
    "that is missing, too little memory); mend that, then press Retry"
)
KEPT = "Kept by `animatic deploy`."
LOST = "animatic: take up runs of machines that are gone"
STUCK = "animatic: take up runs that a worker took and never began"
GIVEN_UP = "animatic: give up runs that crash again and again"


def takeover_automations(*, silence: timedelta = SILENCE, start: timedelta = START) -> tuple[AutomationCore, ...]:
    """Return the automations as they should be."""
    return (
        _automation(
            LOST,
            "Schedules storyboard runs again that give no sign of life any more. What they had submitted is not paid again.",
            after={ALIVE, *_news(BEGUN)},
            expect={ALIVE, LEFT, *_news(ENDED | SET_ASIDE | TAKEN)},
            within=silence,
            message=f"its machine has given no sign of life for {silence.total_seconds():.0f} s: another worker takes it up",
        ),
        _automation(
            STUCK,
            "Schedules storyboard runs again that a worker has taken, and that have not begun since, or crashed before they began.",
            after=_news(TAKEN),
            # Not Crashed: of a run that had begun that would come too late. One that had not has submitted nothing, and may be made again.
            expect={ALIVE, *_news((BEGUN | ENDED | SET_ASIDE) - {"Crashed"})},
            within=start,
            message=f"the worker that took it has not begun it for {start.total_seconds():.0f} s: another one takes it up",
        ),
        AutomationCore(
            name=GIVEN_UP,
            description=f"Ends storyboard runs that crashed {CRASHES} times within an hour: they may do so for ever. {KEPT}",
            trigger=_trigger(
                posture=Posture.Reactive, after=set(), expect=_news(frozenset({"Crashed"})), threshold=CRASHES, within=CRASHES_WITHIN
            ),
            actions=[ChangeFlowRunState(state=StateType.FAILED, message=GIVEN_UP_MESSAGE)],
        ),
    )


def _automation(name: str, description: str, *, after: set[str], expect: set[str], within: timedelta, message: str) -> AutomationCore:
    return AutomationCore(
        name=name,
        description=f"{description} {KEPT}",
        trigger=_trigger(posture=Posture.Proactive, after=after, expect=expect, threshold=1, within=within),
        actions=[ChangeFlowRunState(state=StateType.SCHEDULED, name=LOST_NAME, message=message)],
    )


def _trigger(*, posture: Posture, after: set[str], expect: set[str], threshold: int, within: timedelta) -> EventTrigger:
    """Return a trigger for storyboard runs of deployments, each by itself."""
    return EventTrigger(
        match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
        match_related=[
            ResourceSpecification({"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{TAG}"}),
            ResourceSpecification({"prefect.resource.role": "deployment"}),  # another worker can take up no other
        ],
        after=after,
        expect=expect,
        for_each={"prefect.resource.id"},
        posture=posture,
        threshold=threshold,
        within=within,
    )


def _news(states: frozenset[str]) -> set[str]:
    return {f"prefect.flow-run.{state}" for state in states}


async def ensure_takeover(client: PrefectClient, automations: tuple[AutomationCore, ...] | None = None) -> None:
    """Make the automations where they are missing, and bring those of another version up to date. Switched off ones stay off."""
    for wanted in takeover_automations() if automations is None else automations:
        found = await client.read_automations_by_name(wanted.name)
        if not found:
            await client.create_automation(wanted)
        elif _differs(found[0], wanted):
            await client.update_automation(found[0].id, wanted.model_copy(update={"enabled": found[0].enabled}))


async def takeover_gaps(client: PrefectClient) -> tuple[list[str], list[str]]:
    """Return the names of the automations that are missing, and of those that are switched off and without which no run is taken up."""
    found = {name: await client.read_automations_by_name(name) for name in (LOST, STUCK, GIVEN_UP)}
    missing = [name for name, there in found.items() if not there]
    return missing, [name for name, there in found.items() if name != GIVEN_UP and there and not there[0].enabled]


def _differs(there: AutomationCore, wanted: AutomationCore) -> bool:
    return _facts(there) != _facts(wanted)


def _facts(automation: AutomationCore) -> tuple[Any, ...]:
    """Return what makes an automation of ours: the server fills in the rest."""
    trigger: Any = automation.trigger
    actions = [action.model_dump(mode="json") for action in automation.actions]
    return automation.description, trigger.after, trigger.expect, trigger.within, trigger.threshold, actions
