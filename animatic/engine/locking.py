"""Locks shots to the takes that count, and takes locks off. Nothing is sent or paid; what is wrong is found before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from animatic.catalog import Catalog
from animatic.engine.plan_run import Planner, PlanOptions
from animatic.engine.shot_takes import STARTS_FROM_OTHERS, last_made
from animatic.engine.timing import REAL_TIME, Timing
from animatic.errors import UsageError
from animatic.ledger import Ledger, Take
from animatic.ledger.locks import Lock
from animatic.plan import Plan, Step, fingerprint_of, plan_to_json, step_changes
from animatic.plan.select import select
from animatic.spec import Declaration, PipelineSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What became of the lock of one shot."""

    step: str
    lock: Lock | None
    """What counts now; None where the shot was never locked."""
    new: bool
    """Whether it was written now: else it stood so before."""
    changes: tuple[str, ...] = ()
    """How the shot differs already from what the locked take was made of."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shots:
    """The shots that a command line names, as a run would plan them if none were locked."""

    plan: Plan
    ledger: Ledger
    chosen: tuple[Step, ...]


async def find_shots(
    declaration: Declaration,
    spec: PipelineSpec,
    params: Mapping[str, Any],
    catalog: Catalog,
    options: PlanOptions,
    shot: str,
    *,
    timing: Timing = REAL_TIME,
) -> Shots:
    """Return the steps of a key, of an id in all variants, or of a pattern (``16x9/*``).

    Raises UsageError, DeclarationError, StorageError.
    """
    planner = Planner(declaration=declaration, spec=spec, params=params, catalog=catalog, options=options, started=timing.now())
    ledger = planner.open_ledger()
    selected = await ledger.selections.all()
    plan = planner.plan(current_take=lambda base: selected.get(base, 1))
    keys = select(shot, {step.key: step.depends_on for step in plan.shots}, {step.key: step.shot for step in plan.shots})
    return Shots(plan=plan, ledger=ledger, chosen=tuple(step for step in plan.shots if step.key in keys))


async def lock(shots: Shots, *, by: str, note: str | None) -> list[Change]:
    """Lock each shot to its take that counts: of its request as it is, else that which its newest run with these params has.

    Raises UsageError, and locks none, where one has no take or its file is missing; StorageError.
    """
    plan, ledger = shots.plan, shots.ledger
    standing = await ledger.locks.of(plan.pipeline, plan.profile)
    found: dict[str, tuple[Step, Take]] = {}
    for step in shots.chosen:
        if step.key in standing:
            continue
        made = await _made(plan, step, ledger)
        if made is not None:
            found[step.key] = made
    without = [step.key for step in shots.chosen if step.key not in standing and step.key not in found]
    if without:
        others = f"; those that have one can be named: {', '.join(found)}" if found else ""
        raise UsageError(
            f"{_named(without)} no take yet, so there is nothing to lock", hint=f"`animatic run {plan.pipeline}` makes it{others}"
        )
    for key, (_, take) in found.items():
        if (why := await ledger.takes.why_lost(take)) is not None:
            raise UsageError(f"take {take.number} of shot {key!r} cannot be locked: {why}", hint="bring the file back")
    changed: list[Change] = []
    for step in shots.chosen:
        if step.key not in found:
            changed.append(Change(step=step.key, lock=standing[step.key], new=False))
            continue
        was, take = found[step.key]
        wanted = await _lock_of(plan, step, was, take, ledger, by=by, note=note)
        stands = await ledger.locks.lock(wanted)
        differs = () if was.fingerprint == step.fingerprint else step_changes(was, step) or (STARTS_FROM_OTHERS,)
        changed.append(Change(step=step.key, lock=stands, new=replace(wanted, at=stands.at) == stands, changes=differs))
    return changed


async def unlock(shots: Shots, *, by: str, note: str | None) -> list[Change]:
    """Take the locks of shots off; those that are not locked stay so. StorageError."""
    standing = await shots.ledger.locks.of(shots.plan.pipeline, shots.plan.profile)
    changed: list[Change] = []
    for step in shots.chosen:
        lock = standing.get(step.key)
        off = None if lock is None else await shots.ledger.locks.unlock(lock, by=by, note=note)
        changed.append(Change(step=step.key, lock=off, new=off is not None and (off.by, off.note) == (by, note)))
    return changed


async def _made(plan: Plan, step: Step, ledger: Ledger) -> tuple[Step, Take] | None:
    take = await ledger.takes.get(step.fingerprint)
    return (step, take) if take is not None else await last_made(ledger, plan, step)


async def _lock_of(plan: Plan, step: Step, was: Step, take: Take, ledger: Ledger, *, by: str, note: str | None) -> Lock:
    others = {number: fingerprint_of(was.base, number) for number in range(1, was.takes + 1) if was.takes > 1 and number != was.take}
    there = await ledger.takes.get_many(others.values())
    return Lock(
        kind="locked",
        pipeline=plan.pipeline,
        step=step.key,
        profile=plan.profile,
        base=was.base,
        take=was.take,
        fingerprint=take.fingerprint,
        beside=tuple(number for number, print_ in others.items() if print_ in there),
        makes=was.makes,
        run_id=take.run_id,
        plan=plan_to_json(replace(plan, steps=(was,), cuts=(), warnings=(), left_out=())),
        by=by,
        note=note,
        at=take.made_at,  # the ledger sets the time
    )


def _named(keys: list[str]) -> str:
    return f"shot {keys[0]!r} has" if len(keys) == 1 else f"shots {', '.join(map(repr, keys))} have"
