"""The plan of a past run as it was in the end: with the takes that counted in it, which may have been chosen while it went on."""

from __future__ import annotations

from animatic.engine.history import PastRun
from animatic.manifest import Manifest, Shot
from animatic.plan import Plan, fingerprint_of
from animatic.plan.several import repicked, spare_take, with_steps_beside


async def plan_as_made(run: PastRun) -> Plan:
    """Return the plan with the takes that the run's manifest names; as it began where there is no manifest. Raises StorageError."""
    manifest = await run.manifest_if_whole()
    return run.plan if manifest is None else as_made(run.plan, manifest)


def as_made(plan: Plan, manifest: Manifest) -> Plan:
    """Return a plan with the takes that a manifest of its run names."""
    records = {shot.key or shot.id: shot for shot in manifest.shots}
    for _ in plan.shots:  # what depends on another take is another request, whose take is looked for then
        if not (picks := _picks(plan, records)):
            break
        plan = repicked(plan, picks, lambda _base: 1)
    there = {(step.base, step.take) for step in plan.steps}
    beside = [
        spare_take(step, take.take)
        for step in plan.shots
        if step.key in records
        for take in records[step.key].takes
        if (step.base, take.take) not in there and fingerprint_of(step.base, take.take) == take.fingerprint
    ]
    return with_steps_beside(plan, beside)


def _picks(plan: Plan, records: dict[str, Shot]) -> dict[str, int]:
    picks: dict[str, int] = {}
    for step in plan.shots:
        record = records.get(step.key)
        if record is not None and record.take != step.take and fingerprint_of(step.base, record.take) == record.fingerprint:
            picks[step.base] = record.take
    return picks
