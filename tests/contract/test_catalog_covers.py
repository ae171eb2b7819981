"""The committed catalogue loses nothing of what was collected about Krea's API: routes, fields, limits, defaults, retired names, prices.

The collected documents are not part of the project: ``CATALOG_SOURCES`` says where they lie (default: beside the checkout),
and the tests are skipped where they do not. What a newer document removed or changed is taken from the survey's own lists, and what people
decided otherwise from ``curated.json``; nothing is excepted by hand.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from animatic.catalog import Catalog
from animatic.catalog.codec import DATA
from animatic.catalog.model import Field
from tests.present import present

SOURCES = Path(os.environ.get("CATALOG_SOURCES", Path(__file__).resolve().parents[2].parent / "shared" / "krea"))
pytestmark = pytest.mark.skipif(not (SOURCES / "krea-openapi.json").exists(), reason="the collected documents are not here")

CATALOG = Catalog.load()
CURATED = json.loads((DATA / "curated.json").read_text("utf-8"))
DECIDED = {(row["model"], row["field"]) for row in CURATED["fields"]}
LIMITS = {
    "minimum": "minimum",
    "maximum": "maximum",
    "exclusiveMinimum": "exclusive_minimum",
    "minLength": "min_length",
    "maxLength": "max_length",
    "minItems": "min_items",
    "maxItems": "max_items",
    "pattern": "pattern",
}


def survey() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((SOURCES / "krea-models.json").read_text("utf-8"), parse_float=Decimal)
    return rows


def routes() -> dict[str, dict[str, Any]]:
    paths = json.loads((SOURCES / "krea-openapi.json").read_text("utf-8"))["paths"]
    return {path: item["post"] for path, item in paths.items() if path.startswith("/generate/")}


def name_of(row: dict[str, Any]) -> str:
    return f"{row['provider']}/{row['model']}"


def options(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for key in ("anyOf", "oneOf"):
        for branch in schema.get(key, ()):
            yield from options(branch)
    if not {"anyOf", "oneOf"} & schema.keys():
        yield schema


def plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


SURVEYED = {"min_length": "minLength", "max_length": "maxLength", "min_items": "minItems", "max_items": "maxItems", "one_of": "oneOf"}


def lost(schema: dict[str, Any], field: Field | None, where: str, *, required: bool) -> Iterator[str]:
    """Yield every fact of a schema (OpenAPI's or the survey's spelling) that the field does not hold."""
    if field is None:
        yield f"{where}: the field"
        return
    schema = {SURVEYED.get(key, key): value for key, value in schema.items()}
    kinds = schema.get("type")
    names = [kinds] if isinstance(kinds, str) else list(kinds or ())
    yield from lost_choices(schema, field, where)
    if [name for name in names if name != "null"] not in ([], [field.type]):
        yield f"{where}: type {names}, not {field.type}"
    for word, attribute in LIMITS.items():
        if word in schema and plain(schema[word]) != getattr(field, attribute):
            yield f"{where}: {word} {schema[word]}, not {getattr(field, attribute)}"
    if "default" in schema and (not field.has_default or plain(schema["default"]) != field.default):
        yield f"{where}: default {schema['default']}"
    null = "null" in names or schema.get("nullable") is True or None in schema.get("enum", ())
    for said, held, word in (
        (null, field.nullable, "null"),
        (required, field.required, "required"),
        (schema.get("format") == "uri", field.media is not None, "URI"),
        (schema.get("deprecated") is True, field.deprecated, "deprecated"),
    ):
        if said and not held:
            yield f"{where}: {word}"
    yield from lost_inside(schema, field, where)


def lost_choices(schema: dict[str, Any], field: Field, where: str) -> Iterator[str]:
    """Yield what the field does not hold of the values that a schema allows, or of its forms."""
    branches = list(options(schema)) if {"anyOf", "oneOf"} & schema.keys() else []
    values = [branch["const"] for branch in branches if "const" in branch] or [item for item in schema.get("enum", ()) if item is not None]
    values += [schema["const"]] if "const" in schema else []
    if values:
        if list(field.enum or ()) != values:
            yield f"{where}: values {values}, not {field.enum}"
    elif branches:
        if len(field.one_of) != len(branches):
            yield f"{where}: {len(branches)} forms"
        for number, (branch, child) in enumerate(zip(branches, field.one_of, strict=False)):
            yield from lost(branch, child, f"{where}|{number}", required=False)


def lost_inside(schema: dict[str, Any], field: Field, where: str) -> Iterator[str]:
    """Yield what the field does not hold of a schema's items and properties."""
    if "items" in schema:
        yield from lost(schema["items"], field.items, f"{where}[]", required=False)
    required = schema.get("required")
    names = required if isinstance(required, list) else ()
    for name, child in schema.get("properties", {}).items():
        yield from lost(child, (field.properties or {}).get(name), f"{where}.{name}", required=name in names)


def test_every_route_is_there() -> None:
    rows = survey()
    assert len(rows) == 92
    assert {present(CATALOG.find(name_of(row))).endpoint for row in rows} == {row["endpoint"] for row in rows}
    assert set(routes()) <= {row["endpoint"] for row in rows}


def test_no_fact_of_the_survey_is_lost() -> None:
    missing: list[str] = []
    for row in survey():
        model = present(CATALOG.find(name_of(row)))
        newest = row.get("fields_2026_10") or row["fields"]
        for name, schema in newest.items():
            if (model.name, name) not in DECIDED:
                missing += lost(schema, model.fields.get(name), f"{model.name}.{name}", required=schema.get("required") is True)
        extra = {name for name in model.fields if name not in newest and (model.name, name) not in DECIDED}
        missing += [f"{model.name}.{name}: not in the survey" for name in extra]
    assert missing == []


def test_no_fact_of_the_openapi_document_is_lost_that_the_newer_one_did_not_change() -> None:
    rows = {row["endpoint"]: row for row in survey()}
    missing: list[str] = []
    for path, operation in routes().items():
        row, model = rows[path], present(CATALOG.find(name_of(rows[path])))
        changes = row.get("changes_by_2026_10") or {}
        removed, changed = set(changes.get("removed", ())), set(changes.get("changed", ()))
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        for name, child in schema["properties"].items():
            if name in removed:
                if name not in model.removed:
                    missing.append(f"{model.name}.{name}: that it was removed")
            elif name not in changed and (model.name, name) not in DECIDED:
                missing += lost(child, model.fields.get(name), f"{model.name}.{name}", required=name in schema.get("required", ()))
            elif name not in model.fields:
                missing.append(f"{model.name}.{name}: the field")
    assert missing == []


def test_decisions_keep_every_value_that_the_documents_allow() -> None:
    """A decision may widen what a document says, take back a default or restore what a reading lost, never narrow."""
    for path, operation in routes().items():
        name = path.removeprefix("/generate/").partition("/")[2]
        properties = operation["requestBody"]["content"]["application/json"]["schema"]["properties"]
        for model, field in DECIDED:
            if model == name and field in properties:
                facts = list(lost(properties[field], present(CATALOG.find(name)).fields[field], field, required=False))
                assert all("default" in fact or "values" in fact for fact in facts), facts
                values = [branch.get("const") for branch in options(properties[field])]
                entry = present(CATALOG.find(name)).fields[field]
                if all(value is not None for value in values):
                    assert all(present(entry.minimum) <= present(value) <= present(entry.maximum) for value in values)


def test_every_retired_name_is_there() -> None:
    for row in survey():
        model = present(CATALOG.find(name_of(row)))
        assert model.aliases == {old: entry["new"] for old, entry in row["deprecated_aliases"].items()}
    rows = {row["endpoint"]: name_of(row) for row in survey()}
    for path, operation in routes().items():
        model = present(CATALOG.find(rows[path]))
        for alias in operation.get("x-krea-deprecated-field-aliases", ()):
            assert model.aliases[alias["from"]] == alias["to"]
            assert model.aliases_until == alias["sunset_date"]


def test_every_price_row_is_there_exactly() -> None:
    for row in survey():
        price = present(CATALOG.find(name_of(row))).price
        if row["usd"] is None:
            assert price is None
            continue
        table = present(price)
        assert (table.unit, table.complete) == (row["usd"]["unit"], row["usd"]["complete"])
        if "rows" not in CURATED["prices"].get(name_of(row), {}):
            expected = [
                ({key: plain(value) for key, value in item["when"].items()}, Decimal(str(item["price"]))) for item in row["usd"]["rows"]
            ]
            assert list(table.rows) == expected


def test_withdrawn_routes_are_those_that_the_newest_document_lacks() -> None:
    lacking = {name_of(row) for row in survey() if row["in_openapi_2026_10_03"] is False}
    assert {model.name for model in CATALOG.models() if model.withdrawn} == lacking


def test_the_committed_files_are_what_the_build_makes_of_the_survey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from animatic.catalog import build

    monkeypatch.setattr(build, "DATA", tmp_path)
    assert build.main([str(SOURCES / "krea-models.json")]) == 0
    written = {path.relative_to(tmp_path): path.read_text("utf-8") for path in tmp_path.rglob("*.json")}
    assert len(written) == 93
    for path, text in written.items():
        assert (DATA / path).read_text("utf-8") == text
