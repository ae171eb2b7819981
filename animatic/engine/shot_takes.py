"""The takes of one shot: those of its request as it is now and those of what it was in earlier runs; and which of them runs use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from animatic.engine.locks import refuse_locked
from animatic.engine.plan_run import begun, first_unused
from animatic.errors import UsageError
from animatic.ledger import Ledger, Take
from animatic.ledger.owner import person
from animatic.ledger.records import each
from animatic.plan import Plan, Step, fingerprint_of, plan_from_json, step_changes
from animatic.storage import DamagedRecordError

LOOKED_AT = 100
"""Runs of the destination, the newest first, in whose plans a shot's earlier requests are looked for."""
ID_DIGITS = 8
"""Of the fingerprint that names a take of an earlier request: its number would be that of another take now."""
STARTS_FROM_OTHERS = "what it starts from"
"""What differs where the request itself is the same."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownTake:
    """One take of a shot: its record, or none while it is not delivered; and whether it counts now."""

    number: int | None
    """None where it is of an earlier request."""
    fingerprint: str
    take: Take | None
    current: bool
    params: Mapping[str, Any] | None = None
    """Of the run that made it; None where that run was not looked at."""
    profile: str | None = None
    """Of the same run."""
    changes: tuple[str, ...] = ()
    """How the shot's request has changed since, each ``prompt 'Dawn' -> 'Noon'``."""

    @property
    def name(self) -> str:
        """What ``use`` takes: the number, or the beginning of the fingerprint."""
        return self.fingerprint[:ID_DIGITS] if self.number is None else str(self.number)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Past:
    """What one earlier run knows of the shot."""

    run_id: str
    params: Mapping[str, Any]
    profile: str | None
    step: Step | None
    """The shot as that run had it; None where it had none, or another animatic wrote the plan."""


async def list_takes(ledger: Ledger, step: Step) -> tuple[KnownTake, ...]:
    """Return every take that was ever begun for a step's request, by number."""
    known: list[KnownTake] = []
    for number in count(1):
        fingerprint = fingerprint_of(step.base, number)
        take = await ledger.takes.get(fingerprint)
        if take is None and not await ledger.submissions.of(fingerprint):
            if number >= max(step.takes, step.take):
                break
            continue  # of several takes one was not begun, and others were
        known.append(KnownTake(number=number, fingerprint=fingerprint, take=take, current=number == step.take))
    return tuple(known)


async def list_all_takes(ledger: Ledger, plan: Plan, step: Step) -> tuple[KnownTake, ...]:
    """Return the takes of a step's request by number, behind them those of its earlier requests, the newest first.

    The latter come from the last runs of the destination. A take that is kept for the shot as it is now is listed once. StorageError.
    """
    now = await list_takes(ledger, step)
    past = await _past_runs(ledger, plan.pipeline, step.key)
    jobs = {known.take.job_id for known in now if known.take}
    earlier: list[KnownTake] = []
    for old, take in await _earlier(ledger, past, now):
        if take.job_id not in jobs:
            jobs.add(take.job_id)
            changes = step_changes(old, step) or (STARTS_FROM_OTHERS,)
            earlier.append(KnownTake(number=None, fingerprint=take.fingerprint, take=take, current=False, changes=changes))
    return tuple(_with_its_run((*now, *earlier), {found.run_id: found for found in past}))


async def _earlier(ledger: Ledger, past: Iterable[_Past], now: Iterable[KnownTake]) -> list[tuple[Step, Take]]:
    """Return the delivered takes of requests that the shot does not have any more, with the shot as it was."""
    current = {known.fingerprint for known in now}
    steps = {found.step.fingerprint: found.step for found in past if found.step and found.step.fingerprint not in current}
    there = await ledger.takes.get_many(steps)
    return [(step, there[fingerprint]) for fingerprint, step in steps.items() if fingerprint in there]


async def last_made(ledger: Ledger, plan: Plan, step: Step) -> tuple[Step, Take] | None:
    """Return the take that the newest run of a shot with these params and this profile has, and the shot as it was. StorageError."""
    past = await _past_runs(ledger, plan.pipeline, step.key)
    alike = [found.step for found in past if found.step and found.profile == plan.profile and _agree(found.params, plan.params)]
    there = await ledger.takes.get_many(was.fingerprint for was in alike)
    made = next((was for was in alike if was.fingerprint in there), None)
    if made is None:
        return None
    # A run for which it was locked says what was declared then, not what the take was made of.
    own = (was for was in alike if was.fingerprint == made.fingerprint and (was.locked is None or was.locked.otherwise == was.fingerprint))
    return next(own, made), there[made.fingerprint]


def _agree(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether the params that two runs have in common are the same."""
    return all(other[name] == value for name, value in one.items() if name in other)


def _with_its_run(takes: Iterable[KnownTake], runs: Mapping[str, _Past]) -> Iterable[KnownTake]:
    """Yield the takes with the params and the profile of the runs that made them."""
    for known in takes:
        run = runs.get(known.take.run_id) if known.take else None
        yield known if run is None else replace(known, params=run.params, profile=run.profile)


async def _past_runs(ledger: Ledger, pipeline: str, key: str) -> list[_Past]:
    """Return what the last runs say, the newest first; those whose record is damaged are left out."""

    async def look(run_id: str) -> _Past | None:
        try:
            written = (await ledger.runs.get(run_id) or {}).get("plan")
        except DamagedRecordError as error:
            ledger.runs.leave_out(run_id, error)
            return None
        if not isinstance(written, dict):
            return None
        params = written.get("params")
        step = _step_of(written, key) if written.get("pipeline") == pipeline else None
        return _Past(run_id=run_id, params=params if isinstance(params, dict) else {}, profile=written.get("profile"), step=step)

    return [found for found in await each(look, reversed((await ledger.runs.ids())[-LOOKED_AT:])) if found is not None]


def _step_of(written: Mapping[str, Any], key: str) -> Step | None:
    steps = [step for step in written.get("steps", ()) if isinstance(step, dict) and step.get("key") == key]
    try:
        return next(iter(plan_from_json({**written, "steps": steps, "cuts": []}).steps), None)
    except UsageError:  # of another version of animatic
        return None


async def select_take(ledger: Ledger, plan: Plan, step: Step, name: str, *, note: str | None = None) -> int:
    """Make a take the one that counts from now on, and return its number.

    ``name`` is its number or, of an earlier request, the beginning of its fingerprint (`KnownTake.name`). Such a take is recorded again as
    one of the shot as it is now, with a number of its own, and points to the same clip: nothing is copied, nothing is paid.

    Raises UsageError if there is no such take, or it was never delivered, or the shot is locked; StorageError.
    """
    refuse_locked(plan.pipeline, step, "no other one is chosen")
    known = await list_takes(ledger, step)
    number = next((take.number for take in known if take.take and take.name == name), None)
    if number is None and len(name) >= ID_DIGITS:
        earlier = await _earlier(ledger, await _past_runs(ledger, plan.pipeline, step.key), known)
        chosen = next((take for _, take in earlier if take.fingerprint.startswith(name)), None)
        if chosen is not None:
            again = (take.number for take in known if take.take and take.take.job_id == chosen.job_id)
            number = next(again, None) or await _taken_up(ledger, step, chosen)
    if number is None:
        there = ", ".join(take.name for take in await list_all_takes(ledger, plan, step) if take.take is not None) or "none"
        raise UsageError(f"shot {step.key!r} has no take {name}", hint=f"delivered takes: {there}")
    by = person()
    await ledger.shot_log.note_subject(plan.pipeline, step.key, step.base, plan.profile)
    await ledger.selections.select(step.base, number, fingerprint_of(step.base, number), "chosen by a person", by=by, note=note)
    if step.approve:  # picking is approving
        await ledger.approvals.pick(step.base, number, by=by, note=note, step=step.key)
    return number


async def _taken_up(ledger: Ledger, step: Step, take: Take) -> int:
    """Record a take of an earlier request as one of the shot as it is now, and return its number."""
    known, number = await begun(ledger), 0
    while True:
        number = first_unused(step.base, known, at_least=number + 1)
        # The number is kept first, as a retake keeps its own: one that starts at this moment gets another.
        if await ledger.takes.keep_number(step.base, number, {"take_of": take.fingerprint}):
            again = replace(take, fingerprint=fingerprint_of(step.base, number), base=step.base, number=number)
            if (await ledger.takes.record(again)).job_id == take.job_id:
                return number
