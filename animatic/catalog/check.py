"""Check a request body against a model's entry: every mistake, not the first, each with its path in the body.

A model's checks are compiled once into closures; a body without mistakes costs one call per value, and words are made on a mistake only.
References (values at URI fields) are skipped unless asked for: while planning they stand for what does not exist yet.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any
from uuid import UUID

from animatic.catalog import messages
from animatic.catalog.finding import Finding
from animatic.catalog.model import Field, Model
from animatic.catalog.store import Catalog
from animatic.errors import KeyPath

Check = Callable[[Any, KeyPath, list[Finding]], None]
Quick = Callable[[Any], bool]

_KEPT = 512
_compiled: dict[tuple[int, bool], tuple[Model, Mapping[str, Check], frozenset[str]]] = {}


def check_body(
    model: Model,
    body: Mapping[str, Any],
    *,
    skip_references: bool = True,
    besides: Collection[str] = (),
    catalog: Catalog | None = None,
) -> Iterator[Finding]:
    """Yield every finding about a request body, in the order of the body, what is missing last.

    ``besides`` are fields that are sent without a check (``extra_body``): they count as given. With a ``catalog`` hints also name other models.
    """
    checks, required = _checks(model, skip_references=skip_references)
    found: list[Finding] = []
    for name, value in body.items():
        check = checks.get(name)
        if check is None:
            found.append(messages.unknown_field(model, name, catalog))
        else:
            check(value, (name,), found)
    if not required <= body.keys():
        found += [messages.missing(model, name) for name in model.fields if name in required - body.keys() and name not in besides]
    for rule in model.rules:
        if all(body.get(name, ...) not in (..., [], {}) for name in rule.fields):
            found.append(
                Finding(
                    path=(rule.fields[-1],),
                    message=f"{rule.message} ({model.name})",
                    hint=rule.hint or None,
                    code="no-effect",
                    severity="warning",
                )
            )
    if catalog is not None and found:
        found = [messages.advised(finding, model, body, catalog) for finding in found]
    yield from found


def _checks(model: Model, *, skip_references: bool) -> tuple[Mapping[str, Check], frozenset[str]]:
    key = (id(model), skip_references)
    known = _compiled.get(key)
    if known is None or known[0] is not model:  # the entry keeps its model alive, so an id is never reused while it is here
        if len(_compiled) >= _KEPT:
            _compiled.clear()
        checks = {name: _compile(field, model, skip_references=skip_references) for name, field in model.fields.items()}
        required = frozenset(name for name, field in model.fields.items() if field.required)
        known = _compiled[key] = (model, checks, required)
    return known[1], known[2]


def _compile(field: Field, model: Model, *, skip_references: bool) -> Check:
    check = _plain(field, model, skip_references=skip_references)
    if not (field.caution or field.deprecated):
        return check

    def warned(value: Any, path: KeyPath, out: list[Finding]) -> None:
        before = len(out)
        check(value, path, out)
        if len(out) == before and (warning := messages.warning(field, model, path)) is not None:
            out.append(warning)

    return warned


def _plain(field: Field, model: Model, *, skip_references: bool) -> Check:
    if field.media is not None:
        return _nothing if skip_references else _scalar(field, model, _is_url(field))
    if field.one_of:
        return _union(field, model, skip_references=skip_references)
    if field.type == "array":
        return _array(field, model, skip_references=skip_references)
    if field.type == "object":
        return _object(field, model, skip_references=skip_references)
    return _scalar(field, model, _QUICK[field.type](field))


def _nothing(_value: Any, _path: KeyPath, _out: list[Finding]) -> None:
    """Skip a reference: whoever resolves it checks it."""


def _scalar(field: Field, model: Model, quick: Quick) -> Check:
    nullable = field.nullable

    def check(value: Any, path: KeyPath, out: list[Finding]) -> None:
        if not quick(value) and not (nullable and value is None):
            out.append(messages.scalar(field, model, value, path))

    return check


def _array(field: Field, model: Model, *, skip_references: bool) -> Check:
    low, high, nullable = field.min_items or 0, field.max_items, field.nullable
    item = None if field.items is None else _compile(field.items, model, skip_references=skip_references)

    def check(value: Any, path: KeyPath, out: list[Finding]) -> None:
        if not isinstance(value, list | tuple):
            if not (nullable and value is None):
                out.append(messages.scalar(field, model, value, path))
            return
        if len(value) < low or (high is not None and len(value) > high):
            out.append(messages.count(field, model, value, path))
        if item is not None:
            for index, element in enumerate(value):
                item(element, (*path, index), out)

    return check


def _object(field: Field, model: Model, *, skip_references: bool) -> Check:
    properties = field.properties or {}
    checks = {name: _compile(child, model, skip_references=skip_references) for name, child in properties.items()}
    required = [name for name, child in properties.items() if child.required]
    known, nullable = bool(properties), field.nullable

    def check(value: Any, path: KeyPath, out: list[Finding]) -> None:
        if not isinstance(value, Mapping):
            if not (nullable and value is None):
                out.append(messages.scalar(field, model, value, path))
            return
        for name, element in value.items():
            inner = checks.get(name)
            if inner is not None:
                inner(element, (*path, name), out)
            elif known:
                out.append(messages.unknown_key(field, model, name, path))
        out += [messages.missing_key(model, name, path) for name in required if name not in value]

    return check


def _union(field: Field, model: Model, *, skip_references: bool) -> Check:
    branches = [(branch, _plain(branch, model, skip_references=skip_references)) for branch in field.one_of]

    def check(value: Any, path: KeyPath, out: list[Finding]) -> None:
        if value is None and field.nullable:
            return
        attempts: list[tuple[Field, list[Finding]]] = []
        for branch, attempt in branches:
            found: list[Finding] = []
            attempt(value, path, found)
            if not any(finding.severity == "error" for finding in found):
                out += found
                return
            attempts.append((branch, found))
        out += messages.union(model, value, path, attempts)

    return check


def _is_text(field: Field) -> Quick:
    low, high = field.min_length or 0, math.inf if field.max_length is None else field.max_length
    values = None if field.enum is None else frozenset(field.enum)
    pattern = None if field.pattern is None else re.compile(field.pattern)
    if values is not None:
        return lambda value: type(value) is str and value in values
    if pattern is None and field.format != "uuid":
        return lambda value: type(value) is str and low <= len(value) <= high

    def quick(value: Any) -> bool:
        if type(value) is not str or not low <= len(value) <= high or (pattern is not None and not pattern.search(value)):
            return False
        return field.format != "uuid" or is_uuid(value)

    return quick


def _is_number(field: Field) -> Quick:
    low = -math.inf if field.minimum is None else field.minimum
    high = math.inf if field.maximum is None else field.maximum
    above, below, step = field.exclusive_minimum, field.exclusive_maximum, field.multiple_of
    values = None if field.enum is None else tuple(field.enum)
    whole = field.type == "integer"

    def quick(value: Any) -> bool:
        kind = type(value)
        if (kind is not int and kind is not float) or not low <= value <= high:
            return False
        if kind is float and (not math.isfinite(value) or (whole and not value.is_integer())):
            return False
        if values is not None and value not in values:
            return False
        return (above is None or value > above) and (below is None or value < below) and (step is None or is_multiple(value, step))

    return quick


def _is_boolean(field: Field) -> Quick:
    values = (True, False) if field.enum is None else field.enum
    return lambda value: type(value) is bool and value in values


def _is_any(field: Field) -> Quick:
    if field.enum is not None:
        values = field.enum
        return lambda value: any(type(value) is type(item) and value == item for item in values)
    return lambda value: not (isinstance(value, float) and not math.isfinite(value))


def _is_url(field: Field) -> Quick:
    high = math.inf if field.max_length is None else field.max_length
    return lambda value: type(value) is str and messages.URL.match(value) is not None and len(value) <= high


def is_uuid(text: str) -> bool:
    """Whether the text is a UUID."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def is_multiple(value: float, step: float) -> bool:
    """Whether a number is a whole multiple of a step, rounding of binary fractions aside."""
    return math.isclose(value / step, round(value / step), rel_tol=0, abs_tol=1e-9)


_QUICK: Mapping[str, Callable[[Field], Quick]] = {
    "string": _is_text,
    "number": _is_number,
    "integer": _is_number,
    "boolean": _is_boolean,
    "any": _is_any,
}
