"""Decode the matrix of a pipeline: axes of values, of mappings or of a param, and what is added or taken away."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from animatic.spec.model import MatrixSpec, ParamSpec
from animatic.spec.section import Section, describe, is_template
from animatic.suggest import did_you_mean

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_ONE_PARAM = re.compile(r"\s*\{\{-?\s*params\.(\w+)\s*-?\}\}\s*\Z")
_EXAMPLE = "write 'matrix: {aspect_ratio: [16:9, 9:16], language: [en, de]}'"


def decode_matrix(pipeline: Section, params: Mapping[str, ParamSpec]) -> MatrixSpec | None:
    """Read ``matrix`` of a pipeline."""
    declared = pipeline.mapping("matrix", hint=_EXAMPLE)
    if declared is None:
        return None
    section = pipeline.below("matrix", declared, pipeline.label)
    axes: dict[str, tuple[Any, ...] | str] = {}
    for name, values in declared.items():
        if name in {"include", "exclude"}:
            continue
        if not _NAME.match(name):
            hint = "a name holds letters, digits and '_': templates say matrix.name"
            section.note(f"'{name}' cannot be the name of an axis", name, key=True, hint=hint, code="name")
        axes[name] = _axis(section, name, values, params)
    include = tuple(_combination(section, "include", index, item) for index, item in section.mappings("include", hint=_example("include")))
    exclude = tuple(_combination(section, "exclude", index, item) for index, item in section.mappings("exclude", hint=_example("exclude")))
    if not axes and not include and not any(key in declared for key in ("include", "exclude")):
        pipeline.note("the matrix has no axes", "matrix", key=True, hint=_EXAMPLE, code="empty")
    _check_exclude(section, axes, include, exclude)
    return MatrixSpec(path=section.path, axes=axes, include=include, exclude=exclude)


def _axis(section: Section, name: str, values: Any, params: Mapping[str, ParamSpec]) -> tuple[Any, ...] | str:
    if isinstance(values, str) and is_template(values):
        return _template(section, name, values, params)
    if not isinstance(values, list) or not values:
        written = section.written(values, name) if isinstance(values, (str, int, float)) else "a, b"
        section.wrong(name, "a list of at least one value", hint=f"write '{name}: [{written}]'")
        return ()
    found: list[Any] = []
    for index, value in enumerate(values):
        if not _is_value(value):
            hint = "an axis holds text, numbers, true, false and mappings of them"
            section.note(f"a value of '{name}' is {describe(value)}", name, index, hint=hint, code="type")
        elif any(value == other and type(value) is type(other) for other in found):
            shown = section.written(value, name, index) if _is_scalar(value) else describe(value)
            section.note(f"{shown} is listed twice in '{name}'", name, index, hint="remove one", code="duplicate")
        else:
            found.append(value)
    return tuple(found)


def _template(section: Section, name: str, text: str, params: Mapping[str, ParamSpec]) -> str | tuple[()]:
    """Check a template that is to yield the values of an axis; a param's type tells before any run whether it does."""
    param = params.get(match[1]) if (match := _ONE_PARAM.match(text)) else None
    if param is not None and param.type != "list":
        hint = f"declare the param with 'type: list', or write '{name}: [\"{text.strip()}\"]' for one value"
        related = ((section.document.place(param.path, key=True), f"'{param.name}' is declared here"),)
        section.note(
            f"'{name}' needs a list, and param '{param.name}' is of type {param.type}", name, hint=hint, code="type", related=related
        )
        return ()
    return text


def _combination(section: Section, key: str, index: int, item: Mapping[str, Any]) -> Mapping[str, Any]:
    if not item:
        section.note(f"this {key} is empty", key, index, hint=_example(key), code="empty")
    for name, value in item.items():
        if not _is_value(value):
            section.note(f"'{name}' is {describe(value)}", key, index, name, hint="write text, a number, true or false", code="type")
    return {name: value for name, value in item.items() if _is_value(value)}


def _check_exclude(
    section: Section,
    axes: Mapping[str, tuple[Any, ...] | str],
    include: tuple[Mapping[str, Any], ...],
    exclude: tuple[Mapping[str, Any], ...],
) -> None:
    known = dict.fromkeys([*axes, *(name for item in include for name in item)])
    written = section.values.get("exclude")
    positions = [index for index, item in enumerate(written) if isinstance(item, dict)] if isinstance(written, list) else []
    for index, item in zip(positions, exclude, strict=True):
        for name, value in item.items():
            values = axes.get(name, ())
            if name not in known:
                hint = did_you_mean(name, known) if known else _EXAMPLE
                message = f"the matrix has no axis '{name}' to exclude by"
                section.note(message, "exclude", index, name, key=True, hint=hint, code="unknown-key")
            elif any(
                isinstance(other, str) and is_template(other) for other in (values, value, *values, *(added.get(name) for added in include))
            ):
                continue  # what it comes out as is known to a run
            elif not any(fits(other, value) for other in (*values, *(added[name] for added in include if name in added))):
                section.note(
                    f"this excludes nothing: '{name}' is never {_shown(value)}",
                    "exclude",
                    index,
                    name,
                    hint=f"it is one of {', '.join(_shown(option) for option in values)}" if values else None,
                    code="unused",
                    severity="warning",
                )


def fits(value: Any, wanted: Any) -> bool:
    """Tell whether a value of an axis is the one that an ``include`` or ``exclude`` means: of a mapping, the parts that it names."""
    if isinstance(value, Mapping) and isinstance(wanted, Mapping):
        return all(part in value and value[part] == item for part, item in wanted.items())
    return bool(value == wanted)


def _shown(value: Any) -> str:
    """Return a value as YAML writes it."""
    return f"{{{', '.join(f'{part}: {item}' for part, item in value.items())}}}" if isinstance(value, Mapping) else str(value)


def _is_value(value: Any) -> bool:
    """Tell whether a value may stand on an axis: a scalar, or a mapping of scalars."""
    return _is_scalar(value) or (isinstance(value, dict) and bool(value) and all(_is_scalar(part) for part in value.values()))


def _is_scalar(value: Any) -> bool:
    return isinstance(value, (str, int, float)) and value != ""


def _example(key: str) -> str:
    return f"write '{key}: [{{aspect_ratio: 1:1, language: de}}]'"
