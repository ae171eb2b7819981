"""Convert the JSON Schema of a request body, as OpenAPI 3.1 documents write it, to fields: references, unions, nullable types.

Raises ConversionError for what cannot be read; never follows a reference in circles.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from animatic.catalog.codec import descriptions
from animatic.catalog.model import MEDIA_BY_FIELD, Field, FieldType, media_of
from animatic.catalog.types import type_named

MAX_DEPTH = 16
MAX_STEPS = 5000
"""Schemas looked at per body: references can multiply a small document without end."""

_LIMITS = {
    "minimum": "minimum",
    "maximum": "maximum",
    "exclusiveMinimum": "exclusive_minimum",
    "exclusiveMaximum": "exclusive_maximum",
    "multipleOf": "multiple_of",
}
_COUNTS = {
    "minLength": "min_length",
    "maxLength": "max_length",
    "minItems": "min_items",
    "maxItems": "max_items",
}


class ConversionError(ValueError):
    """A schema that this module cannot read; the message names the place."""


@dataclass(slots=True)
class _Source:
    """The document that references lead into, and how many schemas may still be looked at."""

    document: Mapping[str, Any]
    left: int = MAX_STEPS


def convert_body(schema: Any, document: Mapping[str, Any]) -> dict[str, Field]:
    """Return the fields of a request body's schema; ``document`` is where its ``$ref`` lead."""
    source = _Source(document)
    body = _resolve(schema, source, "body", 0)
    properties = _mapping(body.get("properties", {}), "body")
    required = _names(body.get("required", ()))
    return {name: _convert(value, source, name, required=name in required) for name, value in properties.items()}


def convert(schema: Any, pattern: str, *, required: bool = False) -> Field:
    """Return one field without references; ``pattern`` is its path with items as ``[]``, which decides what media a URI is."""
    return _convert(schema, _Source({}), pattern, required=required)


def _convert(schema: Any, source: _Source, pattern: str, *, required: bool = False, depth: int = 0) -> Field:
    if schema is True or schema == {}:
        return _untyped(pattern, required=required)
    node = _resolve(schema, source, pattern, depth)
    branches, nullable = _branches(node, source, pattern, depth)
    if len(branches) == 1:
        node = {**{key: value for key, value in node.items() if key not in {"anyOf", "oneOf"}}, **branches[0]}
        branches = []
    enum = _enum(node, branches)
    if enum is not None:
        branches = [] if all("const" in branch or "enum" in branch for branch in branches) else branches
        nullable = nullable or (None in enum and len(enum) > 1)
        enum = tuple(value for value in enum if value is not None) or (None,)
    kind, null_type = _type(node, enum, pattern)
    if enum == (None,) or (null_type and kind == "any"):
        enum, nullable = (None,), True
    if kind == "any" and any(map(_is_uri, branches)) and all(map(_is_text, branches)):
        kind = "string"  # an address, or the empty text
    spelt = any(map(_is_uri, branches)) or (pattern in MEDIA_BY_FIELD and enum is None)
    uri = _is_uri(node) or (kind == "string" and spelt)
    name = pattern.rpartition(".")[2]
    properties = node.get("properties")
    inner = _names(node.get("required", ()))
    return Field(
        type=kind,
        description=descriptions().get(name) or _text(node.get("description")),
        required=required,
        nullable=nullable or null_type,
        default=node.get("default"),
        has_default="default" in node,
        enum=enum,
        pattern=_pattern(node.get("pattern")),
        format=None if uri else node.get("format") if isinstance(node.get("format"), str) else None,
        deprecated=node.get("deprecated") is True,
        media=media_of(pattern) if uri else None,
        items=_convert(node["items"], source, f"{pattern}[]", depth=depth + 1) if kind == "array" and "items" in node else None,
        properties=None
        if properties is None
        else {
            key: _convert(value, source, f"{pattern}.{key}", required=key in inner, depth=depth + 1)
            for key, value in _mapping(properties, pattern).items()
        },
        closed=node.get("additionalProperties") is False,
        one_of=tuple(replace(_convert(branch, source, pattern, depth=depth + 1), description="") for branch in branches),
        **_bounds(node, pattern),
    )


def _untyped(pattern: str, *, required: bool) -> Field:
    """Return a field of which only the name is known: a reference where the name says so, anything otherwise."""
    text = descriptions().get(pattern, "")
    if pattern in MEDIA_BY_FIELD:
        return Field(type="string", media=MEDIA_BY_FIELD[pattern], required=required, description=text)
    if f"{pattern}[]" in MEDIA_BY_FIELD:
        items = Field(type="string", media=MEDIA_BY_FIELD[f"{pattern}[]"])
        return Field(type="array", items=items, required=required, description=text)
    return Field(type="any", required=required, description=text)


def _resolve(schema: Any, source: _Source, where: str, depth: int) -> dict[str, Any]:
    """Follow ``$ref`` and merge ``allOf`` until a plain schema is left."""
    source.left -= 1
    if source.left < 0:
        raise ConversionError(f"{where}: more than {MAX_STEPS} schemas")
    if depth > MAX_DEPTH:
        raise ConversionError(f"{where}: nested deeper than {MAX_DEPTH}")
    node = _mapping(schema, where)
    if "$ref" in node:
        rest = {key: value for key, value in node.items() if key != "$ref"}
        return {**_resolve(_target(node["$ref"], source.document, where), source, where, depth + 1), **rest}
    if "allOf" in node:
        merged: dict[str, Any] = {key: value for key, value in node.items() if key != "allOf"}
        for part in _sequence(node["allOf"], where):
            for key, value in _resolve(part, source, where, depth + 1).items():
                if key == "properties":
                    merged[key] = {**merged.get(key, {}), **_mapping(value, where)}
                elif key == "required":
                    merged[key] = [*merged.get(key, ()), *_names(value)]
                else:
                    merged.setdefault(key, value)
        return merged
    return node


def _target(reference: Any, document: Mapping[str, Any], where: str) -> Any:
    if not isinstance(reference, str) or not reference.startswith("#/"):
        raise ConversionError(f"{where}: reference {reference!r} leads out of the document")
    node: Any = document
    for part in reference[2:].split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(node, Mapping) or key not in node:
            raise ConversionError(f"{where}: reference {reference!r} leads nowhere")
        node = node[key]
    return node


def _branches(node: Mapping[str, Any], source: _Source, where: str, depth: int) -> tuple[list[dict[str, Any]], bool]:
    """Return the alternatives of a union, nested unions flattened, null taken out; and whether null was among them."""
    found: list[dict[str, Any]] = []
    nullable = False
    for key in ("anyOf", "oneOf"):
        for part in _sequence(node.get(key, ()), where):
            branch = _resolve(part, source, where, depth + 1)
            if "anyOf" in branch or "oneOf" in branch:
                inner, null = _branches(branch, source, where, depth + 1)
                found += inner
                nullable = nullable or null
            elif branch.get("type") == "null":
                nullable = True
            else:
                found.append(branch)
    return found, nullable


def _enum(node: Mapping[str, Any], branches: Sequence[Mapping[str, Any]]) -> tuple[Any, ...] | None:
    if "const" in node:
        return (node["const"],)
    if isinstance(node.get("enum"), list):
        return tuple(node["enum"])
    if branches and all("const" in branch or isinstance(branch.get("enum"), list) for branch in branches):
        return tuple(value for branch in branches for value in (branch["enum"] if "enum" in branch else [branch["const"]]))
    return None


def _is_uri(node: Mapping[str, Any]) -> bool:
    return node.get("format") in {"uri", "uri-reference", "url"}


def _is_text(branch: Mapping[str, Any]) -> bool:
    values = branch.get("enum", [branch.get("const")])
    return branch.get("type") == "string" or (isinstance(values, list) and all(isinstance(value, str) for value in values))


def _type(node: Mapping[str, Any], enum: tuple[Any, ...] | None, where: str) -> tuple[FieldType, bool]:
    """Return the field's type, and whether null is allowed beside it."""
    raw = node.get("type")
    names = [raw] if isinstance(raw, str) else list(_sequence(raw or (), where))
    null = "null" in names
    names = [name for name in names if name != "null"]
    if len(names) == 1:
        known = type_named(names[0], node.get("format"))
        if known is None:
            raise ConversionError(f"{where}: type {names[0]!r}")
        return known, null
    if enum and not names:
        if all(isinstance(value, str) for value in enum):
            return "string", null
        if all(isinstance(value, int | float) and not isinstance(value, bool) for value in enum):
            return "number", null
    if not names and "properties" in node:
        return "object", null
    if not names and "items" in node:
        return "array", null
    return "any", null


def _bounds(node: Mapping[str, Any], where: str) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, name in _LIMITS.items():
        value = node.get(key)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ConversionError(f"{where}: {key} is {value!r}")
        out[name] = value
    for key, name in _COUNTS.items():
        value = node.get(key)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ConversionError(f"{where}: {key} is {value!r}")
        out[name] = value
    return out


def _pattern(value: Any) -> str | None:
    """Return a pattern that Python can run; one written for another dialect is left out rather than refused."""
    if not isinstance(value, str):
        return None
    try:
        re.compile(value)
    except re.error:
        return None
    return value


def _text(value: Any) -> str:
    return " ".join(value.split())[:300] if isinstance(value, str) else ""


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise ConversionError(f"{where}: a mapping is due")
    return value


def _sequence(value: Any, where: str) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        raise ConversionError(f"{where}: a list is due")
    return value


def _names(value: Any) -> tuple[str, ...]:
    return tuple(name for name in value if isinstance(name, str)) if isinstance(value, list | tuple) else ()
