"""Check a request body against a model's entry: every mistake is found, each with its path in the body.

A model's checks are compiled once into closures; a body without mistakes costs one call per value, and words are made on a mistake only.
References (values at URI fields) are skipped unless asked for: while planning they stand for what does not exist yet.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, assert_never

from animatic.catalog import messages
from animatic.catalog.finding import Finding
from animatic.catalog.model import Field, Model
from animatic.catalog.store import Catalog
from animatic.catalog.types import Test, rules_of
from animatic.errors import KeyPath

Check = Callable[[Any, KeyPath, list[Finding]], None]

_MAX_COMPILED = 512
"""Models whose checks are kept."""
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

    ``besides`` are fields that are sent without a check (``extra_body``): they count as given. With a ``catalog``, hints also name other
    models.
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
    if model.kind == "3d":
        found += messages.no_source(model, body, besides)
    if catalog is not None and found:
        found = [messages.advised(finding, model, body, catalog) for finding in found]
    yield from found


def _checks(model: Model, *, skip_references: bool) -> tuple[Mapping[str, Check], frozenset[str]]:
    key = (id(model), skip_references)
    known = _compiled.get(key)
    if known is None or known[0] is not model:  # the entry keeps its model alive, so an id is never reused while it is here
        if len(_compiled) >= _MAX_COMPILED:
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
    if field.media is not None and skip_references:
        return _nothing
    if field.media is not None and not field.one_of:
        return _scalar(field, model, _is_url(field))
    if field.one_of:
        return _union(field, model, skip_references=skip_references)
    match field.type:
        case "array":
            return _array(field, model, skip_references=skip_references)
        case "object":
            return _object(field, model, skip_references=skip_references)
        case "string" | "number" | "integer" | "boolean" | "any":
            return _scalar(field, model, rules_of(field.type).test(field))
        case _:
            assert_never(field.type)


def _nothing(_value: Any, _path: KeyPath, _out: list[Finding]) -> None:
    """Skip a reference: whoever resolves it checks it."""


def _scalar(field: Field, model: Model, test: Test) -> Check:
    nullable = field.nullable

    def check(value: Any, path: KeyPath, out: list[Finding]) -> None:
        if not test(value) and not (nullable and value is None):
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
                out.append(messages.unknown_key(field, model, name, path, empty=element is None))
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


def _is_url(field: Field) -> Test:
    high = math.inf if field.max_length is None else field.max_length
    return lambda value: type(value) is str and messages.URL.match(value) is not None and len(value) <= high
