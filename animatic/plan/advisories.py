"""Warnings that only a finished plan can give: prices that are not known, and prices that were read long ago."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from animatic.catalog import is_stale
from animatic.errors import Problem
from animatic.plan.model import Step


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
