"""Expands the matrix of a pipeline into its variants, and names them.

As in GitHub Actions: axes make a cross product; an ``include`` extends every combination that it does not contradict, and where there is
none it makes one of its own; a mapping fits where the parts that are named are the same. Unlike there, ``exclude`` is applied last, so it
can also take away what ``include`` brought.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from animatic.errors import KeyPath
from animatic.plan.model import called_by, step_key
from animatic.plan.problems import ProblemCollector
from animatic.plan.scopes import TemplateError
from animatic.plan.templates import TemplateContext, mentions
from animatic.spec.matrix import fits
from animatic.spec.model import MatrixSpec

MAX_VARIANTS = 1000
"""Variants of one pipeline. More is taken for a mistake: the bill would be one, too."""
_MAX_NAME_LENGTH = 80
_MAX_NAME_BYTES = 180
"""File systems take 255 for one name."""


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
    axes = {axis: _values(matrix, axis, values, context, ours) for axis, values in matrix.axes.items()}
    count = size(axes) + len(matrix.include)
    if count > MAX_VARIANTS:
        message = f"the matrix makes {count:,} variants; at most {MAX_VARIANTS:,} are allowed"
        ours.add(message, matrix.path, code="matrix", hint="use fewer values, or several pipelines")
        return ()
    include = _combinations(matrix, "include", matrix.include, context, ours)
    exclude = _combinations(matrix, "exclude", matrix.exclude, context, ours)
    variants = expand(axes, include, exclude)
    if not variants and all(axes.values()):  # an axis without values is a mistake of its own
        hint = "its excludes take all of them away" if matrix.exclude else "give every axis at least one value"
        ours.add("the matrix leaves no variant", matrix.path, code="matrix", hint=hint)
    return variants


def uncertain_axes(matrix: MatrixSpec | None, sample_params: frozenset[str]) -> frozenset[str]:
    """Return the axes with a value that is made from a parameter without a value."""
    written: list[tuple[str, Any]] = []
    if matrix is not None:
        written = [*matrix.axes.items(), *(item for entry in matrix.include for item in entry.items())]
    return frozenset(axis for axis, value in written if any(mentions(text, "params", sample_params) for text in _texts(value)))


def _values(matrix: MatrixSpec, axis: str, written: Sequence[Any], context: TemplateContext, problems: ProblemCollector) -> Sequence[Any]:
    """Return the values of an axis; those of a param's list count once each."""
    path = (*matrix.path, axis)
    if not isinstance(written, str):
        return [_rendered(value, context, (*path, index), problems) for index, value in enumerate(written)]
    values = _rendered(written, context, path, problems)
    if isinstance(values, list) and values and all(_is_value(value) for value in values):
        unique: list[Any] = []
        for value in values:
            if not any(value == other and type(value) is type(other) for other in unique):
                unique.append(value)
        return unique
    if values != written:  # else the template itself is wrong, which is reported
        what = (
            "an empty list" if values == [] else "a list of other things" if isinstance(values, list) else f"{values!r}, which is no list"
        )
        hint = "an axis needs a list of text, numbers, true, false or mappings: a param of type list, or text.split(',')"
        problems.add(f"axis {axis!r} comes out as {what}", path, code="matrix", hint=hint)
    return ()


def _combinations(
    matrix: MatrixSpec, key: str, entries: Sequence[Mapping[str, Any]], context: TemplateContext, problems: ProblemCollector
) -> list[Mapping[str, Any]]:
    return [
        {name: _rendered(value, context, (*matrix.path, key, index, name), problems) for name, value in entry.items()}
        for index, entry in enumerate(entries)
    ]


def _rendered(value: Any, context: TemplateContext, path: KeyPath, problems: ProblemCollector) -> Any:
    if isinstance(value, dict):
        return {key: _rendered(part, context, (*path, key), problems) for key, part in value.items()}
    if not isinstance(value, str):
        return value
    try:
        return context.render(value).value
    except TemplateError as mistake:
        problems.add(f"matrix: {mistake.message}", path, code="template", hint=mistake.hint)
        return value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(part)


def _is_value(value: Any) -> bool:
    if isinstance(value, dict):
        return bool(value) and all(_is_value(part) and not isinstance(part, dict) for part in value.values())
    return isinstance(value, str | int | float) and value != ""


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
            if all(key not in original or fits(original[key], value) for key, value in entry.items()):
                combination.update({key: value for key, value in entry.items() if key not in original})
                extended = True
        if not extended:
            combinations.append(dict(entry))
    taken_away = tuple(exclude)
    kept = [combination for combination in combinations if not any(_matches(combination, entry) for entry in taken_away)]
    return tuple(Variant(name=name, values=values) for name, values in zip(_names(kept), kept, strict=True))


def _matches(combination: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
    return all(key in combination and fits(combination[key], value) for key, value in entry.items())


def _names(combinations: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a folder name each: readable, different also on file systems that ignore case, and the same whatever the others are."""
    names: list[str] = []
    used: set[str] = set()
    for values in combinations:
        name = "-".join(_word(key, value) for key, value in values.items()) or "variant"
        if len(name) > _MAX_NAME_LENGTH or len(name.encode()) > _MAX_NAME_BYTES:
            name = f"{_shortened(name).rstrip('-.')}-{_digest(values)}"
        unique = name
        for number in itertools.count(2):
            if unique.casefold() not in used:
                break
            unique = f"{name}-{number}"
        used.add(unique.casefold())
        names.append(unique)
    return names


def _shortened(name: str) -> str:
    name = name[: _MAX_NAME_LENGTH - 9]
    while len(name.encode()) > _MAX_NAME_BYTES - 9:
        name = name[:-1]
    return name


def _word(key: str, value: Any) -> str:
    """Return what names a value: its letters and digits, of any script. A mapping goes by its name."""
    value = called_by(value)
    if isinstance(value, Mapping):
        return "-".join(_word(part, item) for part, item in value.items())
    if isinstance(value, bool | int | float) or value is None:
        text = f"{key}-{json.dumps(value)}"
    elif isinstance(value, str):
        text = re.sub(r"(?<=\d):(?=\d)", "x", unicodedata.normalize("NFC", value))
    else:
        text = json.dumps(value, sort_keys=True, default=str)
    kept = "".join(character if _is_kept(character) else "-" for character in text)
    return re.sub(r"-{2,}", "-", kept).strip("-.") or f"{key}-{_digest({key: value})}"


def _is_kept(character: str) -> bool:
    """Tell whether a character may be part of a folder name: letters and digits, with the marks that belong to them."""
    return character in "._-" or character.isalnum() or unicodedata.category(character) in {"Mn", "Mc"}


def _digest(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()[:8]
