"""The simulator takes and refuses what the newest list of Krea's routes says: read a second time, as JSON Schema, from the list itself.

The list is no part of the project: ``CATALOG_SOURCES`` says where it lies (default: beside the checkout); without it the tests are skipped.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from animatic.catalog import Catalog
from animatic.simulator.checks import mistakes
from tests.present import present

SOURCES = Path(os.environ.get("CATALOG_SOURCES", Path(__file__).resolve().parents[2].parent / "shared" / "krea"))
ROUTES = SOURCES / "krea-routes-2026-10-09.json"
pytestmark = pytest.mark.skipif(not ROUTES.exists(), reason="the list of routes is not here")

CATALOG = Catalog.load()
WORDS = {
    "min_length": "minLength",
    "max_length": "maxLength",
    "min_items": "minItems",
    "max_items": "maxItems",
    "exclusive_minimum": "exclusiveMinimum",
    "any_of": "anyOf",
    "one_of": "oneOf",
}
SPOILED: tuple[Any, ...] = (None, True, -7, 0, 3.5, 10**9, "", "x" * 60_000, "nonsense", [], ["x"] * 60, {}, {"unknown": 1})
URL = "https://cdn.example/a.png"


def rows() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(ROUTES.read_text("utf-8"))
    return found


def schema_of(field: dict[str, Any]) -> dict[str, Any]:
    out = {WORDS.get(key, key): value for key, value in field.items() if key not in {"required", "nullable", "object_required", "default"}}
    for word in ("anyOf", "oneOf"):
        if word in out:
            out[word] = [schema_of(option) for option in out[word]]
    if "items" in out:
        out["items"] = schema_of(out["items"])
    if "properties" in out:
        out["properties"] = {name: schema_of(child) for name, child in out["properties"].items()}
        needed = field.get("object_required", field["required"] if isinstance(field.get("required"), list) else [])
        out["required"] = needed
    if field.get("nullable"):
        return {"anyOf": [out, {"type": "null"}]}
    return out


def body_schema(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: schema_of(field) for name, field in row["fields"].items()},
        "required": [name for name, field in row["fields"].items() if field.get("required") is True],
        "additionalProperties": False,
    }


def value_of(field: dict[str, Any], dice: random.Random) -> Any:
    """Draw a value that the field takes."""
    if field.get("enum"):
        return dice.choice(field["enum"])
    match field.get("type"):
        case "boolean":
            return dice.random() < 0.5
        case "number" | "integer":
            low = field.get("minimum", 1)
            return low if field.get("maximum", low + 1) < low + 1 else low + 1
        case "array":
            return [value_of(field["items"], dice)] * max(1, field.get("min_items", 0)) if "items" in field else []
        case "object":
            return {name: value_of(child, dice) for name, child in field.get("properties", {}).items()}
        case _:
            if field.get("format") == "uri":
                return URL
            if field.get("format") == "uuid" or "0000-0000" in field.get("pattern", ""):
                return "4d0e5f97-9721-4422-b88c-73a9032d7de1"
            return "sample" if field.get("pattern") else "a word or two, three"[: field.get("max_length", 50)]


def bodies(row: dict[str, Any], dice: random.Random) -> Iterator[dict[str, Any]]:
    least = {name: value_of(field, dice) for name, field in row["fields"].items() if field.get("required") is True}
    yield least
    yield {name: value_of(field, dice) for name, field in row["fields"].items()}
    for name in least:
        yield {key: value for key, value in least.items() if key != name}
    yield {**least, "unheard_of": 1}
    for name in row["fields"]:
        yield from ({**least, name: value} for value in SPOILED)


@pytest.mark.parametrize("row", rows() if ROUTES.exists() else [], ids=lambda row: f"{row['provider']}/{row['model']}")
def test_the_simulator_takes_and_refuses_what_the_list_says(row: dict[str, Any]) -> None:
    model = present(CATALOG.find(f"{row['provider']}/{row['model']}"))
    checker = jsonschema.FormatChecker(formats=())

    @checker.checks("uri")
    def is_address(value: object) -> bool:
        return not isinstance(value, str) or value.startswith(("http://", "https://"))

    validator = jsonschema.Draft202012Validator(body_schema(row), format_checker=checker)
    agreed = {True: 0, False: 0}
    for body in bodies(row, random.Random(row["endpoint"])):
        due = not any(validator.iter_errors(body))
        found = not list(mistakes(model, body))
        assert found == due, (body, list(mistakes(model, body)), [error.message for error in validator.iter_errors(body)])
        agreed[due] += 1
    assert all(agreed.values())
