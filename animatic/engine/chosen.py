"""What checks have chosen in a run whose plan is stored as it was when the run began."""

from __future__ import annotations

from collections.abc import Container

from animatic.ledger import Ledger
from animatic.plan import Plan


async def chosen_in(plan: Plan, ledger: Ledger, *, besides: Container[str] = ()) -> dict[str, int]:
    """Return the takes that checks have chosen, by base, where they are others than the plan has. ``besides``: keys of shots left out."""
    picks: dict[str, int] = {}
    for step in plan.shots:
        if not step.is_chosen or step.base in picks or step.key in besides:
            continue
        said = await ledger.selections.current(step.base)
        if said is not None and step.take in said.among and said.take != step.take:
            picks[step.base] = said.take
    return picks
