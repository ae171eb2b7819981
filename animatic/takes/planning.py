"""From a declaration to a plan that knows its destination: the newest takes that count, and the numbers that fresh ones get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

from animatic.catalog import Catalog
from animatic.errors import UsageError
from animatic.ledger import Ledger
from animatic.plan import Plan, build_plan, destination_of, fingerprint_of, new_run_id
from animatic.spec import Declaration, PipelineSpec
from animatic.takes.destination import FIRST_READING, STORAGE_OUTAGE
from animatic.takes.survey import open_ledger


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What a caller asks for beyond the pipeline's params."""

    only: str | None = None
    fresh: bool = False
    deliver: str | None = None
    simulated: bool = False
    outage: float = STORAGE_OUTAGE
    """Seconds for which S3 may be silent."""
    run_id: str | None = None
    """The run's id where the caller must know it beforehand; None: a new one."""


def pipeline_named(declaration: Declaration, name: str | None) -> PipelineSpec:
    """Return a pipeline by name; without a name the file's first. Raises UsageError naming those there are."""
    if name is None:
        first = next(iter(declaration.pipelines.values()), None)
        if first is None:
            raise UsageError("the pipelines file declares no pipeline")
        return first
    if name in declaration.pipelines:
        return declaration.pipelines[name]
    raise UsageError(f"there is no pipeline {name!r}", hint=f"there are: {', '.join(declaration.pipelines)}")


async def plan_here(
    declaration: Declaration, spec: PipelineSpec, params: Mapping[str, Any], catalog: Catalog, wish: Wish
) -> tuple[Plan, Ledger]:
    """Plan a pipeline against its destination's ledger; returns the plan and that ledger.

    Raises DeclarationError, UsageError; StorageError when the destination cannot be read.
    """
    ledger = open_ledger(destination_of(spec, wish.deliver), simulated=wish.simulated, outage=min(wish.outage, FIRST_READING))
    chosen = await ledger.selections()
    known = await ledger.known_fingerprints() if wish.fresh else frozenset()
    now = datetime.now(UTC)
    plan = build_plan(
        declaration,
        spec.name,
        catalog,
        params=params,
        run_id=wish.run_id or new_run_id(now),
        started=now,
        current_take=lambda base: chosen.get(base, 1),
        next_take=lambda base: _first_unused(base, known),
        fresh=wish.fresh,
        only=wish.only,
        deliver=wish.deliver,
    )
    return plan, ledger


def _first_unused(base: str, known: frozenset[str]) -> int:
    """Return the number of the first take that nobody has ever begun."""
    return next(number for number in count(1) if fingerprint_of(base, number) not in known)
