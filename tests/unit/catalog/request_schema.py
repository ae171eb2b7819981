"""JSON Schema (draft-07) of a model's request body: what Krea takes, as a standard tool checks it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from animatic.catalog.model import Field, Model
from animatic.schema.fields import DRAFT, limits_schema, remarks


def model_schema(model: Model) -> dict[str, Any]:
    """Return the schema of a model's request body."""
    out: dict[str, Any] = {"$schema": DRAFT, "title": f"{model.title} ({model.name})"}
    if model.notes:
        out["description"] = model.notes
    return {**out, **_object(model.fields), "additionalProperties": False}


def field_schema(field: Field) -> dict[str, Any]:
    """Return the schema of one field as Krea takes it: a URI where media is due, null where the field may be null."""
    out = remarks(field)
    if field.one_of:
        branches = [field_schema(branch) for branch in field.one_of]
        return {**out, "anyOf": [*branches, {"type": "null"}] if field.nullable else branches}
    if field.enum is not None:
        nullable = field.nullable and None not in field.enum
        return {**out, "enum": [*field.enum, None] if nullable else list(field.enum)}
    if field.type != "any":
        out["type"] = [field.type, "null"] if field.nullable else field.type
    out |= limits_schema(field)
    if field.media is not None:
        out["format"] = "uri"
    if field.items is not None:
        out["items"] = field_schema(field.items)
    if field.properties is not None:
        out |= _object(field.properties)
        if field.closed:
            out["additionalProperties"] = False
    return out


def _object(properties: Mapping[str, Field]) -> dict[str, Any]:
    out: dict[str, Any] = {"type": "object", "properties": {name: field_schema(field) for name, field in properties.items()}}
    required = [name for name, field in properties.items() if field.required]
    return {**out, "required": required} if required else out
