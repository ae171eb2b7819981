"""Plans a further take of one shot, and what becomes of the shots downstream. Everything is worked out before anything is recorded."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from animatic.catalog import Catalog, Model, check_body, duration_of, media_fields, price_of
from animatic.engine.beside import paid_beside
from animatic.engine.locks import locks_of, refuse_locked
from animatic.engine.plan_run import Planner, PlanOptions, begun, first_unused, step_named
from animatic.engine.timing import REAL_TIME, Timing
from animatic.errors import UsageError
from animatic.ledger import Ledger, Take
from animatic.ledger.shot_log import Priority, Remark
from animatic.plan import Plan, Request, Step
from animatic.plan.several import SEED
from animatic.redact import redact_body
from animatic.spec import Declaration, PipelineSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class Retake:
    """A plan whose shot is a new take, and what that means for the others. Nothing is recorded yet."""

    plan: Plan
    ledger: Ledger
    target: Step
    """The shot as it was."""
    number: int
    changes: Mapping[str, Any]
    stale: Mapping[str, str]
    """Steps downstream of the shot, by key, with the fingerprint of the take that they had until now."""
    kept: Mapping[str, Take]
    """Those of them that keep their take, by key, with the take as it is to be recorded for them."""
    left_out: tuple[str, ...]
    """Those that were to be kept and have no take: they are not made, and not paid for."""
    beside: str | None = None
    """What was paid, or may be, for the take that counted so far and is not there."""

    @property
    def differences(self) -> dict[str, tuple[Any, Any]]:
        """What the new take's request has other than the shot's, by field: before and now, None where it has none."""
        body = self.target.request.body
        fields = {name: (body.get(name), value) for name, value in self.changes.items()}
        return {name: values for name, values in fields.items() if values[0] != values[1]}

    @property
    def warnings(self) -> list[str]:
        """What is paid beside it, and what makes it hard to compare with the one before: more than one change, a seed that is dropped."""
        changed = self.differences
        several = [f"it changes {len(changed)} things at once ({', '.join(changed)}): which of them made the difference will not be seen"]
        seed, now = changed.get(SEED, (None, None))
        dropped = [f"it drops the seed {seed}: everything that is left to chance will differ, too"]
        beside = [] if self.beside is None else [self.beside]
        return beside + (several if len(changed) > 1 else []) + (dropped if seed is not None and now is None else [])

    @property
    def assumed(self) -> frozenset[str]:
        """Fingerprints that count as had once this is recorded."""
        return frozenset(take.fingerprint for take in self.kept.values())

    async def record(self) -> bool:
        """Take the number for this retake, and record the takes that are kept. False: somebody else's retake has the number.

        A fingerprint holds the number and not the changes, so that two retakes of one number would be one take, and one of them lost. Kept
        takes are recorded again under their new fingerprints and point to the same clips: nothing is copied, nothing is paid.
        """
        if not await self.ledger.takes.keep_number(self.target.base, self.number, redact_body(self.changes)):
            return False
        for take in self.kept.values():
            await self.ledger.takes.record(take)
        return True


async def note_retake(
    made: Retake, *, by: str, note: str | None = None, issue: str | None = None, priority: Priority | None = None
) -> None:
    """Enter a retake that was recorded into the log of its shot. Raises StorageError."""
    remark = Remark(
        what="retake",
        pipeline=made.plan.pipeline,
        step=made.target.key,
        at=made.ledger.now(),
        by=by,
        take=made.number,
        note=note,
        issue=issue,
        priority=priority,
        run_id=made.plan.run_id,
        profile=made.plan.profile,
        changes=redact_body(made.changes),
    )
    await made.ledger.shot_log.add(remark)


async def plan_retake(
    declaration: Declaration,
    spec: PipelineSpec,
    params: Mapping[str, Any],
    catalog: Catalog,
    options: PlanOptions,
    *,
    shot: str,
    changes: Mapping[str, Any],
    keep_downstream: bool = False,
    at_least: int = 1,
    timing: Timing = REAL_TIME,
) -> Retake:
    """Plan a further take of a shot, of a number from ``at_least`` on. ``changes`` are fields of the request body, None to leave one out.

    Where every other shot is made, the plan holds all of them, so that the reel is cut again; else only the shot and what is downstream
    of it. With ``keep_downstream`` what is downstream keeps its takes, and what has none is left out.

    Raises UsageError (no such shot, no take yet, a locked one, a field that the model does not take), DeclarationError, StorageError.
    """
    if spec.reuse != "always":
        raise UsageError(
            f"{spec.name!r} makes everything anew in each run (reuse: {spec.reuse}), so there is no take to follow",
            hint=f"make it anew: `animatic run {spec.name}`",
        )
    planner = Planner(
        declaration=declaration,
        spec=spec,
        params=params,
        catalog=catalog,
        options=replace(options, only=None, fresh=False),
        started=timing.now(),
    )
    ledger = planner.open_ledger()
    selected, known = await ledger.selections.all(), await begun(ledger)
    locked = await locks_of(ledger, spec.name, options.profile)
    before = planner.plan(current_take=lambda base: selected.get(base, 1), locked=locked)
    target = step_named(before, shot)
    refuse_locked(spec.name, target, "no other take of it is made")
    if first_unused(target.base, known) == 1:
        raise UsageError(f"shot {target.key!r} has no take yet", hint=f"`animatic run {spec.name}` makes the first")
    request = changed_request(target, catalog, changes) if changes else None
    number = first_unused(target.base, known, at_least=at_least)
    takes = {**selected, target.base: number}
    whole = planner.plan(current_take=lambda base: takes.get(base, 1), locked=locked)
    stale = _stale(before, whole, target)
    kept = await _kept(whole, stale, ledger) if keep_downstream else {}
    left_out = _without_take(whole, stale, kept) if keep_downstream else ()
    chosen = await _chosen(whole, stale, target, ledger)
    wanted = [step.key for step in whole.shots if step.key in chosen and step.key not in left_out]
    everything = len(wanted) == len(whole.shots)
    plan = whole if everything else planner.plan(current_take=lambda base: takes.get(base, 1), locked=locked, only=",".join(wanted))
    plan = _without_unmade(plan, target, left_out, await ledger.takes.fingerprints())
    if keep_downstream:  # with yet another take of the shot what is kept could not be kept
        plan = replace(plan, steps=tuple(_once(step) if step.base == target.base else step for step in plan.steps))
    return Retake(
        plan=plan if request is None else with_request(plan, target, request),
        ledger=ledger,
        target=target,
        number=number,
        changes=changes,
        stale={key: before for key, before in stale.items() if key not in left_out},
        kept=kept,
        left_out=left_out,
        beside=await paid_beside(ledger, target),
    )


def _stale(before: Plan, after: Plan, target: Step) -> dict[str, str]:
    """Return the steps that are not what they were, besides the shot and its equals, with the fingerprints that they had."""
    old = {step.key: step.fingerprint for step in before.steps}
    return {step.key: old[step.key] for step in after.steps if step.base != target.base and step.fingerprint != old[step.key]}


async def _kept(after: Plan, stale: Mapping[str, str], ledger: Ledger) -> dict[str, Take]:
    """Return the takes that stale steps have, each as it is to be recorded for what the step is now."""
    there = await ledger.takes.get_many(stale.values())
    steps = {step.key: step for step in after.steps}
    return {
        key: replace(there[before], fingerprint=steps[key].fingerprint, base=steps[key].base, number=steps[key].take)
        for key, before in stale.items()
        if before in there
    }


def _without_take(after: Plan, stale: Mapping[str, str], kept: Mapping[str, Take]) -> tuple[str, ...]:
    """Return the stale steps that have no take to keep, with those that are made from them."""
    missing: list[str] = []
    for step in after.steps:
        if step.key in stale and (step.key not in kept or any(key in missing for key in step.depends_on)):
            missing.append(step.key)
    return tuple(missing)


async def _chosen(after: Plan, stale: Mapping[str, str], target: Step, ledger: Ledger) -> set[str]:
    """Return the steps that are planned: all where the others are made, so that the reel is cut again, else the shot and its downstream."""
    concerned = {step.key for step in after.steps if step.base == target.base} | stale.keys()
    others = {step.fingerprint for step in after.steps if step.key not in concerned}
    made = await ledger.takes.get_many(others)
    return {step.key for step in after.steps} if len(made) == len(others) else concerned


def _without_unmade(plan: Plan, target: Step, left_out: Collection[str], made: Collection[str]) -> Plan:
    """Leave out further takes that a retake does not ask for: those of the shot itself that were never delivered, and those left out."""
    return replace(
        plan,
        steps=tuple(
            step
            for step in plan.steps
            if not step.further or (step.key not in left_out and (step.base != target.base or step.fingerprint in made))
        ),
    )


def _once(step: Step) -> Step:
    return replace(step, qc="warn") if step.qc == "retake" else step


def with_request(plan: Plan, target: Step, request: Request) -> Plan:
    """Put a changed request in the place of the shot's, and of those of equal shots, which share its take.

    Fallbacks would not have the changes, so they are left out.
    """
    steps = tuple(replace(step, requests=(request,)) if step.base == target.base and not step.further else step for step in plan.steps)
    return replace(plan, steps=steps)


def changed_request(target: Step, catalog: Catalog, changes: Mapping[str, Any]) -> Request:
    """Return the declared request of a step with other fields in its body. Raises UsageError for what its model does not take."""
    request = target.request
    model = catalog.find(request.model)
    if model is None:  # the plan of a run that was begun with another catalogue
        raise UsageError(
            f"shot {target.key!r}: the catalogue has no model {request.model} any more", hint="reject it without another prompt"
        )
    _refuse_media(target, model, changes)
    body = {name: value for name, value in {**request.body, **changes}.items() if value is not None or name not in changes}
    findings = [finding for finding in check_body(model, body, catalog=catalog) if finding.severity == "error"]
    if findings:
        raise UsageError(
            f"shot {target.key!r}: {'; '.join(finding.message for finding in findings)}",
            hint="; ".join(dict.fromkeys(finding.hint for finding in findings if finding.hint))
            or f"`animatic models {model.name}` shows its fields",
        )
    seconds = duration_of(model, body) if request.duration is not None else None
    return replace(request, body=body, price=price_of(model, body), duration=None if seconds is None else float(seconds))


def _refuse_media(target: Step, model: Model, changes: Mapping[str, Any]) -> None:
    media = {name.partition("[")[0].partition(".")[0] for name in media_fields(model)}
    if wrong := sorted(media & changes.keys()):
        raise UsageError(
            f"shot {target.key!r}: {', '.join(wrong)} refers to media, which a retake takes from the pipelines file",
            hint="change the reference there: that makes the shot anew by itself",
        )
