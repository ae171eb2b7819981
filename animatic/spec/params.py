"""Decode the params of a pipeline, and check the values that are given for them."""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Mapping
from typing import Any, assert_never

from animatic.errors import Problem
from animatic.spec.keys import PARAM, RESERVED_PARAMS
from animatic.spec.model import PARAM_TYPES, ParamSpec, ParamType, PipelineSpec
from animatic.spec.section import YES_NO, Section, describe
from animatic.suggest import did_you_mean, nearest

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
_OTHER_TYPES: dict[str, ParamType] = {
    "str": "string",
    "text": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "double": "number",
}
"""Names that people give to a type."""


class NotThatTypeError(ValueError):
    """A value is not of the type, or not one of the values, that a param takes. The message completes 'param x ...'."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


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
            shown = value if isinstance(value, (str, int, float)) and not isinstance(value, bool) else "..."
            section.note(
                f"param '{name}' must be a mapping, and it is {describe(value)}",
                name,
                hint=f"write '{name}: {{default: {shown}}}'",
                code="type",
            )
            value = {}  # noqa: PLW2901 - go on as if nothing had been said of it
        specs[name] = _decode(section.below(name, value, f"{pipeline.label}, param '{name}'"), name)
    return specs


def coerce_params(spec: PipelineSpec, given: Mapping[str, Any], *, text: bool = False) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """Return a value for every param of a pipeline, defaults filled in, and what is wrong with those given.

    ``text``: values are texts of a command line and are read by the param's type; otherwise they are typed already (JSON, YAML). A param
    with a problem is left out of the result.
    """
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    for name in given:
        if name not in spec.params:
            hint = did_you_mean(name, spec.params) if spec.params else "this pipeline has no params"
            problems.append(Problem(f"pipeline '{spec.name}' has no param '{name}'", hint=hint, code="unknown-param"))
    for name, param in spec.params.items():
        place = spec.document.place(param.path, key=True)
        if name in given:
            try:
                values[name] = check_value(param, _from_text(param, given[name]) if text else given[name])
            except NotThatTypeError as error:
                related = ((place, f"'{name}' is declared here"),)
                problems.append(Problem(f"pipeline '{spec.name}': param '{name}' {error}", hint=error.hint, code="param", related=related))
        elif param.required:
            problems.append(
                Problem(
                    f"pipeline '{spec.name}' needs a value for the param '{name}'",
                    hint=f"give it with --param {name}=..., or declare a default",
                    code="missing-param",
                    related=((place, f"'{name}' is declared here, without a default"),),
                )
            )
        else:
            values[name] = param.default
    return values, tuple(problems)


def check_value(param: ParamSpec, value: Any) -> Any:
    """Return a typed value as the param takes it (5.0 is 5 to numbers of both kinds). Raises NotThatTypeError."""
    value = _typed(param.type, value)
    if param.enum is not None and value not in param.enum:
        options = [str(option) for option in param.enum]
        close = nearest(str(value), options)
        hint = f"did you mean {' or '.join(close)}?" if close else f"use {' or '.join(options)}"
        raise NotThatTypeError(f"must be one of {', '.join(options)}, and it is {describe(value)}", hint=hint)
    if param.minimum is not None and value < param.minimum:
        raise NotThatTypeError(f"must be {param.minimum:g} or more, and it is {value}", hint=f"use {param.minimum:g} or more")
    if param.maximum is not None and value > param.maximum:
        raise NotThatTypeError(f"must be {param.maximum:g} or less, and it is {value}", hint=f"use {param.maximum:g} or less")
    return value


def python_type(kind: ParamType) -> type[str | int | float | bool]:
    """Return the class of a param's values."""
    match kind:
        case "string":
            return str
        case "integer":
            return int
        case "number":
            return float
        case "boolean":
            return bool
        case _:
            assert_never(kind)


def _typed(kind: ParamType, value: Any) -> Any:
    match kind:
        case "string" if isinstance(value, str):
            return value
        case "boolean" if isinstance(value, bool):
            return value
        case "number" if _is_number(value):
            return int(value) if value == int(value) else value
        case "integer" if _is_number(value) and value == int(value):
            return int(value)
        case "string" | "boolean" | "number" | "integer":
            due, hint = _due(kind, value)
            raise NotThatTypeError(f"must be {due}, and it is {describe(value)}", hint=hint)
        case _:
            assert_never(kind)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _due(kind: ParamType, value: Any) -> tuple[str, str | None]:
    """Return what is due where a value is of another type, and what to write, where that is plain."""
    hint = None
    match kind:
        case "string":
            if isinstance(value, (int, float)):
                hint = f'quote it: "{describe(value) if isinstance(value, bool) else value}"'
            return "text", hint
        case "boolean":
            if isinstance(value, str) and value.lower() in YES_NO:
                hint = f"write {str(YES_NO[value.lower()]).lower()}, without quotes"
            return "true or false", hint
        case "number":
            return "a number", hint
        case "integer":
            if _is_number(value):
                hint = f"use {int(value)} or {int(value) + 1}, or declare the type number"
            return "a whole number", hint
        case _:
            assert_never(kind)


def _from_text(param: ParamSpec, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = value.strip()
    match param.type:
        case "string":
            return value
        case "boolean":
            return YES_NO.get(text.lower(), value)
        case "integer" | "number":
            try:
                return int(text) if re.fullmatch(r"[-+]?\d{1,300}", text) else float(text)
            except ValueError:
                return value
        case _:
            assert_never(param.type)


def _decode(section: Section, name: str) -> ParamSpec:
    section.check_keys(PARAM)
    kind = _type(section)
    minimum, maximum = _bound(section, "minimum", kind), _bound(section, "maximum", kind)
    if minimum is not None and maximum is not None and minimum > maximum:
        section.note(f"minimum {minimum:g} is above maximum {maximum:g}", "minimum", hint="exchange the two", code="range")
        minimum = maximum = None
    bare = ParamSpec(name=name, type=kind, path=section.path, required=True, minimum=minimum, maximum=maximum)
    enum = _enum(section, bare)
    choosing = ParamSpec(name=name, type=kind, path=section.path, required=True, enum=enum, minimum=minimum, maximum=maximum)
    default = None
    if "default" in section.values:
        try:
            default = check_value(choosing, section.values["default"])
        except NotThatTypeError as error:
            section.note(f"the default {error}", "default", hint=error.hint, code="type")
    description = section.text("description") if section.values.get("description") != "" else ""
    return ParamSpec(
        name=name,
        type=kind,
        path=section.path,
        required="default" not in section.values,
        default=default,
        enum=enum,
        description=description or "",
        minimum=minimum,
        maximum=maximum,
    )


def _type(section: Section) -> ParamType:
    written = section.values.get("type")
    if "type" in section.values:
        for kind in PARAM_TYPES:
            if written == kind:
                return kind
        other = _OTHER_TYPES.get(written) if isinstance(written, str) else None
        section.wrong("type", f"one of {', '.join(PARAM_TYPES)}", hint=f"write 'type: {other}'" if other else None)
    # What people leave out, the default or the choices tell.
    choices = section.values.get("enum")
    sample = section.values.get("default", choices[0] if isinstance(choices, list) and choices else "")
    if isinstance(sample, bool):
        return "boolean"
    if isinstance(sample, int):
        return "integer"
    return "number" if isinstance(sample, float) else "string"


def _bound(section: Section, key: str, kind: ParamType) -> float | None:
    if key not in section.values:
        return None
    value = section.values[key]
    if python_type(kind) not in (int, float):
        section.note(f"only numbers have a {key}, and this param is of type {kind}", key, key=True, hint="remove it", code="range")
        return None
    if _is_number(value):
        return float(value)
    section.wrong(key, "a number")
    return None


def _enum(section: Section, bare: ParamSpec) -> tuple[Any, ...] | None:
    if "enum" not in section.values:
        return None
    options = section.values["enum"]
    if not isinstance(options, list) or not options:
        section.wrong("enum", "a list of at least one value", hint="write 'enum: [golden, noir]'")
        return None
    found: list[Any] = []
    for index, option in enumerate(options):
        try:
            value = check_value(bare, option)
        except NotThatTypeError as error:
            section.note(f"a value of enum {error}", "enum", index, hint=error.hint, code="type")
            continue
        if value in found:
            section.note(f"{value} is listed twice", "enum", index, hint="remove one", code="duplicate")
        else:
            found.append(value)
    return tuple(found) or None
