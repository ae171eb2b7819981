"""What a check of a request body finds, and the words for it.

Values are shown as a YAML author wrote them: text in quotes and cut when long, ``true`` and ``null`` as such.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from animatic.catalog.model import Field, Model
from animatic.catalog.store import Catalog
from animatic.errors import KeyPath, Severity

_SHOWN = 40
_MANY = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One mistake or warning in a request body. ``path`` is its place in the body; ``on_key``: the key is at fault, not the value."""

    path: KeyPath
    message: str
    hint: str | None = None
    code: str = "invalid"
    severity: Severity = "error"
    on_key: bool = False


def spell(path: KeyPath) -> str:
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


_FEW = 3


def closest(name: str, names: Iterable[str]) -> str | None:
    """Return the name that was probably meant: the same but for case and separators, else the most similar one."""
    known = list(names)
    plain = _plain(name)
    for candidate in known:
        if _plain(candidate) == plain:
            return candidate
    found = difflib.get_close_matches(name, known, n=1, cutoff=0.7)
    return found[0] if found else None


def snake(name: str) -> str:
    """Return ``start_image`` for ``startImage``."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def elsewhere(catalog: Catalog | None, model: Model, name: str) -> str | None:
    """Return which other models of the kind have the field, None where none has."""
    if catalog is None:
        return None
    owners = [
        other.name for other in catalog.models(model.kind) if other.name != model.name and name in other.fields and not other.withdrawn
    ]
    if not owners:
        return None
    rest = len(owners) - _FEW
    return f"'{name}' is a field of {', '.join(owners[:_FEW])}" + (f" and {rest} more" if rest > 0 else "")


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


def accepts(field: Field, value: Any) -> bool:
    """Whether a field takes a number or text, its enum and its range considered."""
    if isinstance(value, bool) or value is None:
        return False
    if isinstance(value, str):
        return field.type == "string" and (field.enum is None or value in field.enum)
    if field.type not in {"number", "integer"} or (field.type == "integer" and value != math.floor(value)):
        return False
    if field.enum is not None:
        return value in field.enum
    return (
        (field.minimum is None or value >= field.minimum)
        and (field.maximum is None or value <= field.maximum)
        and (field.exclusive_minimum is None or value > field.exclusive_minimum)
        and (field.exclusive_maximum is None or value < field.exclusive_maximum)
    )


def taker(catalog: Catalog | None, model: Model, name: str, value: Any, body: Mapping[str, Any]) -> str | None:
    """Return a model of the same kind that takes the value, with its limit: ``lightricks/ltx-video-2.3-22b (20)``.

    The one whose limit is nearest to the value comes first, then one with a known price, then one that has more of the body's other fields.
    """
    if catalog is None:
        return None
    best: tuple[tuple[float, ...], str] | None = None
    for other in catalog.models(model.kind):
        field = other.fields.get(name)
        if field is None or other.withdrawn or other.name == model.name or not accepts(field, value):
            continue
        bound = _bound(field, model.fields[name], value)
        if bound is None and not isinstance(value, str):
            continue
        missing = sum(key not in other.fields for key in body)
        rank = (0.0 if bound is None else abs(bound - value), other.price is None, missing)
        text = other.name if bound is None else f"{other.name} ({number(bound)})"
        if best is None or rank < best[0]:
            best = (rank, text)
    return best[1] if best else None


def _bound(field: Field, refused: Field, value: Any) -> float | None:
    """Return the other model's limit on the side where the value was refused."""
    if isinstance(value, str):
        return None
    high = max(refused.enum) if refused.enum else refused.maximum
    if high is not None and value > high:
        return max(field.enum) if field.enum else field.maximum
    if field.enum:
        return float(value)
    return field.minimum if refused.minimum is not None and value < refused.minimum else float(value)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
