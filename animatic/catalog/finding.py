"""A mistake or warning in a request body, and the words for the values and limits in it.

Values are shown as a YAML author wrote them: text in quotes and cut when long, ``true`` and ``null`` as such.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from animatic.catalog.model import Field
from animatic.errors import KeyPath, Severity

Code = Literal[
    "unknown-field",
    "retired-name",
    "removed-field",
    "missing",
    "wrong-type",
    "out-of-range",
    "not-in-enum",
    "too-long",
    "too-short",
    "too-many",
    "too-few",
    "bad-format",
    "unknown-key",
    "deprecated-field",
    "disputed-field",
    "no-effect",
]
"""The kind of a finding, for tools."""
_MAX_SHOWN = 40
"""Characters of a text that a message quotes."""
_MAX_LISTED = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One mistake or warning in a request body. ``path`` is its place in the body; ``on_key``: it is about the key, not the value."""

    path: KeyPath
    message: str
    code: Code
    hint: str | None = None
    severity: Severity = "error"
    on_key: bool = False


def show(value: Any) -> str:
    """Return a value as a person would read it aloud."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value}'" if len(value) <= _MAX_SHOWN else f"'{value[: _MAX_SHOWN - 1]}…'"
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, list | tuple) else f"a {type(value).__name__}"


def number(value: float) -> str:
    """Return a number without a needless ``.0``."""
    return json.dumps(value).removesuffix(".0")


def listed(values: Iterable[Any], *, most: int = _MAX_LISTED) -> str:
    """Return ``480p, 720p``; a long list is cut with the number of what is left out."""
    shown = [value if isinstance(value, str) else show(value) for value in values]
    rest = len(shown) - most
    return ", ".join(shown[:most]) + (f" and {rest} more" if rest > 0 else "")


def limits(field: Field) -> str:
    """Return a number's range in words: ``1 to 15``, ``at least 0.1``, ``more than 0``; empty where there is none."""
    low = None if field.minimum is None else number(field.minimum)
    high = None if field.maximum is None else number(field.maximum)
    if low is not None and high is not None:
        return f"{low} to {high}"
    parts = [] if low is None else [f"at least {low}"]
    if field.exclusive_minimum is not None:
        parts.append(f"more than {number(field.exclusive_minimum)}")
    if high is not None:
        parts.append(f"at most {high}")
    if field.exclusive_maximum is not None:
        parts.append(f"less than {number(field.exclusive_maximum)}")
    return ", ".join(parts)


def nearest_value(field: Field, value: float) -> str | None:
    """Return the value within the field's limits that is nearest to one outside of them; two where both are as near."""
    if field.enum is not None:
        numbers = [item for item in field.enum if isinstance(item, int | float) and not isinstance(item, bool)]
        if not numbers:
            return None
        gap = min(abs(item - value) for item in numbers)
        return " or ".join(number(item) for item in numbers if abs(item - value) == gap)
    if field.minimum is not None and value < field.minimum:
        return number(field.minimum)
    if field.maximum is not None and value > field.maximum:
        return number(field.maximum)
    if field.exclusive_minimum is not None and value <= field.exclusive_minimum:
        return f"more than {number(field.exclusive_minimum)}"
    if field.exclusive_maximum is not None and value >= field.exclusive_maximum:
        return f"less than {number(field.exclusive_maximum)}"
    return None
