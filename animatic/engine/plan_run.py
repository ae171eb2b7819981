"""Plans a run against the ledger of its destination: which take each step means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

from animatic.catalog import Catalog
from animatic.engine.estimate import open_ledger
from animatic.engine.history import FIRST_READING_SECONDS, STORAGE_OUTAGE_SECONDS
from animatic.engine.locks import locks_of
from animatic.engine.timing import REAL_TIME, Timing
from animatic.errors import UsageError
from animatic.ledger import Ledger
from animatic.plan import Plan, Step, build_plan, destination_of, find_pipeline, fingerprint_of, new_run_id, without_take
from animatic.plan.model import LockedTake
from animatic.spec import Declaration, PipelineSpec, coerce_params


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
    due: datetime | None = None
    """When a scheduled run was to start, in its schedule's time zone; None: now."""
    profile: str | None = None
    """Name of the profile whose values win; None: as the file is written."""


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
        locked: Mapping[str, LockedTake] | None = None,
        only: str | None = None,
    ) -> Plan:
        """Build a plan.

        The takes of a shot are known by its base, locked ones by its key; ``only`` replaces that of the options. Raises DeclarationError,
        UsageError.
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
            locked=locked,
            fresh=self.options.fresh,
            only=self.options.only if only is None else only,
            deliver=self.options.deliver,
            due=self.options.due,
            profile=self.options.profile,
        )

    def _destination(self) -> str:
        values, _ = coerce_params(self.spec, self.params, text=True)  # what is wrong with them, planning says
        return destination_of(self.spec, self.options.deliver, values)

    def open_ledger(self) -> Ledger:
        """Open the ledger of the destination."""
        outage = min(self.options.outage, FIRST_READING_SECONDS)
        return open_ledger(self._destination(), simulated=self.options.simulated, outage=outage)


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
    known = await begun(ledger) if options.fresh else frozenset()
    locked = await locks_of(ledger, spec.name, options.profile)
    plan = planner.plan(current_take=lambda base: selected.get(base, 1), next_take=lambda base: first_unused(base, known), locked=locked)
    return plan, ledger


async def begun(ledger: Ledger) -> frozenset[str]:
    """Return the fingerprint of every take that was begun, or recorded for a shot that keeps a clip. Two listings of the whole ledger."""
    return await ledger.submissions.fingerprints() | await ledger.takes.fingerprints()


def first_unused(base: str, known: frozenset[str], *, at_least: int = 1) -> int:
    """Return the number of the first take, from ``at_least`` on, that nobody has ever begun."""
    return next(number for number in count(at_least) if fingerprint_of(base, number) not in known)


def step_named(plan: Plan, shot: str) -> Step:
    """Return the step of a key, or of a shot id whose request is the same in all variants. Raises UsageError."""
    wanted = without_take(shot)  # a further take is one of its shot
    found = [step for step in plan.shots if step.key == wanted] or [step for step in plan.shots if step.shot == wanted]
    if len({step.base for step in found}) == 1:  # one step, or equal ones: variants share their takes
        return found[0]
    if not found:
        raise UsageError(
            f"{plan.pipeline!r} has no shot {shot!r}", hint=f"its shots: {', '.join(dict.fromkeys(step.shot for step in plan.steps))}"
        )
    raise UsageError(
        f"shot {shot!r} exists in {len(found)} variants of {plan.pipeline!r}", hint=f"name one: {', '.join(step.key for step in found)}"
    )
