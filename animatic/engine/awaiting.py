"""Finds what waits for a person at destinations, in the plans of runs as they would go on now."""

from __future__ import annotations

from dataclasses import dataclass

from animatic.catalog import Catalog
from animatic.engine.approvals import Following, current, following_of
from animatic.engine.decided import as_it_goes_on
from animatic.engine.history import OpenDestination, past_runs
from animatic.ledger.approvals import Approval
from animatic.plan import Plan, Step

LOOKED_AT = 50
"""Runs of the destinations, the newest first, in which something may wait."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A shot that waits for a person, in one run."""

    destination: OpenDestination
    plan: Plan
    step: Step
    asked: Approval
    following: Following


async def list_waiting(destinations: tuple[OpenDestination, ...], catalog: Catalog, run_id: str | None = None) -> list[Waiting]:
    """Return what waits for approval now, each shot once, in the newest run that asks for it. Raises StorageError."""
    found: dict[tuple[str, bool, str], Waiting] = {}
    for past in await past_runs(destinations, limit=LOOKED_AT):
        if run_id is not None and not past.plan.run_id.startswith(run_id):
            continue
        ledger = past.destination.ledger
        plan = await as_it_goes_on(past.plan, ledger, catalog)
        for step in (step for step in plan.shots if step.approve):
            place = (past.destination.deliver, past.destination.simulated, step.base)
            said = await current(ledger, step.base) if place not in found else None
            if said is not None and said.kind == "asked":
                following = await following_of(plan, step, ledger)
                found[place] = Waiting(destination=past.destination, plan=plan, step=step, asked=said, following=following)
    return list(found.values())
