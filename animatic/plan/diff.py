"""What is different between two plans, in words: why a plan that was approved is not the one that would be run now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from animatic.plan.model import Input, Plan, Request, ShotInput, Step, UrlInput, field_name

_HEAD = ("pipeline", "deliver", "budget_usd", "per_day_usd", "per_month_usd", "unknown_price", "concurrency", "on_failure", "reuse")


def diff_plans(old: Plan, new: Plan) -> tuple[str, ...]:
    """Return one sentence per difference that matters to what is made, paid or delivered; empty where the plans do the same.

    Run ids, places, notes, titles and the date of the catalogue do not count.
    """
    return tuple(_differences(old, new))


def _differences(old: Plan, new: Plan) -> Iterator[str]:
    for name in _HEAD:
        if getattr(old, name) != getattr(new, name):
            yield f"{name}: {_shown(getattr(old, name))} is now {_shown(getattr(new, name))}"
    yield from _mapping("params.", old.params, new.params)
    before = {step.key: step for step in old.steps}
    after = {step.key: step for step in new.steps}
    yield from (f"{key} is not in the plan any more" for key in before if key not in after)
    for key, step in after.items():
        if key not in before:
            yield f"{key} is new"
        else:
            yield from _step(before[key], step)
    if [cut.steps for cut in old.cuts] != [cut.steps for cut in new.cuts]:
        yield "the cut of the reel is different"


def _step(old: Step, new: Step) -> Iterator[str]:
    found: list[str] = []
    for number, (before, after) in enumerate(zip(old.requests, new.requests, strict=False)):
        found += _request(f"{new.key}: " if not number else f"{new.key}: fallback {number}: ", before, after)
    if len(old.requests) != len(new.requests):
        found.append(f"{new.key}: {len(old.requests) - 1} fallbacks are now {len(new.requests) - 1}")
    for name in ("number", "retries", "timeout"):
        if getattr(old, name) != getattr(new, name):
            found.append(f"{new.key}: {name} {getattr(old, name)} is now {getattr(new, name)}")
    if old.take != new.take:
        found.append(f"{new.key}: take {old.take} is now take {new.take}")
    if not found and old.fingerprint != new.fingerprint:
        found.append(f"{new.key}: what it is made from has changed")
    yield from found


def _request(label: str, old: Request, new: Request) -> Iterator[str]:
    if old.model != new.model:
        yield f"{label}model {old.model} is now {new.model}"
    yield from _mapping(label, old.body, new.body)
    before, after = ({source.path: _input(source) for source in request.inputs} for request in (old, new))
    for path in {**before, **after}:
        if before.get(path) != after.get(path):
            yield f"{label}{field_name(path)}: {before.get(path, 'nothing')} is now {after.get(path, 'nothing')}"
    if old.price.usd != new.price.usd:
        yield f"{label}price {_usd(old)} is now {_usd(new)}"


def _mapping(label: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for name in {**old, **new}:
        if name not in new:
            yield f"{label}{name} {_shown(old[name])} is gone"
        elif name not in old:
            yield f"{label}{name} {_shown(new[name])} is new"
        elif old[name] != new[name]:
            yield f"{label}{name} {_shown(old[name])} is now {_shown(new[name])}"


def _input(source: Input) -> str:
    if isinstance(source, ShotInput):
        return source.step if source.frame is None else f"{source.step} (frame {source.frame})"
    if isinstance(source, UrlInput):
        return source.url.partition("?")[0]
    return f"{source.written} (sha256 {source.sha256[:12]})"


def _usd(request: Request) -> str:
    return "unknown" if request.price.usd is None else f"${request.price.usd}"


def _shown(value: Any) -> str:
    text = "none" if value is None else str(value)
    return repr(text) if isinstance(value, str) and len(text) <= 60 else text if len(text) <= 60 else f"{text[:57]!r}..."  # noqa: PLR2004
