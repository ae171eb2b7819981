"""What a cell means to a field of a model, and how a value is written into a cell: the two undo each other."""

from __future__ import annotations

import json
import re
from typing import Any

from animatic.catalog.model import Field
from animatic.catalog.types import accepts
from animatic.spec.section import YES_NO

_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)?\Z")
_SEPARATORS = ("\n", ";", ",")
"""Of the items of a list in one cell: the first that occurs counts."""
_AS_TIME = re.compile(r"0?(\d+):0?(\d+)(?::00)?(?: ?[AaPp][Mm])?\Z")
"""What spreadsheets make of a ratio."""


def value_of(field: Field | None, text: str) -> Any:
    """Return what a text that is not blank means to a field (None: one whose type is not known).

    What does not fit the field stays text: the check of the whole says what is wrong with it.
    """
    structure = _structure(text)
    if field is None:
        return text if structure is None else structure
    if field.media is not None and field.type == "string":
        return text.strip() if structure is None else structure
    match field.type:
        case "string":
            return text if field.enum is None else _choice(field, text.strip())
        case "number" | "integer":
            return number_in(text)
        case "boolean":
            return YES_NO.get(text.strip().lower(), text)
        case "array":
            return [value_of(field.items, part) for part in items_in(text)] if structure is None else structure
        case "object" | "any":
            return text if structure is None else structure


def cell_of(value: Any) -> str:
    """Return a value as one cell."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return json.dumps(value).removesuffix(".0")
    if value and isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        joined = [separator.join(value) for separator in ("; ", "\n")]
        found = next((text for text in joined if items_in(text) == list(value) and _structure(text) is None), None)
        if found is not None:
            return found
    return json.dumps(value, ensure_ascii=False)


def items_in(text: str) -> list[str]:
    """Return the items of a list that is written into one cell: ``a.png; b.png``, also with commas or line ends."""
    separator = next((sign for sign in _SEPARATORS if sign in text), "\n")
    return [part.strip() for part in text.split(separator) if part.strip()]


def number_in(text: str) -> int | float | str:
    """Return the number that a text is, with a point or a comma; the text where it is none."""
    written = text.strip()
    if not _NUMBER.match(written):
        return text
    return float(written.replace(",", ".")) if re.search("[.,]", written) else int(written)


def _choice(field: Field, text: str) -> Any:
    """Return the choice of a field that a text means, in any case; ``16:09``, which a spreadsheet made of 16:9, included."""
    if accepts(field, text) or not field.enum:
        return text
    alike = next((choice for choice in field.enum if str(choice).lower() == text.lower()), None)
    if alike is not None:
        return alike
    time = _AS_TIME.match(text)
    ratio = f"{time[1]}:{time[2]}" if time else text
    return ratio if ratio in field.enum else text


def _structure(text: str) -> list[Any] | dict[str, Any] | None:
    """Return the list or mapping that a text is in JSON; None for any other text."""
    if not text.lstrip().startswith(("[", "{")):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list | dict) else None
