"""Findings about a request body in words: the mistake, what the model takes instead, and what to do. Called on a mistake only."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from animatic.catalog.browse import elsewhere, taker
from animatic.catalog.finding import Finding, limits, listed, nearest_value, number, show
from animatic.catalog.model import Field, Model, field_name
from animatic.catalog.price import LENGTH_FIELDS, length_field
from animatic.catalog.store import Catalog
from animatic.catalog.types import fits, rules_of
from animatic.errors import KeyPath
from animatic.suggest import closest, snake

URL = re.compile(r"https?://[^\s/]+|data:[\w/+.-]+;base64,")

_HUMP = re.compile("[a-z0-9][A-Z]")
_UNCHECKED = "to send it all the same, write it under extra_body"
_PATTERNS = {
    "^[a-z][a-z0-9_-]+$": "a lower-case letter first, then lower-case letters, digits, _ and -",
    "^[a-z][a-z0-9_]+$": "a lower-case letter first, then lower-case letters, digits and _",
}


def unknown_field(model: Model, name: str, catalog: Catalog | None) -> Finding:
    """Report a name that the model's body does not have: retired, removed, misspelt or another model's."""
    path: KeyPath = (name,)
    modern = model.aliases.get(name)
    if modern is None and _HUMP.search(name) and (guess := snake(name)) and (guess in model.fields or guess in model.removed):
        modern = guess  # a retired name in Krea's old spelling that its document does not list
    if modern is not None and modern in model.fields:
        since = f" on {model.aliases_until}" if model.aliases_until and name in model.aliases else ""
        return Finding(
            path=path,
            message=f"'{name}' was retired by Krea{since}; the field of {model.name} is '{modern}'",
            hint=f"write {modern}; `animatic fix` rewrites all retired names",
            code="retired-name",
            on_key=True,
        )
    gone = modern or name
    if gone in model.removed:
        successor = model.removed[gone]
        instead = f"write {successor} instead" if successor else "leave it out"
        other = elsewhere(catalog, model, gone)
        return Finding(
            path=path,
            message=f"{model.name} no longer takes '{name}': the field is gone from Krea's API",
            hint=f"{instead}; {other}" if other else instead,
            code="removed-field",
            on_key=True,
        )
    meant = closest(name, model.fields) or (length_field(model) if name in LENGTH_FIELDS else None)
    other = elsewhere(catalog, model, name)
    parts = [f"did you mean '{meant}'?"] if meant else []
    parts += [other] if other else []
    parts += [] if parts else [f"the model takes {listed(model.fields, most=24)}"]
    return Finding(
        path=path,
        message=f"{model.name} has no field '{name}'",
        hint="; ".join([*parts, _UNCHECKED] if not meant else parts),
        code="unknown-field",
        on_key=True,
    )


def missing(model: Model, name: str) -> Finding:
    """Report a required field that the body lacks."""
    field = model.fields[name]
    hint = (
        f"write it under extra_body: {{{name}: ...}}"
        if name == "model"
        else f"add {name}" + (f": {field.description}" if field.description else "")
    )
    if field.enum:
        hint += f" ({listed(field.enum)})"
    return Finding(path=(name,), message=f"{model.name} requires '{name}'", hint=hint, code="missing", on_key=True)


def no_source(model: Model, body: Mapping[str, Any], besides: Collection[str]) -> Iterator[Finding]:
    """Report a mesh that is to be made from pictures, as is the default, and has none; or from a prompt, and has none."""
    field = model.fields.get("input_mode")
    if field is None or "input_mode" in besides:
        return
    mode = body.get("input_mode", field.default)
    pictures = [name for name, item in model.fields.items() if "image" in (item.media, item.items.media if item.items else None)]
    values = {**dict.fromkeys(besides, ...), **body}
    given = {name for name, value in values.items() if value not in ([], "") and (value is not None or name in pictures)}
    if mode == "image" and not given.intersection(pictures):
        yield Finding(
            path=("input_mode",),
            message=f"{model.name} makes its mesh from pictures unless told otherwise, and there is none",
            hint="add image_urls, or write input_mode: text for a mesh from the prompt",
            code="missing",
            severity="warning",
        )
    elif mode == "text" and "prompt" not in given:
        yield Finding(
            path=("input_mode",),
            message=f"{model.name} makes its mesh from the prompt, and there is none",
            hint="add prompt, or write input_mode: image and image_urls",
            code="missing",
            severity="warning",
        )


def missing_key(model: Model, name: str, path: KeyPath) -> Finding:
    """Report a required key that a mapping inside the body lacks."""
    return Finding(
        path=(*path, name), message=f"{field_name(path)} needs a '{name}' for {model.name}", hint=f"add {name}", code="missing", on_key=True
    )


def unknown_key(field: Field, model: Model, name: str, path: KeyPath, *, empty: bool = False) -> Finding:
    """Report a key that a mapping inside the body is not known to have; an ``empty`` one is no field that we do not know, but a slip."""
    known = field.properties or {}
    meant = closest(name, known)
    return Finding(
        path=(*path, name),
        message=f"{field_name(path)} has no key '{name}' that is known for {model.name}",
        hint=f"did you mean '{meant}'?" if meant else f"it takes {listed(known)}",
        code="unknown-key",
        severity="error" if field.closed or empty else "warning",
        on_key=True,
    )


def scalar(field: Field, model: Model, value: Any, path: KeyPath) -> Finding:
    """Report a value that is of the wrong type or outside of its limits."""
    name = field_name(path)
    if value is None:
        return Finding(
            path=path, message=f"{name} must not be null for {model.name}", hint="leave the key out, or give it a value", code="wrong-type"
        )
    if isinstance(value, float) and not math.isfinite(value) and field.type in {"number", "integer"}:
        return Finding(path=path, message=f"{name} must be a finite number", hint="write a number such as 5", code="wrong-type")
    if not fits(field, value):
        return _wrong_type(field, value, path)
    if field.enum is not None and value not in field.enum:
        return _not_in_enum(field, model, value, path)
    if isinstance(value, str):
        return _text(field, model, value, path)
    return _number(field, model, value, path)


def count(field: Field, model: Model, value: Sequence[Any], path: KeyPath) -> Finding:
    """Report a list with too many or too few items."""
    size, name = len(value), field_name(path)
    items = f"{size} {'item' if size == 1 else 'items'}"
    if field.max_items is not None and size > field.max_items:
        hint = f"take {size - field.max_items} out"
        return Finding(path=path, message=f"{name} has {items}, {model.name} takes at most {field.max_items}", hint=hint, code="too-many")
    hint = "leave the key out" if size == 0 and not field.required else f"add {(field.min_items or 0) - size}"
    return Finding(path=path, message=f"{name} has {items}, {model.name} needs at least {field.min_items}", hint=hint, code="too-few")


def union(model: Model, value: Any, path: KeyPath, attempts: Sequence[tuple[Field, list[Finding]]]) -> list[Finding]:
    """Report a value that fits none of several forms: by the form that was meant, where one can be told."""
    if isinstance(value, Mapping):
        keys = [key for branch, _ in attempts for key, child in (branch.properties or {}).items() if child.enum and len(child.enum) == 1]
        for key in dict.fromkeys(keys):
            tags = [tag for branch, _ in attempts for tag in ((branch.properties or {}).get(key) or branch).enum or ()]
            for branch, found in attempts:
                child = (branch.properties or {}).get(key)
                if child is not None and child.enum and key in value and value[key] in child.enum:
                    return found
            if key in value:
                meant = closest(str(value[key]), [tag for tag in tags if isinstance(tag, str)])
                message = f"{field_name((*path, key))} {show(value[key])} is not a value of {model.name} ({listed(tags)})"
                return [Finding(path=(*path, key), message=message, hint=f"did you mean '{meant}'?" if meant else None, code="not-in-enum")]
    return min((found for _, found in attempts), key=len)


def warning(field: Field, model: Model, path: KeyPath) -> Finding | None:
    """Report what to know about a value that is accepted."""
    name = field_name(path)
    if field.caution:
        return Finding(
            path=path,
            message=f"{name} is not certain for {model.name}: {field.caution}",
            code="disputed-field",
            severity="warning",
            on_key=True,
        )
    if field.deprecated:
        return Finding(
            path=path,
            message=f"{name} is deprecated for {model.name}",
            hint="leave it out if you can",
            code="deprecated-field",
            severity="warning",
            on_key=True,
        )
    return None


def advised(finding: Finding, model: Model, body: Mapping[str, Any], catalog: Catalog) -> Finding:
    """Return a finding about a value with the name of a model that takes it, where there is one."""
    if finding.code not in {"out-of-range", "not-in-enum"} or len(finding.path) != 1 or "did you mean" in (finding.hint or ""):
        return finding
    name = str(finding.path[0])
    other = taker(catalog, model, name, body[name], body)
    if other is None:
        return finding
    higher = isinstance(body[name], int | float) and (body[name] > _highest(model.fields[name]))
    that = "goes longer" if name == "duration" and higher else f"takes {show(body[name])}"
    return replace(finding, hint=f"{finding.hint}, or a model that {that}: {other}" if finding.hint else f"a model that {that}: {other}")


def _highest(field: Field) -> float:
    numbers = [item for item in field.enum or () if isinstance(item, int | float)]
    return max(numbers) if numbers else math.inf if field.maximum is None else field.maximum


def _wrong_type(field: Field, value: Any, path: KeyPath) -> Finding:
    rules = rules_of(field.type)
    what = f"text {show(value)}" if isinstance(value, str) else show(value)
    hint = rules.hint(field, value)
    return Finding(path=path, message=f"{field_name(path)} must be {rules.due}, not {what}", hint=hint, code="wrong-type")


def _not_in_enum(field: Field, model: Model, value: Any, path: KeyPath) -> Finding:
    values = field.enum or ()
    if isinstance(value, str):
        meant = closest(value, [item for item in values if isinstance(item, str)])
        hint = f"did you mean '{meant}'?" if meant else None
    else:
        near = nearest_value(field, value) if isinstance(value, int | float) else None
        hint = f"use {near}" if near else None
    return Finding(
        path=path,
        message=f"{field_name(path)} {show(value)} is not a value of {model.name} ({listed(values, most=24)})",
        hint=hint,
        code="not-in-enum",
    )


def _number(field: Field, model: Model, value: float, path: KeyPath) -> Finding:
    near = nearest_value(field, value)
    if near is None and field.multiple_of is not None:
        return Finding(
            path=path,
            message=f"{field_name(path)} {show(value)} is not a multiple of {number(field.multiple_of)} as {model.name} needs",
            hint=f"use {number(round(value / field.multiple_of) * field.multiple_of)}",
            code="out-of-range",
        )
    return Finding(
        path=path,
        message=f"{field_name(path)} {show(value)} is out of range for {model.name} ({limits(field)})",
        hint=f"use {near}" if near else None,
        code="out-of-range",
    )


def _text(field: Field, model: Model, value: str, path: KeyPath) -> Finding:
    name, size = field_name(path), len(value)
    if field.media is not None and not URL.match(value):
        return Finding(path=path, message=f"{name} must be a URL", hint="write https://...", code="bad-format")
    if field.max_length is not None and size > field.max_length:
        return Finding(
            path=path,
            message=f"{name} is {_characters(size)} long, {model.name} takes at most {field.max_length}",
            hint=f"shorten it by {size - field.max_length}",
            code="too-long",
        )
    if field.min_length is not None and size < field.min_length:
        message = f"{name} is empty" if size == 0 else f"{name} is {_characters(size)} long, {model.name} needs at least {field.min_length}"
        return Finding(path=path, message=message, hint=f"write at least {field.min_length}", code="too-short")
    if field.format == "uuid":
        return Finding(
            path=path, message=f"{name} {show(value)} is not a UUID", hint="copy the id from Krea as it stands", code="bad-format"
        )
    hint = _PATTERNS.get(field.pattern or "", f"it must match {field.pattern}" if field.pattern else None)
    return Finding(path=path, message=f"{name} {show(value)} has a form that {model.name} refuses", hint=hint, code="bad-format")


def _characters(size: int) -> str:
    return f"{size} {'character' if size == 1 else 'characters'}"
