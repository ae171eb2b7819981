"""Decode the params of a pipeline: their types, defaults and choices."""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from animatic.spec.keys import PARAM, RESERVED_PARAMS
from animatic.spec.model import PARAM_TYPES, ParamSpec, ParamType
from animatic.spec.section import Section, describe, is_template
from animatic.spec.values import NotThatTypeError, check_value, is_number, python_type
from animatic.suggest import did_you_mean

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
_OTHER_TYPES: dict[str, ParamType] = {
    "str": "string",
    "text": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "double": "number",
    "array": "list",
}
"""Names that people give to a type."""


def decode_params(pipeline: Section) -> dict[str, ParamSpec]:
    """Read ``params`` of a pipeline."""
    declared = pipeline.mapping("params", hint="write 'params: {city: {type: string, default: Lisbon}}'")
    specs: dict[str, ParamSpec] = {}
    section = pipeline.below("params", declared or {}, pipeline.label)
    for name, value in section.values.items():
        if not _NAME.match(name) or keyword.iskeyword(name):
            section.note(
                f"'{name}' cannot be the name of a param",
                name,
                key=True,
                hint="a name starts with a letter, holds letters, digits and '_', and is no word of Python: templates say params.name",
                code="name",
            )
        elif name in RESERVED_PARAMS:
            section.note(
                f"the name '{name}' is taken: every flow has an option of that name",
                name,
                key=True,
                hint=f"call it '{name}_take', for example",
                code="name",
            )
        if not isinstance(value, dict):
            shown = section.written(value, name) if isinstance(value, (str, int, float)) else "..."
            section.note(
                f"param '{name}' must be a mapping, and it is {describe(value)}",
                name,
                hint=f"write '{name}: {{default: {shown}}}'",
                code="type",
            )
            value = {}  # noqa: PLW2901 - go on as if nothing had been said of it
        specs[name] = _decode(section.below(name, value, f"{pipeline.label}, param '{name}'"), name)
    return specs


def _decode(section: Section, name: str) -> ParamSpec:
    section.check_keys(PARAM)
    kind = _type(section)
    minimum, maximum = _bound(section, "minimum", kind), _bound(section, "maximum", kind)
    if minimum is not None and maximum is not None and minimum > maximum:
        section.note(f"minimum {minimum:g} is above maximum {maximum:g}", "minimum", hint="exchange the two", code="range")
        minimum = maximum = None
    bare = ParamSpec(name=name, type=kind, items=_items(section), path=section.path, required=True, minimum=minimum, maximum=maximum)
    choosing = replace(bare, enum=_enum(section, bare))
    description = section.text("description") if section.values.get("description") != "" else ""
    return replace(choosing, required="default" not in section.values, default=_default(section, choosing), description=description or "")


def _default(section: Section, param: ParamSpec) -> Any:
    if "default" not in section.values:
        return None
    value = section.values["default"]
    if refuse_template(section, param, value, "default"):
        return None
    try:
        return check_value(param, value)
    except NotThatTypeError as error:
        hint = section.quoting(value, "default") if error.unquoted and not isinstance(value, list) else error.hint
        section.note(f"the default {error}", "default", hint=hint, code="type")
    return None


def refuse_template(section: Section, param: ParamSpec, value: Any, *path: str | int) -> bool:
    """Note a template where the value of a param cannot be one: a form in Prefect's UI checks numbers and choices as they stand."""
    if not any(isinstance(part, str) and is_template(part) for part in (value if isinstance(value, list) else [value])):
        return False
    if param.type == "string" and param.enum is None:
        return False
    what = "with an enum" if param.enum is not None else f"of type {param.type}"
    section.note(f"a param {what} takes no template", *path, hint="write the value; params of type string take templates", code="template")
    return True


def _type(section: Section) -> ParamType:
    written = section.values.get("type")
    if "type" in section.values:
        for kind in PARAM_TYPES:
            if written == kind:
                return kind
        text = written if isinstance(written, str) else ""
        other = _OTHER_TYPES.get(text)
        section.wrong(
            "type", f"one of {', '.join(PARAM_TYPES)}", hint=f"write 'type: {other}'" if other else did_you_mean(text, PARAM_TYPES)
        )
    # What people leave out, the default or the choices tell.
    choices = section.values.get("enum")
    sample = section.values.get("default", choices[0] if isinstance(choices, list) and choices else "")
    return "list" if isinstance(sample, list) else _kind_of([sample])


def _items(section: Section) -> ParamType:
    """Return the type of a list's items, which its default or its choices tell."""
    samples = [item for key in ("default", "enum") if isinstance(items := section.values.get(key), list) for item in items]
    return _kind_of(samples)


def _kind_of(samples: Sequence[Any]) -> ParamType:
    """Return the narrowest type that takes all of some values; text where there are none."""
    classes = {type(sample) for sample in samples}
    if classes == {bool}:
        return "boolean"
    if classes == {int}:
        return "integer"
    return "number" if classes and classes <= {int, float} else "string"


def _bound(section: Section, key: str, kind: ParamType) -> float | None:
    if key not in section.values:
        return None
    value = section.values[key]
    if python_type(kind) not in (int, float):
        section.note(f"only numbers have a {key}, and this param is of type {kind}", key, key=True, hint="remove it", code="range")
        return None
    if is_number(value):
        return float(value)
    section.wrong(key, "a number", hint=f"write it without quotes, as in '{key}: 5'")
    return None


def _enum(section: Section, bare: ParamSpec) -> tuple[Any, ...] | None:
    if "enum" not in section.values:
        return None
    options = section.values["enum"]
    if not isinstance(options, list) or not options:
        section.wrong("enum", "a list of at least one value", hint="write 'enum: [golden, noir]'")
        return None
    one = replace(bare, type=bare.items) if bare.type == "list" else bare
    found: list[Any] = []
    for index, option in enumerate(options):
        if isinstance(option, str) and is_template(option):
            section.note("a value of enum takes no template", "enum", index, hint="write the value", code="template")
            continue
        try:
            value = check_value(one, option)
        except NotThatTypeError as error:
            hint = section.quoting(option, "enum", index) if error.unquoted else error.hint
            section.note(f"a value of enum {error}", "enum", index, hint=hint, code="type")
            continue
        if value in found:
            section.note(f"{value} is listed twice", "enum", index, hint="remove one", code="duplicate")
        else:
            found.append(value)
    return tuple(found) or None
