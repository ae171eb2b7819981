"""Reading OpenAPI documents: every way of writing a schema, prices in Krea's extension, and documents that are refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from animatic.catalog.convert import MAX_STEPS, ConversionError, convert, convert_body
from animatic.catalog.model import Field
from animatic.catalog.openapi import read_document, read_price
from animatic.errors import UsageError
from tests.present import present


def bare(schema: Any, name: str = "duration") -> Field | None:
    return convert(schema, name)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "number", "minimum": 1, "maximum": 15, "default": 6}, {"type": "number", "minimum": 1, "maximum": 15, "default": 6}),
        ({"type": ["number", "null"]}, {"type": "number", "nullable": True}),
        ({"anyOf": [{"type": "number", "const": 5}, {"type": "number", "const": 10}]}, {"type": "number", "enum": (5, 10)}),
        (
            {"anyOf": [{"anyOf": [{"const": 5}, {"const": 10}]}, {"const": 15}], "default": 5},
            {"type": "number", "enum": (5, 10, 15), "default": 5},
        ),
        ({"anyOf": [{"type": "integer", "minimum": 2}, {"type": "null"}]}, {"type": "integer", "minimum": 2, "nullable": True}),
        ({"oneOf": [{"enum": ["a"]}, {"enum": ["b"]}, {"type": "null"}]}, {"type": "string", "enum": ("a", "b"), "nullable": True}),
        ({"type": "string", "enum": ["a", None]}, {"type": "string", "enum": ("a",), "nullable": True}),
        ({"type": "null", "default": None}, {"type": "any", "enum": (None,), "nullable": True, "default": None}),
        ({"const": True}, {"type": "any", "enum": (True,)}),
        ({"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.5}, {"type": "number", "exclusive_minimum": 0, "multiple_of": 0.5}),
        ({"type": "string", "pattern": "^a+$", "minLength": 1}, {"type": "string", "pattern": "^a+$", "min_length": 1}),
        ({"type": "string", "pattern": "(?<bad"}, {"type": "string", "pattern": None}),
        ({"type": "string", "format": "uuid", "deprecated": True}, {"format": "uuid", "deprecated": True}),
        ({"type": ["string", "number"]}, {"type": "any"}),
        ({}, {"type": "any"}),
        (True, {"type": "any"}),
        ({"properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}, {"type": "object", "closed": True}),
    ],
)
def test_every_way_of_writing_a_schema_is_read(schema: Any, expected: dict[str, Any]) -> None:
    field = present(bare(schema))
    assert {key: getattr(field, key) for key in expected} == expected
    assert field.has_default == ("default" in expected)


def test_uris_become_media_by_their_name() -> None:
    assert convert({"type": ["string", "null"], "format": "uri"}, "edit_video").media == "video"
    items = convert({"type": "array", "items": {"type": "string", "format": "uri"}, "maxItems": 3}, "reference_images")
    assert (items.max_items, present(items.items).media, items.media) == (3, "image", None)
    assert convert({"type": "string"}, "image_url").media == "image"
    assert convert({}, "image_url") == Field(type="string", media="image", description=convert({}, "image_url").description)
    assert present(convert({}, "image_urls").items).media == "image"


def test_references_and_all_of_are_followed() -> None:
    document = {
        "components": {
            "schemas": {"Base": {"type": "object", "properties": {"a/b": {"type": "string"}}, "required": ["a/b"]}, "N": {"type": "number"}}
        }
    }
    schema = {
        "allOf": [{"$ref": "#/components/schemas/Base"}, {"properties": {"n": {"$ref": "#/components/schemas/N", "minimum": 3}}}],
    }
    fields = convert_body(schema, document)
    assert list(fields) == ["a/b", "n"]
    assert fields["a/b"].required
    assert (fields["n"].type, fields["n"].minimum) == ("number", 3)


def test_alternatives_keep_their_forms() -> None:
    schema = {
        "oneOf": [{"type": "object", "properties": {"kind": {"const": "a"}}}, {"type": "object", "properties": {"kind": {"const": "b"}}}]
    }
    field = present(bare(schema, "camera"))
    assert [present(branch.properties)["kind"].enum for branch in field.one_of] == [("a",), ("b",)]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"x": {"$ref": "#/nowhere"}}},
        {"type": "object", "properties": {"x": {"$ref": "https://elsewhere.example/schema"}}},
        {"type": "object", "properties": {"x": {"$ref": "#/loop"}}},
        {"type": "object", "properties": {"x": {"$ref": "#/self"}}},
        {"type": "object", "properties": {"x": {"type": "money"}}},
        {"type": "object", "properties": {"x": {"type": "number", "minimum": "low"}}},
        {"type": "object", "properties": {"x": {"type": "number", "maximum": float("inf")}}},
        {"type": "object", "properties": {"x": {"type": "string", "maxLength": -1}}},
        {"type": "object", "properties": {"x": 5}},
        {"type": "object", "properties": []},
        {"$ref": "#/bomb0"},
        [],
    ],
)
def test_what_cannot_be_read_is_refused_and_ends(schema: Any) -> None:
    document = {
        "loop": {"$ref": "#/loop"},
        "self": {"type": "array", "items": {"$ref": "#/self"}},
        **{f"bomb{n}": {"type": "object", "properties": {key: {"$ref": f"#/bomb{n + 1}"} for key in "abcdefgh"}} for n in range(12)},
        "bomb12": {"type": "string"},
    }
    with pytest.raises(ConversionError):
        convert_body(schema, document)


def test_a_large_body_is_read_whole() -> None:
    fields = convert_body({"properties": {f"f{n}": {"type": "number"} for n in range(1000)}}, {})
    assert len(fields) == 1000
    assert MAX_STEPS > 1000


def priced(*points: Any, **more: Any) -> dict[str, Any]:
    return {"type": "fixed", "unit": "request", "currency": "USD", "price_points": list(points), **more}


def test_prices_are_read_with_krea_s_names_turned_into_facts() -> None:
    pricing = priced(
        {
            "amount": "0.0849",
            "dimensions": {"resolution": "480p", "hasVideoReference": "true", "generateAudio": False, "duration": "5", "mode": None},
        },
        {
            "amount": 0.07,
            "dimensions": {"k2BillingTier": "style_references", "referenceImageCount": 2, "hasCharacterRefs": True, "newThing": "x"},
        },
        {"amount": 1},
    )
    table = present(read_price(pricing, kind="video", date="2026-12-01"))
    assert table.rows == (
        ({"resolution": "480p", "video_reference": True, "audio": False, "duration": 5}, Decimal("0.0849")),
        ({"tier": "style references", "reference_images": 2, "character_reference": True, "new_thing": "x"}, Decimal("0.07")),
        ({}, Decimal(1)),
    )
    assert (table.unit, table.complete, table.seen) == ("generation", True, "2026-12-01")
    assert present(read_price(priced({"amount": 1}), kind="image", date="x")).unit == "image"
    assert present(read_price(priced({"amount": 1}, unit="second"), kind="video", date="x")).unit == "second"


@pytest.mark.parametrize(
    "pricing",
    [
        None,
        [],
        priced(),
        priced({"amount": "free"}),
        priced({"amount": -1}),
        priced({"amount": "NaN"}),
        priced({"amount": True}),
        priced({"amount": 1, "dimensions": [1]}),
        priced("x"),
        priced({"amount": 1}, currency="EUR"),
        priced({"amount": 1}, type="metered"),
        priced({"amount": 1}, unit="token"),
    ],
)
def test_a_price_of_another_form_is_none(pricing: Any) -> None:
    assert read_price(pricing, kind="video", date="x") is None


def operation(schema: Any = None, **more: Any) -> dict[str, Any]:
    schema = schema or {"type": "object", "properties": {"prompt": {"type": "string"}}, "required": ["prompt"]}
    return {"post": {"summary": "A model*", "requestBody": {"content": {"application/json": {"schema": schema}}}, **more}}


def document(**paths: Any) -> dict[str, Any]:
    return {"openapi": "3.1.0", "paths": {path.replace("__", "/"): item for path, item in paths.items()}}


def test_routes_are_read_with_aliases_title_and_deprecation() -> None:
    alias = {"from": "startImage", "to": "start_image", "sunset_date": "2026-06-19"}
    item = operation(deprecated=True, **{"x-krea-deprecated-field-aliases": [alias, "junk", {"from": 1}]})
    reading = read_document(
        {"openapi": "3.1.0", "paths": {"/generate/image/krea/krea-2/large": item, "/jobs": {"get": {}}}}, date="2026-12-01"
    )
    model = reading.models["krea/krea-2/large"]
    assert (model.kind, model.title, model.aliases, model.aliases_until) == (
        "image",
        "A model",
        {"startImage": "start_image"},
        "2026-06-19",
    )
    assert model.withdrawn == "deprecated in Krea's API document of 2026-12-01"
    assert reading.unpriced == {"krea/krea-2/large"}
    assert reading.skipped == ()


def test_routes_that_cannot_be_read_are_named_and_the_others_kept() -> None:
    paths = {
        "/generate/video/a/good": operation(**{"x-krea-pricing": {"type": "auction"}}),
        "/generate/smell/a/rose": operation(),
        "/generate/video/a/bad": operation({"type": "object", "properties": {"x": {"type": "money"}}}),
        "/generate/video/a/empty": operation({"type": "object"}),
        "/generate/video/a/bodyless": {"post": {}},
        "/generate/video/../../etc": operation(),
        "/generate/image/a/good": operation(),
    }
    reading = read_document({"openapi": "3.1.0", "paths": paths}, date="x")
    assert list(reading.models) == ["a/good"]
    assert [reason.partition(":")[0] for reason in reading.skipped] == list(paths)
    assert reading.models["a/good"].price is None
    assert reading.unpriced == frozenset()


@pytest.mark.parametrize(
    "garbage",
    [
        None,
        [],
        "<html>",
        {},
        {"openapi": "3.1.0"},
        {"openapi": "3.1.0", "paths": []},
        {"openapi": "2.0", "paths": {"/generate/video/a/b": operation()}},
        {"openapi": "3.1.0", "paths": {}},
        {"openapi": "3.1.0", "paths": {"/generate/video/a/b": {"post": "x"}}},
        {"openapi": "3.1.0", "paths": {"/generate/video/a/b": operation({"type": "object"})}},
        {"openapi": "3.1.0", "paths": {f"/x/{n}": {} for n in range(2001)}},
    ],
)
def test_a_document_without_a_readable_model_is_refused(garbage: Any) -> None:
    with pytest.raises(UsageError):
        read_document(garbage, date="x")
