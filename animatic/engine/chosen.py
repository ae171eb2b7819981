"""Which other takes count by now in a run whose plan is stored as it was when the run began: by checks, and by later retakes."""

from __future__ import annotations

from collections.abc import Container

from animatic.ledger import Ledger
from animatic.plan import Plan, fingerprint_of


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


async def made_since(plan: Plan, ledger: Ledger, *, besides: Container[str] = ()) -> dict[str, int]:
    """Return the takes that count by now of shots whose own was never made, by base, where they are newer and there.

    ``besides``: keys of shots left out, as are those of several takes. A run whose plan is itself a retake has no newer one.
    """
    own = await ledger.takes.get_many(sorted({step.fingerprint for step in plan.shots}))
    lacking = [step for step in plan.shots if step.fingerprint not in own and step.key not in besides and not step.has_others]
    missing = {step.base: step.take for step in lacking}
    newer = {base: said.take for base, take in missing.items() if (said := await ledger.selections.current(base)) and said.take > take}
    there = await ledger.takes.get_many(sorted(fingerprint_of(base, take) for base, take in newer.items()))
    return {base: take for base, take in newer.items() if fingerprint_of(base, take) in there}
