"""Renders the dry-run report of a plan: a table of shots, totals, notes; and estimates what it costs and how long it lasts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Literal, Protocol, assert_never

from animatic.catalog import Catalog, is_stale
from animatic.catalog.model import field_name
from animatic.errors import Problem
from animatic.money import dollars
from animatic.plan.draw import edge_labels
from animatic.plan.model import FileInput, Plan, ShotInput, Step, UrlInput, shot_of

_USUAL_CLIP_SECONDS = 6.0
_MAX_NOTES = 40


def expected_minutes(step: Step) -> float:
    """Return a first guess of the minutes that a step's job takes; longer footage takes longer in proportion.

    From what Krea printed as averages in mid-2026: clips 0.5 to 2 minutes and longer for the large models, stills 5 to 70 seconds.
    """
    match step.kind:
        case "video":
            return 2.0 * max(1.0, (step.request.duration or 0.0) / _USUAL_CLIP_SECONDS)
        case "image":
            return 0.5
        case "enhance":
            return 0.75
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
        yield from (f"  {note}" for note in notes[:_MAX_NOTES])
        if len(notes) > _MAX_NOTES:
            yield f"  and {len(notes) - _MAX_NOTES} more (all of them with --json)"


def _notes(plan: Plan) -> Iterator[str]:
    """Yield each note of a shot once, with the number of variants that share it."""
    said = [(step.shot, note) for step in plan.steps for note in step.notes]
    said += [(shot_of(key), "left out by its `when`") for key in plan.left_out]
    for (shot, note), count in Counter(said).items():
        yield f"{shot}: {note}" + (f" ({count} variants)" if count > 1 else "")


def _rows(plan: Plan, decisions: Mapping[str, Decision] | None) -> Iterator[tuple[str, ...]]:
    shots = {step.key: step.shot for step in plan.steps}
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
            dollars(step.request.price.usd) if action == "run" else "-",
            reason + (f" (take {step.take})" if step.take > 1 else ""),
            ", ".join(_sources(step, shots)),
        )


def _sources(step: Step, shots: Mapping[str, str]) -> Iterator[str]:
    """Yield what a step is made from; ``shots`` maps step keys to shot ids."""
    for source, label in edge_labels(step):
        yield f"{shots[source]} ({label})" if label else shots[source]
    for given in step.request.inputs:
        match given:
            case FileInput():
                yield f"{given.written} ({field_name(given.path)})"
            case UrlInput():
                yield f"{given.url.partition('?')[0]} ({field_name(given.path)})"
            case ShotInput():
                pass
            case _:
                assert_never(given)


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
    whole = f" of {dollars(plan.estimated_usd)} in all" if decisions is not None and paid != plan.estimated_usd else ""
    yield "to pay", f"{dollars(paid)}{whole}{unknown}"
    if plan.budget_usd is not None:
        rest = plan.budget_usd - paid
        yield "budget", f"{dollars(plan.budget_usd)}: " + (f"{dollars(rest)} left" if rest >= 0 else f"exceeded by {dollars(-rest)}")
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
        shots = {step.key: step.shot for step in plan.steps}
        clips = _chain([shots[key] for key in plan.cuts[0].steps])
        yield "reel", clips + (f" (one for each of {len(plan.cuts)} variants)" if plan.cuts[1:] else "")
    yield "deliver", plan.deliver


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
