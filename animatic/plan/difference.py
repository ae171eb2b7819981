"""Says in sentences what differs between two plans, and between a shot of one plan and of another: old -> new."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, assert_never

from animatic.catalog.model import field_name
from animatic.money import dollars
from animatic.plan.cast_changes import cast_changes, without_cast
from animatic.plan.model import FileInput, Input, Plan, Request, ShotInput, Step, UrlInput
from animatic.redact import bare_url

_COMPARED = (
    "pipeline",
    "profile",
    "deliver",
    "budget_usd",
    "per_day_usd",
    "per_month_usd",
    "unknown_price",
    "concurrency",
    "on_failure",
    "reuse",
)


LONGEST = 60
"""Characters of a value that is shown."""
_WORDS_BEFORE = 2
"""Of a long text, before the word at which two versions begin to differ."""


def diff_plans(old: Plan, new: Plan) -> tuple[str, ...]:
    """Return one sentence per difference that matters to what is made, paid or delivered; empty where the plans do the same.

    Run ids, places, notes, titles and the date of the catalogue do not count.
    """
    return tuple(_differences(old, new))


def _differences(old: Plan, new: Plan) -> Iterator[str]:
    for name in _COMPARED:
        if getattr(old, name) != getattr(new, name):
            yield f"{name}: {_shown(getattr(old, name))} -> {_shown(getattr(new, name))}"
    yield from _mapping("params.", old.params, new.params)
    before = {step.key: step for step in old.steps}
    after = {step.key: step for step in new.steps}
    yield from (f"{key} is not in the plan any more" for key in before if key not in after)
    for key, step in after.items():
        if key not in before:
            yield f"{key} is new"
        else:
            yield from _step(before[key], step, {}, {})
    if [cut.steps for cut in old.cuts] != [cut.steps for cut in new.cuts]:
        yield "the cut of the reel is different"


def step_changes(old: Step, new: Step, before: Mapping[str, str] | None = None, after: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Return what differs in the request of a step, ``prompt 'Dawn' -> 'Noon'``; empty where only what it is made from does.

    A sheet of the cast that another shot makes differs where its fingerprint in ``before`` is not that in ``after`` (by step key).
    """
    prefix = f"{new.key}: "
    made_from = f"{prefix}{_MADE_FROM}"
    said = [text.removeprefix(prefix) for text in _step(old, new, before or {}, after or {}) if text != made_from]
    return tuple(text for text in said if not text.startswith(_NOT_OF_THE_REQUEST))


_MADE_FROM = "what it is made from has changed"
_NOT_OF_THE_REQUEST = ("number ", "retries ", "timeout ", "qc ", "price ", "take ", "fallback", "not locked any more", "locked now")


def _step(old: Step, new: Step, sheets_before: Mapping[str, str], sheets_after: Mapping[str, str]) -> Iterator[str]:
    found: list[str] = []
    for number, (before, after) in enumerate(zip(old.requests, new.requests, strict=False)):
        label = f"{new.key}: " if not number else f"{new.key}: fallback {number}: "
        found += _request(label, before, after)
        found += [f"{label}{change}" for change in cast_changes(before, after, sheets_before, sheets_after)]
    if len(old.requests) != len(new.requests):
        found.append(f"{new.key}: {len(old.requests) - 1} fallbacks -> {len(new.requests) - 1}")
    for name in ("number", "retries", "timeout", "qc"):
        if getattr(old, name) != getattr(new, name):
            found.append(f"{new.key}: {name} {getattr(old, name)} -> {getattr(new, name)}")
    if old.take != new.take:
        found.append(f"{new.key}: take {old.take} -> take {new.take}")
    if old.fingerprint != new.fingerprint and (old.locked is None) != (new.locked is None):
        found.append(f"{new.key}: {'not locked any more' if new.locked is None else 'locked now'}")
    if not found and old.fingerprint != new.fingerprint:
        found.append(f"{new.key}: {_MADE_FROM}")
    yield from found


def _request(label: str, old: Request, new: Request) -> Iterator[str]:
    if old.model != new.model:
        yield f"{label}model {old.model} -> {new.model}"
    yield from _mapping(label, without_cast(old), without_cast(new))
    before, after = ({source.path: _input(source) for source in request.inputs if source.member is None} for request in (old, new))
    for path in {**before, **after}:
        if before.get(path) != after.get(path):
            yield f"{label}{field_name(path)}: {before.get(path, 'nothing')} -> {after.get(path, 'nothing')}"
    if old.price.usd != new.price.usd:
        yield f"{label}price {dollars(old.price.usd)} -> {dollars(new.price.usd)}"


def _mapping(label: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for name in {**old, **new}:
        if name not in new:
            yield f"{label}{name} {_shown(old[name])} is gone"
        elif name not in old:
            yield f"{label}{name} {_shown(new[name])} is new"
        elif old[name] != new[name]:
            yield f"{label}{name} {' -> '.join(_pair(old[name], new[name]))}"


def _input(source: Input) -> str:
    match source:
        case ShotInput():
            return source.step if source.frame is None else f"{source.step} (frame {source.frame})"
        case UrlInput():
            return bare_url(source.url)
        case FileInput():
            return f"{source.written} (sha256 {source.sha256[:12]})"
        case _:
            assert_never(source)


def _pair(old: Any, new: Any) -> tuple[str, str]:
    """Return both values, of long texts only where they begin to differ and what is around it."""
    if not (isinstance(old, str) and isinstance(new, str)) or max(len(old), len(new)) <= LONGEST:
        return _shown(old), _shown(new)
    before, after = old.split(), new.split()
    same = next(
        (place for place, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), min(len(before), len(after))
    )
    start = max(0, same - _WORDS_BEFORE)
    lead = "…" if start else ""
    return _shown(lead + " ".join(before[start:])), _shown(lead + " ".join(after[start:]))


def _shown(value: Any) -> str:
    text = "none" if value is None else str(value)
    short = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    return repr(short) if isinstance(value, str) else short
