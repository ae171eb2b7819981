"""Plans a run against the ledger of its destination: which take each step means, and a further take of one shot."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from typing import Any

from animatic.catalog import Catalog, Model, check_body, duration_of, media_fields, price_of
from animatic.engine.estimate import open_ledger
from animatic.engine.history import FIRST_READING_SECONDS, STORAGE_OUTAGE_SECONDS
from animatic.engine.timing import REAL_TIME, Timing
from animatic.errors import UsageError
from animatic.ledger import Ledger
from animatic.plan import Plan, Request, Step, build_plan, destination_of, find_pipeline, fingerprint_of, new_run_id
from animatic.redact import redact_body
from animatic.spec import Declaration, PipelineSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanOptions:
    """What a caller asks for beyond the pipeline's params."""

    only: str | None = None
    fresh: bool = False
    deliver: str | None = None
    simulated: bool = False
    outage: float = STORAGE_OUTAGE_SECONDS
    """Seconds for which S3 may be silent."""
    run_id: str | None = None
    """The run's id where the caller must know it beforehand; None: a new one."""


def pipeline_named(declaration: Declaration, name: str | None) -> PipelineSpec:
    """Return a pipeline by name; without a name the file's first. Raises UsageError naming the nearest."""
    if name is None:
        first = next(iter(declaration.pipelines.values()), None)
        if first is None:
            raise UsageError("the pipelines file declares no pipeline")
        return first
    return find_pipeline(declaration, name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Planner:
    """Everything that the plans of one command have in common; ``plan`` makes one of them."""

    declaration: Declaration
    spec: PipelineSpec
    params: Mapping[str, Any]
    catalog: Catalog
    options: PlanOptions
    started: datetime
    """When the run starts; its id begins with it."""

    def plan(
        self,
        *,
        current_take: Callable[[str], int] = lambda _base: 1,
        next_take: Callable[[str], int] | None = None,
        only: str | None = None,
    ) -> Plan:
        """Build a plan.

        The takes of a shot are known by its base; ``only`` replaces that of the options. Raises DeclarationError, UsageError.
        """
        return build_plan(
            self.declaration,
            self.spec.name,
            self.catalog,
            params=self.params,
            run_id=self.options.run_id or new_run_id(self.started),
            started=self.started,
            current_take=current_take,
            next_take=next_take,
            fresh=self.options.fresh,
            only=self.options.only if only is None else only,
            deliver=self.options.deliver,
        )

    def open_ledger(self) -> Ledger:
        """Open the ledger of the destination."""
        outage = min(self.options.outage, FIRST_READING_SECONDS)
        return open_ledger(destination_of(self.spec, self.options.deliver), simulated=self.options.simulated, outage=outage)


def plan_unread(
    declaration: Declaration,
    spec: PipelineSpec,
    params: Mapping[str, Any],
    catalog: Catalog,
    options: PlanOptions,
    *,
    timing: Timing = REAL_TIME,
) -> Plan:
    """Plan without a look at the destination, as if nothing had been made there yet. Raises DeclarationError, UsageError."""
    planner = Planner(declaration=declaration, spec=spec, params=params, catalog=catalog, options=options, started=timing.now())
    return planner.plan()


async def plan_here(
    declaration: Declaration,
    spec: PipelineSpec,
    params: Mapping[str, Any],
    catalog: Catalog,
    options: PlanOptions,
    *,
    timing: Timing = REAL_TIME,
) -> tuple[Plan, Ledger]:
    """Plan a pipeline against its destination's ledger; returns the plan and that ledger.

    Raises DeclarationError, UsageError; StorageError when the destination cannot be read.
    """
    planner = Planner(declaration=declaration, spec=spec, params=params, catalog=catalog, options=options, started=timing.now())
    ledger = planner.open_ledger()
    selected = await ledger.selections.all()
    known = await ledger.submissions.fingerprints() if options.fresh else frozenset()
    plan = planner.plan(current_take=lambda base: selected.get(base, 1), next_take=lambda base: _first_unused(base, known))
    return plan, ledger


def _first_unused(base: str, known: frozenset[str]) -> int:
    """Return the number of the first take that nobody has ever begun."""
    return next(_unused(base, known))


def _unused(base: str, known: frozenset[str]) -> Iterator[int]:
    """Yield the numbers of the takes that nobody has ever begun."""
    return (number for number in count(1) if fingerprint_of(base, number) not in known)


async def _keep_number(ledger: Ledger, base: str, known: frozenset[str], changes: Mapping[str, Any]) -> int:
    """Return a take number that is this retake's from now on: one with other changes at the same time gets another.

    A fingerprint holds the number and not the changes, so that two retakes of one number would be one take, and one of them lost.
    """
    for number in _unused(base, known):
        if await ledger.takes.keep_number(base, number, redact_body(changes)):
            return number
    raise AssertionError("numbers do not end")


@dataclass(frozen=True, kw_only=True, slots=True)
class Retake:
    """A plan whose shot is a new take, and what that means for the others."""

    plan: Plan
    ledger: Ledger
    number: int
    stale: Mapping[str, str]
    """Steps downstream of the shot, by key, with the fingerprint of the take that they had until now."""

    async def keep_downstream(self) -> tuple[str, ...]:
        """Keep the takes that downstream steps have; returns the keys of the steps that had one.

        Each is recorded again under its new fingerprint and points to the same clip: nothing is copied, nothing is paid.
        """
        kept = []
        for key, before in self.stale.items():
            step = self.plan.step(key)
            take = await self.ledger.takes.get(before)
            if take is not None:
                await self.ledger.takes.record(replace(take, fingerprint=step.fingerprint, base=step.base, number=step.take))
                kept.append(key)
        return tuple(kept)


async def plan_retake(
    declaration: Declaration,
    spec: PipelineSpec,
    params: Mapping[str, Any],
    catalog: Catalog,
    options: PlanOptions,
    *,
    shot: str,
    changes: Mapping[str, Any],
    timing: Timing = REAL_TIME,
) -> Retake:
    """Plan a further take of a shot. ``changes`` are fields of the request body, None to leave one out.

    Where every other shot is made, the plan holds all of them, so that the reel is cut again; else only the shot and what is downstream
    of it.

    Raises UsageError (no such shot, no take yet, a field that the model does not take), DeclarationError, StorageError.
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
    selected, known = await ledger.selections.all(), await ledger.submissions.fingerprints()
    before = planner.plan(current_take=lambda base: selected.get(base, 1))
    target = step_named(before, shot)
    if _first_unused(target.base, known) == 1:
        raise UsageError(f"shot {target.key!r} has no take yet", hint=f"`animatic run {spec.name}` makes the first")
    request = _changed_request(target, catalog, changes) if changes else None
    number = await _keep_number(ledger, target.base, known, changes)
    takes = {**selected, target.base: number}
    after = planner.plan(current_take=lambda base: takes.get(base, 1))
    old = {step.key: step.fingerprint for step in before.steps}
    stale = {step.key: old[step.key] for step in after.steps if step.fingerprint != old[step.key] and step.base != target.base}
    others = [step for step in after.steps if step.fingerprint == old[step.key]]
    if len(await ledger.takes.get_many(step.fingerprint for step in others)) < len({step.fingerprint for step in others}):
        after = planner.plan(current_take=lambda base: takes.get(base, 1), only=f"{target.key}+")
    return Retake(plan=after if request is None else _with_request(after, target, request), ledger=ledger, number=number, stale=stale)


def step_named(plan: Plan, shot: str) -> Step:
    """Return the step of a key, or of a shot id that only one variant has. Raises UsageError."""
    found = [step for step in plan.steps if step.key == shot] or [step for step in plan.steps if step.shot == shot]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(
            f"{plan.pipeline!r} has no shot {shot!r}", hint=f"its shots: {', '.join(dict.fromkeys(step.shot for step in plan.steps))}"
        )
    raise UsageError(
        f"shot {shot!r} exists in {len(found)} variants of {plan.pipeline!r}", hint=f"name one: {', '.join(step.key for step in found)}"
    )


def _with_request(plan: Plan, target: Step, request: Request) -> Plan:
    """Put a changed request in the place of the shot's, and of those of equal shots, which share its take.

    Fallbacks would not have the changes, so they are left out.
    """
    steps = tuple(replace(step, requests=(request,)) if step.base == target.base else step for step in plan.steps)
    return replace(plan, steps=steps)


def _changed_request(target: Step, catalog: Catalog, changes: Mapping[str, Any]) -> Request:
    request = target.request
    model = catalog.find(request.model)
    assert model is not None, "it was planned with this catalogue"
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
