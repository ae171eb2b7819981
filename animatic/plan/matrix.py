"""Expands the matrix of a pipeline into its variants, and names them.

As in GitHub Actions: axes make a cross product; an ``include`` extends every combination that it does not contradict, and where there is
none it makes one of its own. Unlike there, ``exclude`` is applied last, so it can also take away what ``include`` brought.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from animatic.errors import KeyPath
from animatic.plan.model import step_key
from animatic.plan.problems import ProblemCollector
from animatic.plan.templates import TemplateContext, TemplateError, mentions
from animatic.spec.model import MatrixSpec
from animatic.suggest import nearest

MAX_VARIANTS = 1000
"""Variants of one pipeline. More is taken for a mistake: the bill would be one, too."""
_MAX_NAME_LENGTH = 80


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """One combination of matrix values; ``name`` is a folder name, empty where the pipeline has no matrix."""

    name: str = ""
    values: Mapping[str, Any]

    def key(self, shot: str) -> str:
        """Return the key of a shot's step in this variant."""
        return step_key(self.name, shot)


ONLY = Variant(values={})
"""The one variant of a pipeline without a matrix."""


def resolve_matrix(matrix: MatrixSpec | None, context: TemplateContext, problems: ProblemCollector) -> tuple[Variant, ...]:
    """Return the variants of a pipeline; none where the matrix is wrong (reported). Its values may be templates of params and run."""
    if matrix is None:
        return (ONLY,)
    ours = problems.for_pipeline()
    count = size(matrix.axes) + len(matrix.include)
    if count > MAX_VARIANTS:
        message = f"the matrix makes {count:,} variants; at most {MAX_VARIANTS:,} are allowed"
        ours.add(message, matrix.path, code="matrix", hint="use fewer values, or several pipelines")
        return ()
    axes = {
        axis: tuple(_rendered(value, context, (*matrix.path, axis, index), ours) for index, value in enumerate(values))
        for axis, values in matrix.axes.items()
    }
    _check_excludes(matrix, ours)
    variants = expand(axes, matrix.include, matrix.exclude)
    if not variants:
        hint = "its excludes take all of them away" if matrix.exclude else "give every axis at least one value"
        ours.add("the matrix leaves no variant", matrix.path, code="matrix", hint=hint)
    return variants


def uncertain_axes(matrix: MatrixSpec | None, sample_params: frozenset[str]) -> frozenset[str]:
    """Return the axes with a value that is made from a parameter without a value."""
    axes = matrix.axes if matrix is not None else {}
    return frozenset(
        axis
        for axis, values in axes.items()
        if any(isinstance(value, str) and mentions(value, "params", sample_params) for value in values)
    )


def _rendered(value: Any, context: TemplateContext, path: KeyPath, problems: ProblemCollector) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return context.render(value).value
    except TemplateError as mistake:
        problems.add(f"matrix: {mistake.message}", path, code="template", hint=mistake.hint)
        return value


def _check_excludes(matrix: MatrixSpec, problems: ProblemCollector) -> None:
    known = {*matrix.axes, *(key for entry in matrix.include for key in entry)}
    for index, entry in enumerate(matrix.exclude):
        for key in entry:
            if key not in known:
                close = nearest(key, known)
                hint = f"did you mean {close[0]!r}?" if close else f"the axes are {', '.join(matrix.axes)}"
                path = (*matrix.path, "exclude", index, key)
                problems.add(f"the matrix has no axis {key!r} to exclude by", path, code="matrix", hint=hint)


def size(axes: Mapping[str, Sequence[Any]]) -> int:
    """Return how many combinations the axes make, without making them."""
    return math.prod(len(values) for values in axes.values()) if axes else 0


def expand(
    axes: Mapping[str, Sequence[Any]], include: Iterable[Mapping[str, Any]] = (), exclude: Iterable[Mapping[str, Any]] = ()
) -> tuple[Variant, ...]:
    """Return the variants in order of declaration, the last axis running fastest."""
    combinations = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())] if axes else []
    originals = [dict(combination) for combination in combinations]
    for entry in include:
        extended = False
        for combination, original in zip(combinations, originals, strict=False):
            if all(original.get(key, value) == value for key, value in entry.items()):
                combination.update(entry)
                extended = True
        if not extended:
            combinations.append(dict(entry))
    taken_away = tuple(exclude)
    kept = [combination for combination in combinations if not any(_matches(combination, entry) for entry in taken_away)]
    return tuple(Variant(name=name, values=values) for name, values in zip(_names(kept), kept, strict=True))


def _matches(combination: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
    return all(key in combination and combination[key] == value for key, value in entry.items())


def _names(combinations: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a folder name each: readable, different also on file systems that ignore case."""
    names: list[str] = []
    used: set[str] = set()
    for values in combinations:
        name = "-".join(_word(key, value) for key, value in values.items()) or "variant"
        if len(name) > _MAX_NAME_LENGTH:
            digest = hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()[:8]
            name = f"{name[: _MAX_NAME_LENGTH - 9].rstrip('-.')}-{digest}"
        unique = name
        for number in itertools.count(2):
            if unique.lower() not in used:
                break
            unique = f"{name}-{number}"
        used.add(unique.lower())
        names.append(unique)
    return names


def _word(key: str, value: Any) -> str:
    if isinstance(value, bool | int | float) or value is None:
        text = f"{key}-{json.dumps(value)}"
    elif isinstance(value, str):
        text = re.sub(r"(?<=\d):(?=\d)", "x", value)
    else:
        text = json.dumps(value, sort_keys=True, default=str)
    return re.sub(r"[^A-Za-z0-9._]+", "-", text).strip("-.") or key
