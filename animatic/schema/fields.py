"""JSON Schema (draft-07) of single fields: their descriptions, their limits, and the loosest field of several of one name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from animatic.catalog.model import Field, FieldType, Model
from animatic.catalog.types import rules_of

DRAFT = "http://json-schema.org/draft-07/schema#"

_KEYS = {
    "minimum": "minimum",
    "maximum": "maximum",
    "exclusive_minimum": "exclusiveMinimum",
    "exclusive_maximum": "exclusiveMaximum",
    "multiple_of": "multipleOf",
    "min_length": "minLength",
    "max_length": "maxLength",
    "min_items": "minItems",
    "max_items": "maxItems",
    "pattern": "pattern",
    "format": "format",
}


def remarks(field: Field) -> dict[str, Any]:
    """Return what a field's schema says without constraining: description, default, examples, deprecation."""
    out: dict[str, Any] = {}
    text = " ".join(part for part in (field.description, f"Not certain: {field.caution}." if field.caution else "") if part)
    if text:
        out["description"] = text
    if field.has_default:
        out["default"] = field.default
    if field.deprecated:
        out["deprecated"] = True
    return out


def limits_schema(field: Field) -> dict[str, Any]:
    """Return a field's limits in the words of JSON Schema."""
    return {word: value for name, word in _KEYS.items() if (value := getattr(field, name)) is not None}


def loosest_fields(models: Iterable[Model]) -> dict[str, Field]:
    """Return every field name of the models with the loosest field of that name."""
    found: dict[str, list[Field]] = {}
    for model in models:
        for name, field in model.fields.items():
            found.setdefault(name, []).append(field)
    return {name: loosest(fields) for name, fields in found.items()}


def loosest(fields: Sequence[Field]) -> Field:
    """Return a field that takes every value that one of these takes. Defaults are kept only where all agree."""
    first = fields[0]
    if all(field == first for field in fields):
        return first
    bare = Field(type=_type(fields), description=next((field.description for field in fields if field.description), ""))
    bare = replace(bare, nullable=any(field.nullable for field in fields))
    if bare.type == "any" or any(field.one_of for field in fields):
        return replace(bare, type="any")
    if all(field.has_default and field.default == first.default for field in fields):
        bare = replace(bare, default=first.default, has_default=True)
    if all(field.media == first.media for field in fields):
        bare = replace(bare, media=first.media)
    items = [field.items for field in fields if field.items is not None]
    if len(items) == len(fields):
        bare = replace(bare, items=loosest(items))
    return replace(
        bare,
        enum=None if rules_of(bare.type).nested else _union(fields),
        minimum=_bound(fields, "minimum", min),
        maximum=_bound(fields, "maximum", max),
        min_length=_bound(fields, "min_length", min),
        max_length=_bound(fields, "max_length", max),
        min_items=_bound(fields, "min_items", min),
        max_items=_bound(fields, "max_items", max),
    )


def _type(fields: Sequence[Field]) -> FieldType:
    """Return the narrowest type that takes the values of all fields."""
    types = {field.type for field in fields}
    types -= {kind for kind in types if rules_of(kind).wider in types}
    return types.pop() if len(types) == 1 else "any"


def _union(fields: Sequence[Field]) -> tuple[Any, ...] | None:
    """Return all values of all enums; None where one of the fields is free (numbers: then the range alone says what is taken)."""
    if any(field.enum is None for field in fields):
        return None
    return tuple(dict.fromkeys(value for field in fields for value in field.enum or ()))


def _bound(fields: Sequence[Field], name: str, pick: Callable[..., Any]) -> Any:
    """Return the outermost limit; none where a field has none, its enum's ends counting as limits of a number."""
    found = []
    for field in fields:
        value = getattr(field, name)
        numbers = [item for item in field.enum or () if isinstance(item, int | float) and not isinstance(item, bool)]
        if value is None and name in {"minimum", "maximum"} and numbers:
            value = pick(numbers)
        if value is None:
            return None
        found.append(value)
    return pick(found)
