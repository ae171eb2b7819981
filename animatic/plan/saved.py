"""Saved plans: written as JSON without loss, and read again.

`plan --out` writes one, `run --plan` reads it, and the ledger keeps one of every run.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from animatic.errors import UsageError
from animatic.plan.model import Plan

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
        return _adapter().validate_json(json.dumps(_completed({key: value for key, value in data.items() if key != "version"})))
    except (ValidationError, ValueError) as error:
        reason = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": str(error)}
        where = ".".join(str(part) for part in reason["loc"]) or "plan"
        raise UsageError(
            f"the plan is damaged at {where}: {reason['msg']}", hint="write it again with `animatic plan PIPELINE --out plan.json`"
        ) from None


def _completed(data: dict[str, Any]) -> dict[str, Any]:
    """Add what plans that were written by earlier versions do not have."""
    return _with_yields(_with_variant_names(data))


def _with_yields(data: dict[str, Any]) -> dict[str, Any]:
    """Add ``makes`` to the requests of a plan that was written before they had it, when there were clips, stills and enhanced stills."""
    for step in data["steps"] if isinstance(data["steps"], list) else ():
        requests = step.get("requests") if isinstance(step, dict) else None
        for request in requests if isinstance(requests, list) else ():
            if isinstance(request, dict):
                request.setdefault("makes", "video" if request.get("kind") == "video" else "image")
    return data


def _with_variant_names(data: dict[str, Any]) -> dict[str, Any]:
    """Add ``variant_name`` to the steps and cuts of a plan that was written before they had one: then only the keys tell it.

    A cut of that time is a list of steps.
    """
    keys: dict[str, Callable[[dict[str, Any]], str]] = {"steps": lambda step: step["key"], "cuts": lambda cut: cut["shots"][0]["step"]}
    if isinstance(data.get("cuts"), list):
        data = data | {"cuts": [_with_shots(item) for item in data["cuts"]]}
    return data | {
        name: [_with_variant_name(item, key) for item in data[name]] for name, key in keys.items() if isinstance(data.get(name), list)
    }


def _with_shots(cut: Any) -> Any:
    """Return a cut with its shots; a damaged one as it is."""
    if not isinstance(cut, dict) or "shots" in cut or not isinstance(cut.get("steps"), list):
        return cut
    return {key: value for key, value in cut.items() if key != "steps"} | {"shots": [{"step": step} for step in cut["steps"]]}


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
