"""Check a request body as Krea would: strictly, as its schemas are (no unknown field on any route).

Only the facts of the fields come from the catalogue. What they mean is decided here a second time, so that a mistake of the client's
checks is not repeated by its test peer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, assert_never
from urllib.parse import urlsplit

from animatic.catalog.model import Field, Media, Model, field_name
from animatic.errors import KeyPath

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_ROUNDING = 1e-9
"""A multiple of 0.1 need not be one in binary."""


def mistakes(model: Model, body: Any) -> Iterator[str]:
    """Yield one sentence per mistake in the body; none: it is accepted."""
    if not isinstance(body, dict):
        yield "body: expected object"
        return
    yield from _properties(model.fields, body, (), closed=True)


@dataclass(frozen=True, slots=True)
class MediaPlace:
    """A media field that is set: where, to which address, and what it takes."""

    path: KeyPath
    url: str
    media: Media


def media_places(model: Model, body: Mapping[str, Any]) -> Iterator[MediaPlace]:
    """Yield every media field that is set in an accepted body."""
    for name, value in body.items():
        if name in model.fields:
            yield from _media(model.fields[name], value, (name,))


def spelled(path: KeyPath) -> str:
    """Return ``reference_images[0].url`` for a path, ``body`` for the body as a whole."""
    return field_name(path) or "body"


def _properties(fields: Mapping[str, Field], value: dict[str, Any], path: KeyPath, *, closed: bool) -> Iterator[str]:
    if closed and (unknown := [name for name in value if name not in fields]):
        yield f"{spelled(path)}: unrecognized keys: {', '.join(unknown)}"
    for name, field in fields.items():
        if name in value:
            yield from _value(field, value[name], (*path, name))
        elif field.required:
            yield f"{spelled((*path, name))}: required"


def _value(field: Field, value: Any, path: KeyPath) -> Iterator[str]:
    if value is None and (field.nullable or (field.type == "any" and not field.one_of)):
        return
    if field.one_of:
        if all(next(_value(option, value, path), None) for option in field.one_of):
            yield f"{spelled(path)}: matches none of the allowed forms"
        return
    if not _has_type(field, value):
        yield f"{spelled(path)}: expected {field.type}, received {_type_name(value)}"
        return
    if field.enum is not None and not any(
        value == allowed and isinstance(value, bool) == isinstance(allowed, bool) for allowed in field.enum
    ):
        yield f"{spelled(path)}: expected one of {', '.join(map(str, field.enum))}"
    if isinstance(value, str):
        yield from _string(field, value, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _range(field, value, path)
    elif isinstance(value, list):
        yield from _array(field, value, path)
    elif isinstance(value, dict) and field.properties is not None:
        yield from _properties(field.properties, value, path, closed=field.closed)


def _has_type(field: Field, value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    match field.type:
        case "any":
            return True
        case "string":
            return isinstance(value, str)
        case "number":
            return number
        case "integer":
            return number and value == int(value)
        case "boolean":
            return isinstance(value, bool)
        case "array":
            return isinstance(value, list)
        case "object":
            return isinstance(value, dict)
        case _:
            assert_never(field.type)


def _string(field: Field, value: str, path: KeyPath) -> Iterator[str]:
    if field.min_length is not None and len(value) < field.min_length:
        yield f"{spelled(path)}: too short (at least {field.min_length} characters)"
    if field.max_length is not None and len(value) > field.max_length:
        yield f"{spelled(path)}: too long (at most {field.max_length} characters)"
    if field.pattern is not None and not re.search(field.pattern, value):
        yield f"{spelled(path)}: does not match {field.pattern}"
    if field.format == "uuid" and not _UUID.fullmatch(value):
        yield f"{spelled(path)}: expected a UUID"
    if field.media is not None and not is_web_address(value):
        yield f"{spelled(path)}: expected an absolute http(s) URL"


def _range(field: Field, value: float, path: KeyPath) -> Iterator[str]:
    if field.minimum is not None and value < field.minimum:
        yield f"{spelled(path)}: must be at least {field.minimum:g}"
    if field.exclusive_minimum is not None and value <= field.exclusive_minimum:
        yield f"{spelled(path)}: must be greater than {field.exclusive_minimum:g}"
    if field.maximum is not None and value > field.maximum:
        yield f"{spelled(path)}: must be at most {field.maximum:g}"
    if field.exclusive_maximum is not None and value >= field.exclusive_maximum:
        yield f"{spelled(path)}: must be less than {field.exclusive_maximum:g}"
    if field.multiple_of is not None and abs(value / field.multiple_of - round(value / field.multiple_of)) > _ROUNDING:
        yield f"{spelled(path)}: must be a multiple of {field.multiple_of:g}"


def _array(field: Field, value: list[Any], path: KeyPath) -> Iterator[str]:
    if field.min_items is not None and len(value) < field.min_items:
        yield f"{spelled(path)}: too few items (at least {field.min_items})"
    if field.max_items is not None and len(value) > field.max_items:
        yield f"{spelled(path)}: too many items (at most {field.max_items})"
    if field.items is not None:
        for index, item in enumerate(value):
            yield from _value(field.items, item, (*path, index))


def _media(field: Field, value: Any, path: KeyPath) -> Iterator[MediaPlace]:
    if field.media is not None and isinstance(value, str):
        yield MediaPlace(path, value, field.media)
    elif isinstance(value, list) and field.items is not None:
        for index, item in enumerate(value):
            yield from _media(field.items, item, (*path, index))
    elif isinstance(value, dict):
        for option in (field, *field.one_of):
            for name, inner in (option.properties or {}).items():
                if name in value:
                    yield from _media(inner, value[name], (*path, name))


def is_web_address(text: str) -> bool:
    """Tell whether the text is an absolute http(s) URL with a host."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not any(character.isspace() for character in text)


def _type_name(value: Any) -> str:
    names = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object", type(None): "null"}
    return names.get(type(value), "unknown")
