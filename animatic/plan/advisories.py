"""Warnings that only a finished plan can give: prices that are not known, and prices that were read long ago."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from animatic.errors import Problem
from animatic.plan.model import Step

OLD = 90
"""Days after which a price read is worth reading again."""


def advisories(steps: Iterable[Step], today: date) -> tuple[Problem, ...]:
    """Return one warning for each reason why a model's price is not known, and one for all prices that are old."""
    unknown: dict[tuple[str, str], list[Step]] = defaultdict(list)
    seen: dict[str, date] = {}
    for step in steps:
        price = step.request.price
        if price.usd is None:
            unknown[step.request.model, price.note].append(step)
        elif (read := _date(price.seen)) is not None:
            seen[step.request.model] = min(read, seen.get(step.request.model, read))
    warnings = [_unknown(model, note, found) for (model, note), found in unknown.items()]
    old = {model: read for model, read in seen.items() if (today - read).days > OLD}
    if old:
        model, read = min(old.items(), key=lambda item: (item[1], item[0]))
        which = f"the price of {model} was" if len(old) == 1 else f"the prices of {len(old)} models were"
        warnings.append(
            Problem(
                message=f"{which} read {(today - read).days} days ago",
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


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None
