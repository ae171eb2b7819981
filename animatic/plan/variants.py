"""The matrix: which variants of a pipeline there are, and how each is called.

As in GitHub Actions: axes make a cross product; an ``include`` extends every combination that it does not contradict, and where there is none it
makes one of its own. Unlike there, ``exclude`` is applied last, so it can also take away what ``include`` brought.
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

MOST = 1000
"""Variants of one pipeline. More is taken for a mistake: the bill would be one, too."""
_LONGEST = 80


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """One combination of matrix values; ``name`` is a folder name, empty where the pipeline has no matrix."""

    name: str = ""
    values: Mapping[str, Any]

    def key(self, shot: str) -> str:
        """Return the key of a shot's step in this variant."""
        return f"{self.name}/{shot}" if self.name else shot


ONLY = Variant(values={})
"""The one variant of a pipeline without a matrix."""


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
        if len(name) > _LONGEST:
            digest = hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()[:8]
            name = f"{name[: _LONGEST - 9].rstrip('-.')}-{digest}"
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
