"""Saved plans: written as JSON without loss, read again, and compared with the plan of now.

`plan --out` writes one, `run --plan` reads it, and the ledger keeps one of every run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, assert_never

from animatic.catalog.model import field_name
from animatic.errors import UsageError
from animatic.money import dollars
from animatic.plan.model import FileInput, Input, Plan, Request, ShotInput, Step, UrlInput

if TYPE_CHECKING:
    from pydantic import TypeAdapter

VERSION = 1


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """Return the plan as JSON values; money as text, so that no digit is lost."""
    values = _adapter().dump_python(plan, mode="json")
    assert isinstance(values, dict)
    return {"version": VERSION, **values}


def plan_from_json(data: object) -> Plan:
    """Return the plan again. Raises UsageError where the data are no plan of this version."""
    if not isinstance(data, dict) or "steps" not in data:
        raise UsageError("this is not a plan", hint="write one with `animatic plan PIPELINE --out plan.json`")
    if data.get("version") != VERSION:
        raise UsageError(
            f"this plan has version {data.get('version')!r}; this animatic reads version {VERSION}",
            hint="write it again with `animatic plan PIPELINE --out plan.json`",
        )
    from pydantic import ValidationError  # noqa: PLC0415 - `validate` and `plan` start without pydantic

    try:
        return _adapter().validate_json(json.dumps(_with_variant_names({key: value for key, value in data.items() if key != "version"})))
    except (ValidationError, ValueError) as error:
        reason = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": str(error)}
        where = ".".join(str(part) for part in reason["loc"]) or "plan"
        raise UsageError(
            f"the plan is damaged at {where}: {reason['msg']}", hint="write it again with `animatic plan PIPELINE --out plan.json`"
        ) from None


def _with_variant_names(data: dict[str, Any]) -> dict[str, Any]:
    """Add ``variant_name`` to the steps and cuts of a plan that was written before they had one: then only the keys tell it."""
    keys: dict[str, Callable[[dict[str, Any]], str]] = {"steps": lambda step: step["key"], "cuts": lambda cut: cut["steps"][0]}
    return data | {
        name: [_with_variant_name(item, key) for item in data[name]] for name, key in keys.items() if isinstance(data.get(name), list)
    }


def _with_variant_name(item: Any, key_of: Callable[[dict[str, Any]], str]) -> Any:
    """Return a damaged item as it is; validation says what is wrong with it."""
    try:
        return item if "variant_name" in item else {**item, "variant_name": key_of(item).rpartition("/")[0]}
    except (AttributeError, IndexError, KeyError, TypeError):
        return item


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[Plan]:
    from pydantic import TypeAdapter  # noqa: PLC0415

    return TypeAdapter(Plan)


_COMPARED = ("pipeline", "deliver", "budget_usd", "per_day_usd", "per_month_usd", "unknown_price", "concurrency", "on_failure", "reuse")


def diff_plans(old: Plan, new: Plan) -> tuple[str, ...]:
    """Return one sentence per difference that matters to what is made, paid or delivered; empty where the plans do the same.

    Run ids, places, notes, titles and the date of the catalogue do not count.
    """
    return tuple(_differences(old, new))


def _differences(old: Plan, new: Plan) -> Iterator[str]:
    for name in _COMPARED:
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
        yield f"{label}price {dollars(old.price.usd)} is now {dollars(new.price.usd)}"


def _mapping(label: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for name in {**old, **new}:
        if name not in new:
            yield f"{label}{name} {_shown(old[name])} is gone"
        elif name not in old:
            yield f"{label}{name} {_shown(new[name])} is new"
        elif old[name] != new[name]:
            yield f"{label}{name} {_shown(old[name])} is now {_shown(new[name])}"


def _input(source: Input) -> str:
    match source:
        case ShotInput():
            return source.step if source.frame is None else f"{source.step} (frame {source.frame})"
        case UrlInput():
            return source.url.partition("?")[0]
        case FileInput():
            return f"{source.written} (sha256 {source.sha256[:12]})"
        case _:
            assert_never(source)


def _shown(value: Any) -> str:
    text = "none" if value is None else str(value)
    return repr(text) if isinstance(value, str) and len(text) <= 60 else text if len(text) <= 60 else f"{text[:57]!r}..."  # noqa: PLR2004
