"""What decisions of persons make of a run that goes on: its stored plan with the takes that were picked, and with those made instead.

The plan of a run is stored once. What was decided since is in the ledger, so that plan and ledger say at any time what is due.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from animatic.catalog import Catalog
from animatic.engine.approvals import check_open, current, not_open
from animatic.engine.chosen import chosen_in, made_since
from animatic.engine.estimate import check_money, estimate
from animatic.engine.history import PastRun
from animatic.engine.locks import locks_of
from animatic.engine.plan_run import begun, first_unused
from animatic.engine.retaking import changed_request, with_request
from animatic.errors import ApprovalError, UsageError
from animatic.ledger import Ledger
from animatic.ledger.approvals import BY_HAND, Approval, Entered, NotOpenError
from animatic.plan import Plan, Step, without_take
from animatic.plan.locking import relocked, unlocking
from animatic.plan.several import repicked
from animatic.redact import redact_body


async def with_decisions(plan: Plan, ledger: Ledger, catalog: Catalog) -> Plan:
    """Return the plan of a run that goes on, with the takes that persons have picked, locked or asked for instead of its own.

    What another run has made since in the place of what this one lacks is not made, and paid for, once more.

    Raises StorageError, UsageError.
    """
    locked = await _relocked(plan, ledger)
    replaced = await made_since(plan, ledger, besides=locked)
    never_made = {(step.base, step.take) for step in plan.shots if step.base in replaced}
    matters = locked or replaced or any(step.approve or step.is_chosen for step in plan.shots)
    selected = await ledger.selections.all() if matters else {}
    if locked:
        plan = repicked(plan, {}, lambda base: selected.get(base, 1), locked)
    for _ in plan.shots:  # another take is another request for what is below it, about which something may have been said, too
        said = await _said(plan, ledger, locked)
        picks = {base: take for base, last in said.items() if (take := _next(last)) is not None}
        picks = replaced | await chosen_in(plan, ledger, besides=locked) | picks
        replaced = {}
        if not picks:
            break
        plan = repicked(plan, picks, lambda base: selected.get(base, 1), locked)
        # What is made instead with another request has it from the record of the rejection.
        for base in picks.keys() & said.keys():
            if changes := said[base].changes:
                plan = _with_changes(plan, base, catalog, changes)
    return replace(plan, steps=tuple(step for step in plan.steps if (step.base, step.take) not in never_made)) if never_made else plan


async def _said(plan: Plan, ledger: Ledger, locked: Collection[str]) -> dict[str, Approval]:
    """Return what was said last, by base, of the shots that are to go on with another take than the plan's."""
    said: dict[str, Approval] = {}
    for step in plan.shots:
        if step.approve and step.base not in said and step.key not in locked:
            last = await current(ledger, step.base)
            if last is not None and _next(last) != step.take and (last.run_id == plan.run_id or step.take in last.offered):
                said[step.base] = last
    return said


async def as_it_goes_on(plan: Plan, ledger: Ledger, catalog: Catalog) -> Plan:
    """Return the same; the plan as it was where it could not go on, or asks nobody. Raises StorageError."""
    try:
        return await with_decisions(plan, ledger, catalog) if any(step.approve for step in plan.shots) else plan
    except UsageError:
        return plan


async def _relocked(plan: Plan, ledger: Ledger) -> dict[str, tuple[Step, ...]]:
    """Return what stands in the place of the shots that are locked now, or were when the plan was made, by step key."""
    locks = await locks_of(ledger, plan.pipeline, plan.profile)
    return {
        step.key: relocked(
            step,
            locks.get(step.key),
            plan.pipeline,
            [other for other in plan.steps if other.further and without_take(other.key) == step.key],
        )
        for step in plan.shots
        if step.key in locks or step.locked is not None
    }


async def is_served(run: PastRun, bases: Collection[str], catalog: Catalog) -> bool:
    """Whether a run goes on by what was decided last about any of these shots: with the take that was approved, or the one made instead.

    Raises StorageError.
    """
    ledger = run.destination.ledger
    plan = await as_it_goes_on(run.plan, ledger, catalog)
    for step in {step.base: step for step in plan.shots if step.approve and step.base in bases}.values():
        said = await current(ledger, step.base)
        if said is not None and said.kind != "asked" and _next(said) == step.take:
            return True
    return False


def _next(last: Approval) -> int | None:
    """Return the take that a run goes on with after an entry; None where another run makes it."""
    return last.next_take if last.kind == "rejected" else last.take


def _with_changes(plan: Plan, base: str, catalog: Catalog, changes: Mapping[str, Any]) -> Plan:
    target = next((step for step in plan.shots if step.base == base), None)
    return plan if target is None else with_request(plan, target, changed_request(target, catalog, changes))


async def reject_and_go_on(
    plan: Plan,
    ledger: Ledger,
    step: Step,
    catalog: Catalog,
    *,
    changes: Mapping[str, Any],
    by: str,
    note: str | None,
    question: datetime | None = None,
    entered: Entered = BY_HAND,
) -> tuple[Approval, Step]:
    """Record that a person wants none of a shot's takes, and that the same run makes another one; returns its step as well.

    ``plan`` is that of the run now, ``question`` as for ``approve``. Raises UsageError where nothing is asked (any more), or the model does
    not take the changes, OverBudgetError and UnknownPriceError where the take may not be paid, StorageError: nothing is recorded then.
    """
    await check_open(plan, ledger, step, question=question)
    locked = await _relocked(plan, ledger)
    if step.key in locked:
        raise UsageError(
            f"shot {step.key!r} is locked: no other take of it is made",
            hint=f"approve it, or unlock it first: {unlocking(plan.pipeline, step.key)}",
        )
    selected, known, number = await ledger.selections.all(), await begun(ledger), 0
    while True:
        number = first_unused(step.base, known, at_least=number + 1)
        decided = repicked(plan, {step.base: number}, lambda base: selected.get(base, 1), locked)
        if changes:
            decided = _with_changes(decided, step.base, catalog, changes)
        check_money(decided, await estimate(decided, ledger, resumed=True))
        if await ledger.takes.keep_number(step.base, number, redact_body(changes)):
            break
    try:
        said = await ledger.approvals.reject(
            step.base, by=by, note=note, question=question, next_take=number, changes=dict(changes) or None, entered=entered
        )
    except NotOpenError as closed:
        raise not_open(plan, step, closed.last) from None
    return said, next(made for made in decided.shots if made.base == step.base)


async def check_decided(run: PastRun) -> None:
    """Raise ApprovalError where a run waits for persons alone, and nobody has decided anything since it stopped. StorageError."""
    manifest = await run.manifest_if_whole()
    if manifest is None or manifest.state != "waiting" or manifest.finished_at is None:
        return
    waiting: list[Step] = []
    for step in {step.base: step for step in run.plan.shots if step.approve}.values():
        said = await current(run.destination.ledger, step.base)
        if said is not None and said.kind != "asked" and said.at >= manifest.started_at:
            return
        waiting += [step] if said is not None and said.kind == "asked" else []
    if waiting:
        names = ", ".join(step.key for step in waiting)
        raise ApprovalError(
            f"run {run.plan.run_id} is suspended, and {names} {'waits' if len(waiting) == 1 else 'wait'} for approval",
            hint=f"`animatic review {run.plan.run_id}`, then `animatic approve {run.plan.run_id} {waiting[0].key}`",
        )


def prompt_changes(step: Step, prompt: str | None) -> dict[str, Any]:
    """Return the changes that another prompt means: none where it is empty or the same. Raises UsageError where a shot has no prompt."""
    text = (prompt or "").strip()
    if not text or text == step.request.body.get("prompt"):
        return {}
    if "prompt" not in step.request.body:
        raise UsageError(f"shot {step.key!r} has no prompt that could be another", hint="reject it without one")
    return {"prompt": text}
