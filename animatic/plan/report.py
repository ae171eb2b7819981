"""The plan as a page of plain text: shot by shot what would be done and why, then money, time and notes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Literal, Protocol

from animatic.plan.mermaid import edge_labels
from animatic.plan.model import FileInput, Plan, Step, UrlInput, field_name
from animatic.plan.totals import expected_minutes

_NOTES = 40


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


def to_pay(plan: Plan, decisions: Mapping[str, Decision] | None) -> tuple[Decimal, int]:
    """Return the known money that the plan would spend, and how many of the takes to be made have no known price."""
    prices = {step.fingerprint: step.request.price.usd for step in plan.steps if decisions is None or decisions[step.key].action == "run"}
    known = [usd for usd in prices.values() if usd is not None]
    return sum(known, Decimal(0)), len(prices) - len(known)


def render_plan(
    plan: Plan, decisions: Mapping[str, Decision] | None = None, *, minutes_of: Callable[[Step], float] = expected_minutes
) -> str:
    """Return the dry-run report. Without ``decisions`` (the destination was not looked at) every shot counts as to be made."""
    return "\n".join(_lines(plan, decisions, minutes_of))


def _lines(plan: Plan, decisions: Mapping[str, Decision] | None, minutes_of: Callable[[Step], float]) -> Iterator[str]:
    params = ", ".join(f"{name}={str(value).lower() if isinstance(value, bool) else value}" for name, value in plan.params.items())
    yield f"{plan.pipeline}{f' ({params})' if params else ''}"
    if plan.description:
        yield f"  {' '.join(plan.description.split())}"
    yield ""
    yield from _table(_rows(plan, decisions))
    yield ""
    yield from _labelled(_totals(plan, decisions, minutes_of))
    notes = list(_notes(plan))
    if notes:
        yield ""
        yield "notes"
        yield from (f"  {note}" for note in notes[:_NOTES])
        if len(notes) > _NOTES:
            yield f"  and {len(notes) - _NOTES} more (all of them with --json)"


def _notes(plan: Plan) -> Iterator[str]:
    """Yield each note of a shot once, with the number of variants that share it."""
    said = [(step.shot, note) for step in plan.steps for note in step.notes]
    said += [(key.rpartition("/")[2], "left out by its `when`") for key in plan.left_out]
    for (shot, note), count in Counter(said).items():
        yield f"{shot}: {note}" + (f" ({count} variants)" if count > 1 else "")


def _rows(plan: Plan, decisions: Mapping[str, Decision] | None) -> Iterator[tuple[str, ...]]:
    yield ("#", "shot", "do", "model", "length", "price", "why", "from")
    first: dict[str, str] = {}
    for step in plan.steps:
        twin = first.setdefault(step.fingerprint, step.key)
        decision = decisions[step.key] if decisions is not None else None
        action = decision.action if decision else "run" if twin == step.key else "reuse"
        reason = decision.reason if decision else "" if twin == step.key else f"the same request as {twin}"
        length = step.request.duration
        yield (
            str(step.number),
            step.key,
            action,
            step.request.model + (f" (+{len(step.requests) - 1} fallback)" if step.requests[1:] else ""),
            "" if length is None else f"{length:g} s",
            _price(step) if action == "run" else "-",
            reason + (f" (take {step.take})" if step.take > 1 else ""),
            ", ".join(_sources(step)),
        )


def _sources(step: Step) -> Iterator[str]:
    for source, label in edge_labels(step):
        name = source.rpartition("/")[2]
        yield f"{name} ({label})" if label else name
    for given in step.request.inputs:
        if isinstance(given, FileInput):
            yield f"{given.written} ({field_name(given.path)})"
        elif isinstance(given, UrlInput):
            yield f"{given.url.partition('?')[0]} ({field_name(given.path)})"


def _table(rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    """Align the columns; columns that are empty throughout are left out."""
    head, *body = rows
    kept = [column for column in range(len(head)) if any(row[column] for row in body)]
    widths = {column: max(len(row[column]) for row in (head, *body)) for column in kept}
    right = {head.index("#"), head.index("length"), head.index("price")}
    for row in (head, *body):
        cells = [row[column].rjust(widths[column]) if column in right else row[column].ljust(widths[column]) for column in kept]
        yield ("  " + "  ".join(cells)).rstrip()


def _labelled(pairs: Iterator[tuple[str, str]]) -> Iterator[str]:
    yield from (f"{label:<9} {text}" for label, text in pairs)


def _totals(plan: Plan, decisions: Mapping[str, Decision] | None, minutes_of: Callable[[Step], float]) -> Iterator[tuple[str, str]]:
    paid, unpriced = to_pay(plan, decisions)
    unknown = f", and {unpriced} without a known price" if unpriced else ""
    whole = f" of {usd(plan.estimated_usd)} in all" if decisions is not None and paid != plan.estimated_usd else ""
    yield "to pay", f"{usd(paid)}{whole}{unknown}"
    if plan.budget_usd is not None:
        rest = plan.budget_usd - paid
        yield "budget", f"{usd(plan.budget_usd)}: " + (f"{usd(rest)} left" if rest >= 0 else f"exceeded by {usd(-rest)}")
    chain, _ = plan.critical_path(minutes_of)
    pending = {step.fingerprint: step for step in plan.steps if decisions is None or decisions[step.key].action == "run"}
    late = [step for step in plan.steps if step.key in set(chain) and step.fingerprint in pending]
    if late:
        minutes = sum(minutes_of(step) for step in late)
        queued = sum(minutes_of(step) for step in pending.values()) / plan.concurrency if plan.concurrency else 0.0
        along = f" along {_chain([step.key for step in late])}" if late[1:] and minutes >= queued else ""
        yield "time", f"about {_minutes(max(minutes, queued))}{along}"
    yield "jobs", f"{len(pending)} for {_plural(len(plan.steps), 'shot')}" + (f", {plan.concurrency} at once" if plan.concurrency else "")
    if plan.cuts:
        yield (
            "reel",
            "; ".join(_chain([key.rpartition("/")[2] for key in cut.steps]) for cut in plan.cuts[:1])
            + (f" (one for each of {len(plan.cuts)} variants)" if plan.cuts[1:] else ""),
        )
    yield "deliver", plan.deliver


def usd(amount: Decimal) -> str:
    """Return ``$0.28``; at least two places, more only where the amount has them."""
    places = max(2, -int(amount.normalize().as_tuple().exponent)) if amount else 2
    return f"${amount:.{places}f}"


def _price(step: Step) -> str:
    return "unknown" if step.request.price.usd is None else usd(step.request.price.usd)


def _minutes(minutes: float) -> str:
    if minutes < 1:
        return f"{minutes * 60:.0f} seconds"
    return f"{minutes:.0f} minutes" if minutes >= 1.5 else "a minute"  # noqa: PLR2004


def _chain(keys: Sequence[str]) -> str:
    if len(keys) <= 8:  # noqa: PLR2004
        return " → ".join(keys)
    return f"{' → '.join(keys[:3])} → … {len(keys) - 6} more … → {' → '.join(keys[-3:])}"


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
