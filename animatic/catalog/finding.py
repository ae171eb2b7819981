"""What a check of a request body finds, and the words for it.

Values are shown as a YAML author wrote them: text in quotes and cut when long, ``true`` and ``null`` as such.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from animatic.catalog.model import Field
from animatic.errors import Severity

Path = tuple[str | int, ...]

_SHOWN = 40
_MANY = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One mistake or warning in a request body. ``path`` is its place in the body; ``on_key``: the key is at fault, not the value."""

    path: Path
    message: str
    hint: str | None = None
    code: str = "invalid"
    severity: Severity = "error"
    on_key: bool = False


def spell(path: Path) -> str:
    """Return ``reference_images[0].url`` for ``("reference_images", 0, "url")``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def show(value: Any) -> str:
    """Return a value as a person would read it aloud."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value}'" if len(value) <= _SHOWN else f"'{value[: _SHOWN - 1]}…'"
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, list | tuple) else f"a {type(value).__name__}"


def number(value: float) -> str:
    """Return a number without a needless ``.0``."""
    text = json.dumps(value)
    return text.removesuffix(".0")


def listed(values: Iterable[Any], *, most: int = _MANY) -> str:
    """Return ``480p, 720p``; a long list is cut with the number of what is left out."""
    shown = [value if isinstance(value, str) else show(value) for value in values]
    rest = len(shown) - most
    return ", ".join(shown[:most]) + (f" and {rest} more" if rest > 0 else "")


def article(field: Field) -> str:
    """Return the type that is due, with its article."""
    return {
        "string": "text",
        "number": "a number",
        "integer": "a whole number",
        "boolean": "true or false",
        "array": "a list",
        "object": "a mapping",
        "any": "a value",
    }[field.type]


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
