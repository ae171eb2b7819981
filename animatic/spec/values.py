"""Checks the values that are given for params: typed ones from a file or Prefect, texts from a command line."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, assert_never

from animatic.errors import Problem
from animatic.spec.model import ParamSpec, ParamType, PipelineSpec
from animatic.spec.section import YES_NO, describe, is_template
from animatic.suggest import did_you_mean, nearest

_PLACEHOLDER = re.compile(r"\{\{(\s*)([\w.\-\[\]$]+)(\s*)\}\}")
"""What Prefect takes for a placeholder."""


class NotThatTypeError(ValueError):
    """A value is not of the type, or not one of the values, that a param takes. The message completes 'param x ...'.

    ``unquoted``: the value would do if the file had it in quotes.
    """

    def __init__(self, message: str, *, hint: str | None = None, unquoted: bool = False) -> None:
        super().__init__(message)
        self.hint = hint
        self.unquoted = unquoted


def coerce_params(spec: PipelineSpec, given: Mapping[str, Any], *, text: bool = False) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """Return a value for every param of a pipeline, defaults filled in, and what is wrong with those given.

    ``text``: values may be texts of a command line and are read by the param's type; otherwise they are typed already (JSON, YAML). A param
    with a problem is left out of the result. Templates that the file holds (`templates_of`) are returned as they stand.
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
                values[name] = check_value(param, from_text(param, given[name]) if text else given[name])
            except NotThatTypeError as error:
                related = ((place, f"'{name}' is declared here"),)
                advice = "give it as text" if error.unquoted else error.hint
                problems.append(Problem(f"pipeline '{spec.name}': param '{name}' {error}", hint=advice, code="param", related=related))
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


def templates_of(spec: PipelineSpec, name: str) -> frozenset[str]:
    """Return the templates that the file itself gives for a param: its default, and the values of schedules.

    Only these are ever rendered: what a person types in a form or on the command line is text, whatever it looks like.
    """
    written = [spec.params[name].default, *(schedule.params.get(name) for schedule in spec.schedules)]
    texts = [text for text in written if isinstance(text, str) and is_template(text)]
    return frozenset([*texts, *(shielded(text) for text in texts)])


def shielded(text: str) -> str:
    """Return a template that means the same and is none to Prefect, whose ``prefect deploy`` fills in ``{{ names }}`` of its own."""
    return _PLACEHOLDER.sub(r"{{\1(\2)\3}}", text)


def check_value(param: ParamSpec, value: Any) -> Any:
    """Return a typed value as the param takes it (5.0 is 5 to numbers of both kinds). Raises NotThatTypeError."""
    if param.type == "list":
        if not isinstance(value, list):
            raise NotThatTypeError(f"must be a list, and it is {describe(value)}", hint="write [one, another]")
        return [_checked(param, param.items, item) for item in value]
    return _checked(param, param.type, value)


def python_type(kind: ParamType) -> type[str | int | float | bool | list[Any]]:
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
        case "list":
            return list
        case _:
            assert_never(kind)


def is_number(value: Any) -> bool:
    """Tell whether a value is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def from_text(param: ParamSpec, value: Any) -> Any:
    """Return what a text of a command line means to a param: ``Lisbon,Porto`` or ``["Lisbon", "Porto"]`` is a list. Others stay."""
    if not isinstance(value, str):
        return value
    if param.type != "list":
        return _scalar_from_text(param.type, value)
    text = value.strip()
    if text.startswith("["):
        try:
            return json.loads(text)
        except ValueError:
            raise NotThatTypeError("is not a list as JSON writes it", hint='write Lisbon,Porto or ["Lisbon", "Porto"]') from None
    return [_scalar_from_text(param.items, item.strip()) for item in text.split(",")] if text else []


def _checked(param: ParamSpec, kind: ParamType, value: Any) -> Any:
    value = _typed(kind, value)
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


def _typed(kind: ParamType, value: Any) -> Any:
    match kind:
        case "string" if isinstance(value, str):
            return value
        case "boolean" if isinstance(value, bool):
            return value
        case "number" if is_number(value):
            return int(value) if value == int(value) else value
        case "integer" if is_number(value) and value == int(value):
            return int(value)
        case "string" | "boolean" | "number" | "integer" | "list":
            due, hint = _due(kind, value)
            unquoted = kind == "string" and isinstance(value, (int, float))
            raise NotThatTypeError(f"must be {due}, and it is {describe(value)}", hint=hint, unquoted=unquoted)
        case _:
            assert_never(kind)


def _due(kind: ParamType, value: Any) -> tuple[str, str | None]:
    """Return what is due where a value is of another type, and what to write, where that is plain."""
    match kind:
        case "string":
            return "text", None
        case "boolean":
            meant = YES_NO.get(value.lower()) if isinstance(value, str) else None
            return (
                "true or false",
                "write true or false, without quotes" if meant is None else f"write {str(meant).lower()}, without quotes",
            )
        case "number":
            return "a number", _number_hint(value)
        case "integer":
            if is_number(value):
                return "a whole number", f"use {int(value)} or {int(value) + 1}, or declare the type number"
            return "a whole number", _number_hint(value)
        case "list":
            return "text or a number", None
        case _:
            assert_never(kind)


def _number_hint(value: Any) -> str:
    text = value.strip() if isinstance(value, str) else ""
    return f"write {text}, without quotes" if re.fullmatch(r"[-+]?\d+(\.\d+)?", text) else "write a number such as 5"


def _scalar_from_text(kind: ParamType, value: str) -> Any:
    text = value.strip()
    match kind:
        case "string" | "list":
            return value
        case "boolean":
            return YES_NO.get(text.lower(), value)
        case "integer" | "number":
            try:
                return int(text) if re.fullmatch(r"[-+]?\d{1,300}", text) else float(text)
            except ValueError:
                return value
        case _:
            assert_never(kind)
