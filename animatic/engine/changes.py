"""Says of shots that would be made why they are not what an earlier run made: what changed in their requests, old -> new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from animatic.engine.estimate import NEW, Decision, Estimate
from animatic.engine.shot_takes import STARTS_FROM_OTHERS
from animatic.errors import UsageError
from animatic.ledger import Ledger
from animatic.plan import Plan, ShotInput, Step, plan_from_json, step_changes
from animatic.plan.cast_changes import SHEET_CHANGED

LOOKED_AT = 8
"""Earlier runs of the destination among which those of the pipeline are looked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Explained:
    """An estimate whose decisions know what changed, and the run that they were compared with; empty where there was none."""

    estimate: Estimate
    since: str


async def explain(plan: Plan, found: Estimate, ledger: Ledger) -> Explained:
    """Compare what would be made with what the pipeline's last run made; one with the same params comes first.

    Raises StorageError.
    """
    found = await _with_locks(plan, found, ledger)
    wanted = {step.key for step in plan.steps if found.decisions[step.key].action == "run"}
    sheets = {item.step for step in plan.steps if step.cast for item in step.request.inputs if isinstance(item, ShotInput) and item.member}
    before = await _earlier(plan, wanted, sheets, ledger) if wanted else None
    if before is None:
        return Explained(estimate=found, since="")
    old = {step.key: step for step in before.steps}
    prints = {key: step.fingerprint for key, step in old.items()}, {step.key: step.fingerprint for step in plan.steps}
    decisions = dict(found.decisions)
    for step in plan.steps:
        if step.key in wanted and step.key in old:
            changes = step_changes(old[step.key], step, *prints)
            decisions[step.key] = _explained(old[step.key], step, decisions[step.key], changes)
    return Explained(estimate=replace(found, decisions=decisions), since=before.run_id)


async def _with_locks(plan: Plan, found: Estimate, ledger: Ledger) -> Estimate:
    """Say of locked shots what would have changed without the lock."""
    moved = [step for step in plan.shots if step.locked is not None and step.locked.otherwise != step.fingerprint]
    if not moved:
        return found
    locks = await ledger.locks.of(plan.pipeline, plan.profile)
    decisions = dict(found.decisions)
    for step in moved:
        lock = locks.get(step.key)
        decisions[step.key] = replace(decisions[step.key], changes=() if lock is None else changes_since(lock.plan, step))
    return replace(found, decisions=decisions)


def changes_since(written: Mapping[str, Any], step: Step) -> tuple[str, ...]:
    """Return how a step differs from what it was in a written plan that holds it alone."""
    try:
        was = next(iter(plan_from_json(written).steps), None)
    except UsageError:  # of another version of animatic
        was = None
    return (was and step_changes(was, step)) or (STARTS_FROM_OTHERS,)


def _explained(old: Step, new: Step, decision: Decision, changes: tuple[str, ...]) -> Decision:
    if not changes and old.locked is not None and new.locked is None:
        return replace(decision, reason="not locked any more")
    if not changes:
        unmade = decision.reason == NEW and old.fingerprint == new.fingerprint
        return replace(decision, reason="an earlier run did not come to it") if unmade else decision
    reason = _in_short(changes)
    return replace(decision, reason=reason if decision.reason == NEW else f"{reason}; {decision.reason}", changes=changes)


def _in_short(changes: tuple[str, ...]) -> str:
    """Return ``prompt, duration changed, mara's sheet changed``."""
    sheets = [change.partition(":")[0] for change in changes if SHEET_CHANGED in change]
    names = dict.fromkeys(change.partition(" ")[0].rstrip(":") for change in changes if SHEET_CHANGED not in change)
    return ", ".join([*([f"{', '.join(names)} changed"] if names else []), *sheets])


async def _earlier(plan: Plan, wanted: set[str], sheets: set[str], ledger: Ledger) -> Plan | None:
    """Return the last plan of the pipeline and profile before this one that has one of the wanted steps; None where none can be read.

    It has those steps alone, and those that make sheets of the cast.
    """
    best: Mapping[str, Any] | None = None
    for run_id in reversed((await ledger.runs.ids())[-LOOKED_AT:]):
        written = (await ledger.runs.get(run_id) or {}).get("plan")
        if not isinstance(written, dict) or written.get("run_id") == plan.run_id:
            continue
        if (written.get("pipeline"), written.get("profile")) != (plan.pipeline, plan.profile):
            continue  # a draft and its final differ, and nothing was changed
        if not any(isinstance(step, dict) and step.get("key") in wanted for step in written.get("steps", ())):
            continue
        alike = written.get("params") == dict(plan.params)
        best = written if alike or best is None else best
        if alike:
            break
    if best is None:
        return None
    steps = [step for step in best.get("steps", ()) if isinstance(step, dict) and step.get("key") in wanted | sheets]
    try:
        return plan_from_json({**best, "steps": steps, "cuts": []})
    except UsageError:  # of another version of animatic: there is nothing to compare with
        return None
