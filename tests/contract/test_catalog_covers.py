"""The committed catalogue loses nothing of what was collected about Krea's API: routes, fields, limits, defaults, retired names, prices.

The collected documents are not part of the project: ``CATALOG_SOURCES`` says where they lie (default: beside the checkout),
and the tests are skipped where they do not. What a newer document removed or changed is taken from the survey's own lists, and what people
decided otherwise from ``curated.json``; nothing is excepted by hand.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from animatic.catalog import Catalog
from animatic.catalog.codec import DATA
from animatic.catalog.model import Field, media_fields, yields
from tests.present import present
from tools import build_catalog

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


def schema_of(operation: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = operation["requestBody"]["content"]["application/json"]["schema"]
    return schema


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


NEWEST = SOURCES / "krea-routes-2026-10-09.json"


def newest() -> dict[str, dict[str, Any]]:
    """Return the newest reading of the API, by the names of its routes; its fields and prices win."""
    rows: list[dict[str, Any]] = json.loads(NEWEST.read_text("utf-8"), parse_float=Decimal)
    return {name_of(row): row for row in rows}


SPELLINGS = {
    "min_length": "minLength",
    "max_length": "maxLength",
    "min_items": "minItems",
    "max_items": "maxItems",
    "one_of": "oneOf",
    "any_of": "anyOf",
}


def lost(schema: dict[str, Any], field: Field | None, where: str, *, required: bool) -> Iterator[str]:
    """Yield every fact of a schema (OpenAPI's or the survey's spelling) that the field does not hold."""
    if field is None:
        yield f"{where}: the field"
        return
    schema = {SPELLINGS.get(key, key): value for key, value in schema.items()}
    yield from lost_values(schema, field, where)
    yield from lost_type(schema, field, where)
    yield from lost_limits(schema, field, where)
    if required and not field.required:
        yield f"{where}: required"
    if "items" in schema:
        yield from lost(schema["items"], field.items, f"{where}[]", required=False)
    required_here = schema.get("object_required", schema.get("required"))
    inner = required_here if isinstance(required_here, list) else ()
    for name, child in schema.get("properties", {}).items():
        yield from lost(child, (field.properties or {}).get(name), f"{where}.{name}", required=name in inner)


def lost_values(schema: dict[str, Any], field: Field, where: str) -> Iterator[str]:
    branches = list(options(schema)) if {"anyOf", "oneOf"} & schema.keys() else []
    constants = [branch["const"] for branch in branches if "const" in branch]
    values = constants if len(constants) == len(branches) else []
    values = values or [item for item in schema.get("enum", ()) if item is not None]
    values += [schema["const"]] if "const" in schema else []
    if values:
        if list(field.enum or ()) != values:
            yield f"{where}: values {values}, not {field.enum}"
    elif branches:
        if len(field.one_of) != len(branches):
            yield f"{where}: {len(branches)} forms"
        for number, (branch, child) in enumerate(zip(branches, field.one_of, strict=False)):
            yield from lost(branch, child, f"{where}|{number}", required=False)


def lost_type(schema: dict[str, Any], field: Field, where: str) -> Iterator[str]:
    kinds = schema.get("type")
    names = [kinds] if isinstance(kinds, str) else list(kinds or ())
    if [name for name in names if name != "null"] not in ([], [field.type]):
        yield f"{where}: type {names}, not {field.type}"
    if ("null" in names or schema.get("nullable") is True or None in schema.get("enum", ())) and not field.nullable:
        yield f"{where}: null"


def lost_limits(schema: dict[str, Any], field: Field, where: str) -> Iterator[str]:
    for word, attribute in LIMITS.items():
        if word in schema and plain(schema[word]) != getattr(field, attribute):
            yield f"{where}: {word} {schema[word]}, not {getattr(field, attribute)}"
    if "default" in schema and (not field.has_default or plain(schema["default"]) != field.default):
        yield f"{where}: default {schema['default']}"
    if schema.get("format") == "uri" and field.media is None:
        yield f"{where}: URI"
    if schema.get("deprecated") is True and not field.deprecated:
        yield f"{where}: deprecated"


def test_every_route_is_there() -> None:
    rows = survey()
    assert len(rows) == 92
    assert {present(CATALOG.find(name_of(row))).endpoint for row in rows} == {row["endpoint"] for row in rows}
    assert set(routes()) <= {row["endpoint"] for row in rows}


def test_no_fact_of_the_survey_is_lost() -> None:
    later = newest()
    assert lost_of((name_of(row), row.get("fields_2026_10") or row["fields"]) for row in survey() if name_of(row) not in later) == []


def lost_of(routes: Iterable[tuple[str, dict[str, Any]]]) -> list[str]:
    """Return every fact about the fields of these routes that the catalogue does not hold, and every field that it adds."""
    missing: list[str] = []
    for route, fields in routes:
        model = present(CATALOG.find(route))
        for name, schema in fields.items():
            if (model.name, name) not in DECIDED:
                missing += lost(schema, model.fields.get(name), f"{model.name}.{name}", required=schema.get("required") is True)
        extra = {name for name in model.fields if name not in fields and (model.name, name) not in DECIDED}
        missing += [f"{model.name}.{name}: not in the list" for name in extra]
    return missing


def test_no_fact_of_the_newest_list_of_routes_is_lost() -> None:
    routes = newest()
    assert len(routes) == 108
    assert lost_of((name, row["fields"]) for name, row in routes.items()) == []
    for name, row in routes.items():
        model = present(CATALOG.find(name))
        assert (model.kind, model.endpoint, model.withdrawn, model.fields_date) == (row["kind"], row["endpoint"], None, "2026-10-09")
        made = {"mesh": "3d"}.get(given := row.get("media", {}).get("out", row["kind"]), given)
        assert yields(model) == made
        for medium, names in row.get("media", {}).get("in", {}).items():
            media = {pattern.partition("[")[0].partition(".")[0]: found for pattern, found in media_fields(model).items()}
            assert medium == "text" or {media[field] for field in names} == {medium}


def test_fields_that_earlier_documents_had_are_known_as_gone() -> None:
    later = newest()
    for row in survey():
        model = present(CATALOG.find(name_of(row)))
        now = later.get(model.name, {}).get("fields") or row.get("fields_2026_10") or row["fields"]
        gone = {name for name in (*row["fields"], *(row.get("fields_2026_10") or {})) if name not in now}
        assert gone - model.fields.keys() <= model.removed.keys()


def test_no_fact_of_the_openapi_document_is_lost_that_the_newer_one_did_not_change() -> None:
    rows, later = {row["endpoint"]: row for row in survey()}, newest()
    missing: list[str] = []
    for path, operation in routes().items():
        row, model = rows[path], present(CATALOG.find(name_of(rows[path])))
        changes = row.get("changes_by_2026_10") or {}
        removed, changed = set(changes.get("removed", ())), set(changes.get("changed", ()))
        route = later.get(model.name, {})
        if route.get("status") != "same":
            changed |= {change["path"].partition(".")[0] for change in route.get("changes", ())}
        removed |= {name for name in schema_of(operation)["properties"] if route and name not in route["fields"]}
        schema = schema_of(operation)
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
        properties = schema_of(operation)["properties"]
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
    later = newest()
    assert all(present(CATALOG.find(name)).price is None for name, row in later.items() if row["kind"] in {"audio", "3d", "enhance"})
    for row in survey():
        usd = later.get(name_of(row), {}).get("usd") or row["usd"]
        price = present(CATALOG.find(name_of(row))).price
        if usd is None:
            assert price is None
            continue
        table = present(price)
        assert (table.unit, table.complete) == (usd["unit"], usd["complete"])
        assert table.seen == usd.get("date", table.seen)
        assert table.source
        if "rows" not in CURATED["prices"].get(name_of(row), {}):
            expected = [({key: plain(value) for key, value in item["when"].items()}, Decimal(str(item["price"]))) for item in usd["rows"]]
            assert list(table.rows) == expected


def test_withdrawn_routes_are_those_that_the_newest_document_lacks() -> None:
    lacking = {name_of(row) for row in survey() if row["in_openapi_2026_10_03"] is False or name_of(row) not in newest()}
    assert {model.name for model in CATALOG.models() if model.withdrawn} == lacking


def test_the_committed_files_are_what_the_build_makes_of_the_survey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_catalog, "DATA", tmp_path)
    assert build_catalog.main([str(SOURCES / "krea-models.json"), str(NEWEST)]) == 0
    written = {path.relative_to(tmp_path): path.read_text("utf-8") for path in tmp_path.rglob("*.json")}
    assert len(written) == 120
    for path, text in written.items():
        assert (DATA / path).read_text("utf-8") == text
