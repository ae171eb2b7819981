"""Knows where each field of a request was written, and reports what is wrong with it there."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from animatic.catalog import Finding
from animatic.catalog.model import Model
from animatic.catalog.types import UNQUOTED
from animatic.errors import KeyPath
from animatic.plan.problems import ProblemCollector
from animatic.plan.profile import ProfileLayer
from animatic.plan.templates import TemplateContext
from animatic.spec.keys import SHARED, SHOT
from animatic.spec.model import FallbackSpec, MatrixSpec, ShotSpec
from animatic.suggest import closest


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldOrigins:
    """Knows where each field of one request was written: in its fallback, the profile, its shot, or the defaults."""

    model: Model
    shot: ShotSpec
    defaults: Mapping[str, KeyPath]
    fallback: FallbackSpec | None = None
    layer: ProfileLayer | None = None
    cast: Mapping[KeyPath, tuple[str, KeyPath]] = field(default_factory=dict)
    """Places in the body that the cast filled -> the member, and where it is written."""

    def member(self, path: KeyPath) -> tuple[str, KeyPath] | None:
        """Return the member of the cast that filled a place of the body, and where that is written."""
        return next((self.cast[path[:length]] for length in range(len(path), 1, -1) if path[:length] in self.cast), None)

    def of(self, path: KeyPath) -> KeyPath:
        """Return the place in the document of a value of the body."""
        if self.cast and (filled := self.member(path)):
            return filled[1]
        if self.fallback is not None and path[0] in self.fallback.fields:
            return (*self.fallback.path, *path)
        if self.in_profile(path[0]):
            assert self.layer is not None
            return (*self.layer.overlay.path, *path)
        if path[0] in self.shot.fields:
            return (*self.shot.path, *path)
        return (*self.defaults.get(str(path[0]), (*self.shot.path, path[0])), *path[1:])

    def in_profile(self, name: str | int) -> bool:
        """Tell whether a field that the fallback does not set was written in the profile."""
        return self.layer is not None and name in self.layer.overlay.fields


def report_finding(
    finding: Finding,
    body: Mapping[str, Any],
    origins: FieldOrigins,
    related: list[tuple[KeyPath, str]],
    problems: ProblemCollector,
) -> None:
    """Report one finding where it was caused: in the fallback, the profile, the shot, or the default."""
    shot, fallback, path = origins.shot, origins.fallback, finding.path
    name = str(path[0])
    message, hint, at_key = finding.message, finding.hint, finding.on_key
    where = origins.of(path)
    if filled := origins.member(path):
        used = [((*shot.path, "id"), f"used by shot {shot.id!r}")]
        theirs = problems.for_member(filled[0])
        theirs.add(message, where, code=finding.code, hint=hint, severity=finding.severity, related=used)
        return
    cause = _cause_in_profile(name, origins)
    ours = problems.for_shot(shot)
    if finding.code == "unknown-field" and (meant := own_key(name, keys_at(where, shot), origins.model.fields)):
        hint = f"did you mean {meant!r}?"
    if finding.code == "wrong-type" and hint and hint.startswith(UNQUOTED) and (written := problems.spec.document.written(where)):
        hint = f'{UNQUOTED} "{written}"'
    if cause is not None and where[: len(cause)] != cause:
        related = [(where if name in body else (*shot.path, "id"), "the value comes from here" if name in body else "it is here"), *related]
        where, at_key = cause, False
        hint = f"set {name} beside it{', null leaves it out' if name in body else ''}{f': {hint}' if hint else ''}"
    elif cause is not None:
        related = [((*shot.path, "id"), f"used by shot {shot.id!r}"), *related]
    elif name not in body:
        where = (*fallback.path, "model") if fallback else (*shot.path, "id")
        at_key = False
    elif fallback is not None and name not in fallback.fields and origins.in_profile(name):
        related = [((*fallback.path, "model"), "the fallback is here"), *related]
        message = f"its fallback keeps the profile's value, which the fallback's model refuses: {message}"
        hint = f"name a fallback in the profile, or none with `fallback: null`, or give this one a value of {name} of its own"
    elif fallback is not None and name not in fallback.fields:
        related = [(where, "the value comes from here"), *related]
        where = (*fallback.path, "model")
        at_key = False
        message = f"its fallback keeps a value that the fallback's model refuses: {message}"
        hint = f"write {name} here with a value that fits, or `{name}: null` to leave it out"
    elif fallback is None and name not in shot.fields and name in origins.defaults:
        ours = problems
        message = f"default for {origins.model.kind}: {message}"
        related = [((*shot.path, "id"), f"used by shot {shot.id!r}"), *related]
    ours.add(message, where, code=finding.code, hint=hint, key=at_key, severity=finding.severity, related=related)


def own_key(name: str, ours: Collection[str], fields: Collection[str]) -> str | None:
    """Return the key of ``ours`` that is likelier than any of a model's ``fields`` to be meant by a name; None where none is."""
    meant = closest(name.strip(), [*ours, *fields])
    return meant if meant in ours else None


def keys_at(where: KeyPath, shot: ShotSpec) -> Collection[str]:
    """Return the keys of ours that may stand where a field of a shot, or of one of its fallbacks, was written."""
    return SHOT.known if where[:-1] == shot.path else SHARED


def _cause_in_profile(name: str, origins: FieldOrigins) -> KeyPath | None:
    """Return where the profile decides a field of the declared request; None where it has no part in it."""
    layer = origins.layer
    if layer is None or origins.fallback is not None or (name in origins.shot.fields and name not in layer.written.fields):
        return None  # a field that the shot's own model does not have, either, is the shot's mistake
    return layer.cause_of(name)


def matrix_origins(matrix: MatrixSpec | None, template: str, context: TemplateContext) -> list[tuple[KeyPath, str]]:
    """Return the places of the matrix values that a rendered value was made from."""
    if matrix is None or "matrix" not in template:
        return []
    found: list[tuple[KeyPath, str]] = []
    for axis in re.findall(r"\bmatrix\s*(?:\.|\[\s*['\"])\s*(\w+)", template):
        values = matrix.axes.get(axis, ())
        value = context.names["matrix"].get(axis)
        if isinstance(values, str):
            found.append(((*matrix.path, axis), f"matrix.{axis} is {value} here"))
        elif value in values:
            found.append(((*matrix.path, axis, values.index(value)), f"matrix.{axis} is {value} here"))
    return found
