"""Rules of each field type: its JSON Schema form, its name in messages, the test of a value, the reading of template text.

`rules_of` is total: a type that is added to `animatic.catalog.model.FieldType` fails the type check here until every rule is given. Two
more places tell the types apart and fail with it: the descent into lists and mappings (`animatic.catalog.check`) and the simulator's own
reading of the API (`animatic.simulator.checks`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, assert_never
from uuid import UUID

from animatic.catalog.finding import listed, show
from animatic.catalog.model import FIELD_TYPES, Field, FieldType

Test = Callable[[Any], bool]

UNQUOTED = "write it in quotes:"
"""Begins the hint for a number that was meant to be text."""
_MAX_QUOTED = 40
"""Characters of a value that a hint repeats."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TypeRules:
    """Everything that differs between field types, apart from the check of what is inside lists and mappings."""

    name: str
    """In a table of fields: ``text``."""
    due: str
    """In a message, with its article: ``a whole number``."""
    schema: Mapping[str, str]
    """In JSON Schema and OpenAPI; empty where any value goes."""
    nested: bool = False
    """True for lists and mappings, whose values have fields of their own."""
    wider: FieldType | None = None
    """The type that takes all values of this one beside its own."""
    fits: Test
    """Tell whether a value is of the type, limits aside."""
    test: Callable[[Field], Test]
    """Make the test of a field's values, limits included, what is inside lists and mappings aside."""
    from_template: Callable[[Any], Any]
    """Return what a template yielded as a value of the type, where the meaning is plain; otherwise as it came."""
    hint: Callable[[Field, Any], str | None]
    """Return what to write instead of a value of another type."""


def rules_of(kind: FieldType) -> TypeRules:
    """Return the rules of a field type."""
    match kind:
        case "string":
            return _STRING
        case "number":
            return _NUMBER
        case "integer":
            return _INTEGER
        case "boolean":
            return _BOOLEAN
        case "array":
            return _ARRAY
        case "object":
            return _OBJECT
        case "any":
            return _ANY
        case _:
            assert_never(kind)


def type_named(name: str, form: Any = None) -> FieldType | None:
    """Return the field type of a ``type`` of JSON Schema, told apart by its ``format`` where a type has one; None where there is none."""
    schemas = ({"type": name, "format": form}, {"type": name})
    return next((kind for schema in schemas for kind in FIELD_TYPES if rules_of(kind).schema == schema), None)


def schema_of(field: Field) -> dict[str, Any]:
    """Return ``{"type": ...}`` of a field as JSON Schema has it, null beside it where the field may be null; empty where any value goes."""
    form: dict[str, Any] = dict(rules_of(field.type).schema)
    if form and field.nullable:
        form["type"] = [form["type"], "null"]
    return form


def fits(field: Field, value: Any) -> bool:
    """Tell whether a value is of the field's type, limits aside; where media is due, that is text."""
    return isinstance(value, str) if field.media is not None else rules_of(field.type).fits(value)


def accepts(field: Field, value: Any) -> bool:
    """Tell whether a field is known to take a number or text, its limits considered."""
    if isinstance(value, bool) or value is None or field.type == "any":
        return False
    return rules_of(field.type).test(field)(value)


def is_uuid(text: str) -> bool:
    """Tell whether the text is a UUID."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def is_multiple(value: float, step: float) -> bool:
    """Tell whether a number is a whole multiple of a step, rounding of binary fractions aside."""
    return math.isclose(value / step, round(value / step), rel_tol=0, abs_tol=1e-9)


def _instance_of(*classes: type) -> Test:
    return lambda value: isinstance(value, classes) and not isinstance(value, bool)


_is_list = _instance_of(list, tuple)
_is_mapping = _instance_of(Mapping)


def _is_whole(value: Any) -> bool:
    return not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))


def _text_test(field: Field) -> Test:
    low, high = field.min_length or 0, math.inf if field.max_length is None else field.max_length
    values = None if field.enum is None else frozenset(field.enum)
    pattern = None if field.pattern is None else re.compile(field.pattern)
    if values is not None:
        return lambda value: type(value) is str and value in values
    if pattern is None and field.format != "uuid":
        return lambda value: type(value) is str and low <= len(value) <= high

    def test(value: Any) -> bool:
        if type(value) is not str or not low <= len(value) <= high or (pattern is not None and not pattern.search(value)):
            return False
        return field.format != "uuid" or is_uuid(value)

    return test


def _number_test(field: Field) -> Test:
    low = -math.inf if field.minimum is None else field.minimum
    high = math.inf if field.maximum is None else field.maximum
    above, below, step = field.exclusive_minimum, field.exclusive_maximum, field.multiple_of
    values = None if field.enum is None else tuple(field.enum)
    whole = field.type == "integer"

    def test(value: Any) -> bool:
        kind = type(value)
        if (kind is not int and kind is not float) or not low <= value <= high:
            return False
        if kind is float and (not math.isfinite(value) or (whole and not value.is_integer())):
            return False
        if values is not None and value not in values:
            return False
        return (above is None or value > above) and (below is None or value < below) and (step is None or is_multiple(value, step))

    return test


def _boolean_test(field: Field) -> Test:
    values = (True, False) if field.enum is None else field.enum
    return lambda value: type(value) is bool and value in values


def _any_test(field: Field) -> Test:
    if field.enum is not None:
        values = field.enum
        return lambda value: any(type(value) is type(item) and value == item for item in values)
    return lambda value: not (isinstance(value, float) and not math.isfinite(value))


def _as_text(value: Any) -> Any:
    return str(value).lower() if isinstance(value, int | float) else value


def _as_number(value: Any) -> Any:
    if isinstance(value, str):
        for kind in (int, float):
            try:
                return kind(value.strip())
            except ValueError:
                continue
    return value


def _as_boolean(value: Any) -> Any:
    word = value.strip().lower() if isinstance(value, str) else None
    return word == "true" if word in {"true", "false"} else value


def _text_hint(field: Field, value: Any) -> str | None:
    if field.enum is not None:
        return f"use one of {listed(field.enum, most=24)}"
    return f'{UNQUOTED} "{show(value)}"' if isinstance(value, int | float) else "write one text, in quotes"


def _number_hint(_field: Field, value: Any) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if re.fullmatch(r"[+-]?\d+(\.\d+)?", text):
        return f"write it without quotes: {text}"
    digits = re.fullmatch(r"(\d+(?:\.\d+)?)\s*[a-z]+", text.lower())
    return f"write the number alone: {digits[1]}" if digits else "write a number such as 5"


def _integer_hint(field: Field, value: Any) -> str:
    return f"use {math.floor(value)} or {math.ceil(value)}" if isinstance(value, float) else _number_hint(field, value)


def _boolean_hint(_field: Field, _value: Any) -> str:
    return "write true or false, without quotes"


def _list_hint(_field: Field, value: Any) -> str:
    return f"write a list: [{value}]" if isinstance(value, str) and len(value) <= _MAX_QUOTED else "write a list: [..., ...]"


def _mapping_hint(field: Field, _value: Any) -> str:
    return f"write names and values: {{{next(iter(field.properties or ()), 'name')}: ...}}"


def _no_hint(_field: Field, _value: Any) -> None:
    return None


def _unchanged(value: Any) -> Any:
    return value


_STRING = TypeRules(
    name="text",
    due="text",
    schema={"type": "string"},
    fits=_instance_of(str),
    test=_text_test,
    from_template=_as_text,
    hint=_text_hint,
)
_NUMBER = TypeRules(
    name="number",
    due="a number",
    schema={"type": "number"},
    fits=_instance_of(int, float),
    test=_number_test,
    from_template=_as_number,
    hint=_number_hint,
)
_INTEGER = TypeRules(
    name="integer",
    due="a whole number",
    schema={"type": "integer"},
    wider="number",
    fits=_is_whole,
    test=_number_test,
    from_template=_as_number,
    hint=_integer_hint,
)
_BOOLEAN = TypeRules(
    name="boolean",
    due="true or false",
    schema={"type": "boolean"},
    fits=lambda value: isinstance(value, bool),
    test=_boolean_test,
    from_template=_as_boolean,
    hint=_boolean_hint,
)
_ARRAY = TypeRules(
    name="array",
    due="a list",
    schema={"type": "array"},
    nested=True,
    fits=_is_list,
    test=lambda _: _is_list,
    from_template=_unchanged,
    hint=_list_hint,
)
_OBJECT = TypeRules(
    name="mapping",
    due="a mapping",
    schema={"type": "object"},
    nested=True,
    fits=_is_mapping,
    test=lambda _: _is_mapping,
    from_template=_unchanged,
    hint=_mapping_hint,
)
_ANY = TypeRules(
    name="any",
    due="a value",
    schema={},
    fits=lambda _: True,
    test=_any_test,
    from_template=_unchanged,
    hint=_no_hint,
)
