"""Write a small OpenAPI document of the simulator's generate routes, prices included, in the form of Krea's own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from animatic.catalog import Catalog
from animatic.catalog.model import Field, Model, PriceTable
from animatic.catalog.types import schema_of
from animatic.schema.fields import limits_schema

_DIMENSIONS = {
    "audio": "generateAudio",
    "video_reference": "hasVideoReference",
    "character_reference": "hasCharacterRefs",
    "reference_images": "referenceImageCount",
    "resolution_tier": "resolutionTier",
}


@lru_cache(maxsize=2)
def document(catalog: Catalog) -> dict[str, Any]:
    """Return the document; reads every model, so it is made when first asked for."""
    models = [model for name in catalog.names() if (model := catalog.find(name)) is not None]
    paths = {model.endpoint: {"post": _operation(model)} for model in models}
    return {"openapi": "3.1.0", "info": {"title": "Krea API (simulated)", "version": catalog.date}, "paths": paths}


def _operation(model: Model) -> dict[str, Any]:
    schema = {**_properties(model.fields), "additionalProperties": False}
    operation: dict[str, Any] = {
        "summary": model.title,
        "tags": [model.kind.capitalize()],
        "requestBody": {"content": {"application/json": {"schema": schema}}},
        "responses": {"200": {"description": "The job."}},
    }
    if model.withdrawn is not None:
        operation["deprecated"] = True
    if model.price is not None:
        operation["x-krea-pricing"] = _pricing(model.price)
    return operation


def _pricing(table: PriceTable) -> dict[str, Any]:
    points = [{"amount": str(usd), "dimensions": _dimensions(when)} for when, usd in table.rows]
    return {"type": "fixed", "unit": table.unit if table.unit == "second" else "request", "currency": "USD", "price_points": points}


def _dimensions(when: Mapping[str, Any]) -> dict[str, Any]:
    return {_DIMENSIONS.get(name, name): value for name, value in when.items()}


def _properties(fields: Mapping[str, Field]) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": {name: _schema(field) for name, field in fields.items()}}
    if required := [name for name, field in fields.items() if field.required]:
        schema["required"] = required
    return schema


def _schema(field: Field) -> dict[str, Any]:
    if field.one_of:
        default = {"default": field.default} if field.has_default else {}
        return {"anyOf": [_schema(option) for option in field.one_of], **default}
    schema = schema_of(field)
    if field.properties is not None:
        schema |= _properties(field.properties)
        if field.closed:
            schema["additionalProperties"] = False
    if field.items is not None:
        schema["items"] = _schema(field.items)
    if field.enum is not None:
        schema["enum"] = list(field.enum)
    if field.has_default:
        schema["default"] = field.default
    if field.media is not None:
        schema["format"] = "uri"
    if field.deprecated:
        schema["deprecated"] = True
    return {**schema, **limits_schema(field)}
