"""Tells what the checks of takes may add to the price of a run: one further take (`qc: retake`), and what is made anew from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from animatic.engine.quality import fails
from animatic.ledger import Ledger, Take
from animatic.plan import Further, Plan, Step, dependents, reachable, without_take


async def further_of(plan: Plan, takes: Mapping[str, Take], ledger: Ledger) -> tuple[Further, frozenset[str]]:
    """Return what may be added, and the bases of which a further take is due for certain: their takes are there, and failed their checks.

    ``takes``: those that there are, by fingerprint. Raises StorageError.
    """
    asked: dict[str, Step] = {}
    due: set[str] = set()
    open_: list[str] = []
    for base, steps in _by_base(plan).items():
        mains = [step for step in steps if not step.further]
        there = [takes[step.fingerprint] for step in steps if step.fingerprint in takes]
        whole = len(there) == len(steps)
        if _may_be_retaken(mains) and all(fails(take) for take in there) and not (whole and await _is_decided(ledger, mains[0])):
            asked[base] = mains[0]
            due |= {base} if whole else set()
        elif not any(step.pick == "best" and step.locked is None for step in mains) or whole:
            continue
        open_ += [step.key for step in mains]
    graph = dependents({step.key: step.depends_on for step in plan.steps})
    below = reachable(open_, graph) - set(open_) if open_ else set()
    anew = {step.fingerprint: step for step in plan.steps if step.key in below and step.fingerprint in takes}
    prices = [step.request.price.usd for step in (*asked.values(), *anew.values())]
    found = Further(
        takes=tuple(step.key for step in asked.values()),
        anew=tuple(step.key for step in anew.values()),
        usd=sum((usd for usd in prices if usd is not None), Decimal(0)),
        unpriced=sum(usd is None for usd in prices),
    )
    return found, frozenset(due)


@dataclass(frozen=True, kw_only=True, slots=True)
class Retakable:
    """A shot whose checks may ask for one further take: its takes by fingerprint, and the prices of the further one and of all below it."""

    fingerprints: frozenset[str]
    usd: Decimal | None
    below: Mapping[str, Decimal | None]


def retakable(plan: Plan) -> tuple[Retakable, ...]:
    """Return the shots of a plan whose checks may ask for a further take."""
    graph = dependents({step.key: step.depends_on for step in plan.steps})
    found: list[Retakable] = []
    for steps in _by_base(plan).values():
        mains = [step for step in steps if not step.further]
        if _may_be_retaken(mains):
            keys = [step.key for step in mains]
            below = reachable(keys, graph) - set(keys)
            found.append(
                Retakable(
                    fingerprints=frozenset(step.fingerprint for step in steps),
                    usd=mains[0].request.price.usd,
                    below={step.fingerprint: step.request.price.usd for step in plan.steps if step.key in below and step.locked is None},
                )
            )
    return tuple(found)


def further_unread(plan: Plan) -> Further:
    """Return what may be added where nothing was made yet."""
    asked = [steps[0] for steps in _by_base(plan).values() if _may_be_retaken([step for step in steps if not step.further])]
    prices = [step.request.price.usd for step in asked]
    return Further(
        takes=tuple(without_take(step.key) for step in asked),
        usd=sum((usd for usd in prices if usd is not None), Decimal(0)),
        unpriced=sum(usd is None for usd in prices),
    )


def _by_base(plan: Plan) -> Mapping[str, list[Step]]:
    found: defaultdict[str, list[Step]] = defaultdict(list)
    for step in plan.steps:
        found[step.base].append(step)
    return found


def _may_be_retaken(mains: list[Step]) -> bool:
    return any(step.locked is None and step.qc == "retake" and step.retries > 0 and step.makes == "video" for step in mains)


async def _is_decided(ledger: Ledger, main: Step) -> bool:
    said = await ledger.selections.current(main.base)
    return said is not None and said.take == main.take
