"""Estimates what a plan costs and how long it lasts, and warns of prices that are unknown or old."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal, Protocol, assert_never

from animatic.catalog import Catalog, is_stale
from animatic.columns import few
from animatic.errors import Problem
from animatic.money import dollars
from animatic.plan.model import Plan, Step

_USUAL_CLIP_SECONDS = 6.0
_MAX_NAMED = 6


def expected_minutes(step: Step) -> float:
    """Return a first guess of the minutes that a step's job takes; longer footage takes longer in proportion.

    From what Krea printed as averages in mid-2026: clips 0.5 to 2 minutes and longer for the large models, stills 5 to 70 seconds.
    """
    match step.kind:
        case "video":
            return 2.0 * max(1.0, (step.request.duration or 0.0) / _USUAL_CLIP_SECONDS)
        case "image" | "audio":
            return 0.5
        case "3d":
            return 2.0
        case "enhance":
            return 0.75 if step.makes == "image" else 3.0
        case _:
            assert_never(step.kind)


def minutes_from(catalog: Catalog) -> Callable[[Step], float]:
    """Return a guess that knows what Krea prints as a model's usual time, where it prints one."""

    def minutes_of(step: Step) -> float:
        model = catalog.find(step.request.model)
        usual = model.typical_seconds if model is not None else None
        return expected_minutes(step) if usual is None else usual / 60

    return minutes_of


def advisories(steps: Iterable[Step], today: date) -> tuple[Problem, ...]:
    """Return one warning for each reason why a model's price is not known, and one for all prices that are old."""
    unknown: dict[tuple[str, str], list[Step]] = defaultdict(list)
    old: dict[str, str] = {}
    for step in steps:
        price = step.request.price
        if price.usd is None:
            unknown[step.request.model, price.note].append(step)
        elif is_stale(price, today):
            old[step.request.model] = min(price.seen, old.get(step.request.model, price.seen))
    warnings = [_unknown(model, note, found) for (model, note), found in unknown.items()]
    if old:
        oldest = min(old, key=lambda model: (old[model], model))
        which = f"the price of {oldest} was" if len(old) == 1 else f"the prices of {len(old)} models were"
        when = f"on {old[oldest]}" if old[oldest] else "at a date that is not known"
        warnings.append(
            Problem(
                message=f"{which} last read {when}",
                hint="`animatic models --refresh` reads the prices of today",
                severity="warning",
                code="old-price",
            )
        )
    return tuple(warnings)


def _unknown(model: str, note: str, steps: list[Step]) -> Problem:
    shots = list(dict.fromkeys(step.shot for step in steps))
    named = ", ".join(shots[:3]) + (f" and {len(shots) - 3} more" if len(shots) > 3 else "")  # noqa: PLR2004
    return Problem(
        message=f"the price of {model} is not known (shots: {named})" + (f": {note}" if note else ""),
        place=steps[0].place,
        hint="the total leaves these out; see `unknown_price`, or read prices with `animatic models --refresh`",
        severity="warning",
        code="unknown-price",
    )


class Decision(Protocol):
    """What is to be done about a step, and why."""

    @property
    def action(self) -> Literal["run", "reuse", "resume"]:
        """``run`` pays, ``resume`` fetches what was paid for, ``reuse`` has it already."""
        ...

    @property
    def reason(self) -> str:
        """Why, in a few words."""
        ...

    @property
    def changes(self) -> tuple[str, ...]:
        """What changed since an earlier run, each ``prompt 'Dawn' -> 'Noon'``; empty where nothing is known of it."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """A budget: what a run, a day or a month (UTC) of its destination may cost, and what of that is spent or set aside already."""

    period: Literal["run", "day", "month"]
    usd: Decimal
    spent: Decimal = Decimal(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Further:
    """What the checks of takes may add to the price of a run: further takes, and what would have to be made anew from them."""

    takes: tuple[str, ...] = ()
    """Keys of the shots that may have one more take each, which is paid for."""
    anew: tuple[str, ...] = ()
    """Keys of the shots that have their takes, and would be made from another one."""
    usd: Decimal = Decimal(0)
    """The known prices of all of them."""
    unpriced: int = 0

    def text(self, price: Price) -> str:
        """Return ``$0.48, if checks ask for a further take of dawn``: the most that a run would pay, and when."""
        unknown = price.unpriced + self.unpriced
        parts = [f"{dollars(price.to_pay + self.usd)}{f' and {unknown} without a known price' if unknown else ''}"]
        if self.takes:
            parts.append(f"if checks ask for a further take of {few(self.takes, _MAX_NAMED)}")
        if self.anew:
            which = "another take counts then" if self.takes else "another take counts afterwards"
            parts.append(f"{few(self.anew, _MAX_NAMED)} made anew if {which}")
        return ", ".join(parts)


NOTHING_FURTHER = Further()


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """What a run of a plan would pay, what all of its takes cost, and how many of those to be made have no known price."""

    to_pay: Decimal
    whole: Decimal
    unpriced: int


def price_of_run(plan: Plan, decisions: Mapping[str, Decision] | None) -> Price:
    """Return the price of a run. Without ``decisions`` everything is made anew."""
    usd, unpriced = to_pay(plan, decisions)
    return Price(to_pay=usd, whole=plan.estimated_usd, unpriced=unpriced)


def to_pay(plan: Plan, decisions: Mapping[str, Decision] | None) -> tuple[Decimal, int]:
    """Return the known money that the plan would spend, and how many of the takes to be made have no known price."""
    prices = {step.fingerprint: step.request.price.usd for step in plan.steps if decisions is None or decisions[step.key].action == "run"}
    known = [usd for usd in prices.values() if usd is not None]
    return sum(known, Decimal(0)), len(prices) - len(known)
