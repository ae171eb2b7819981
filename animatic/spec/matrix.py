"""The matrix of a pipeline: its axes, and what is added to or taken away from their cross product."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from animatic.spec.model import MatrixSpec
from animatic.spec.nearest import did_you_mean
from animatic.spec.section import Section, describe

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_EXAMPLE = "write 'matrix: {aspect_ratio: [16:9, 9:16], language: [en, de]}'"


def decode_matrix(pipeline: Section) -> MatrixSpec | None:
    """Read ``matrix`` of a pipeline."""
    declared = pipeline.mapping("matrix", hint=_EXAMPLE)
    if declared is None:
        return None
    section = pipeline.below("matrix", declared, pipeline.label)
    axes: dict[str, tuple[Any, ...]] = {}
    for name, values in declared.items():
        if name in {"include", "exclude"}:
            continue
        if not _NAME.match(name):
            hint = "a name holds letters, digits and '_': templates say matrix.name"
            section.note(f"'{name}' cannot be the name of an axis", name, key=True, hint=hint, code="name")
        axes[name] = _axis(section, name, values)
    include = tuple(_combination(section, "include", index, item) for index, item in section.mappings("include", hint=_example("include")))
    exclude = tuple(_combination(section, "exclude", index, item) for index, item in section.mappings("exclude", hint=_example("exclude")))
    if not axes and not include and not any(key in declared for key in ("include", "exclude")):
        pipeline.note("the matrix has no axes", "matrix", key=True, hint=_EXAMPLE, code="empty")
    _check_exclude(section, axes, include, exclude)
    return MatrixSpec(path=section.path, axes=axes, include=include, exclude=exclude)


def _axis(section: Section, name: str, values: Any) -> tuple[Any, ...]:
    if not isinstance(values, list) or not values:
        hint = (
            f"write '{name}: [{values}]'"
            if isinstance(values, (str, int, float)) and not isinstance(values, bool)
            else f"write '{name}: [a, b]'"
        )
        section.wrong(name, "a list of at least one value", hint=hint)
        return ()
    found: list[Any] = []
    for index, value in enumerate(values):
        if not _is_scalar(value):
            section.note(
                f"a value of '{name}' is {describe(value)}", name, index, hint="axes hold text, numbers, true and false", code="type"
            )
        elif any(value == other and type(value) is type(other) for other in found):
            section.note(f"{value} is listed twice in '{name}'", name, index, hint="remove one", code="duplicate")
        else:
            found.append(value)
    return tuple(found)


def _combination(section: Section, key: str, index: int, item: Mapping[str, Any]) -> Mapping[str, Any]:
    if not item:
        section.note(f"this {key} is empty", key, index, hint=_example(key), code="empty")
    for name, value in item.items():
        if not _is_scalar(value):
            section.note(f"'{name}' is {describe(value)}", key, index, name, hint="write text, a number, true or false", code="type")
    return {name: value for name, value in item.items() if _is_scalar(value)}


def _check_exclude(
    section: Section, axes: Mapping[str, tuple[Any, ...]], include: tuple[Mapping[str, Any], ...], exclude: tuple[Mapping[str, Any], ...]
) -> None:
    known = dict.fromkeys([*axes, *(name for item in include for name in item)])
    written = section.values.get("exclude")
    positions = [index for index, item in enumerate(written) if isinstance(item, dict)] if isinstance(written, list) else []
    for index, item in zip(positions, exclude, strict=True):
        for name, value in item.items():
            if name not in known:
                hint = did_you_mean(name, known) if known else _EXAMPLE
                section.note(
                    f"the matrix has no axis '{name}' to exclude from", "exclude", index, name, key=True, hint=hint, code="unknown-key"
                )
            elif value not in axes.get(name, ()) and all(added.get(name) != value for added in include):
                section.note(
                    f"this excludes nothing: '{name}' is never {value}",
                    "exclude",
                    index,
                    name,
                    hint=f"it is one of {', '.join(str(option) for option in axes.get(name, ()))}" if axes.get(name) else None,
                    code="unused",
                    severity="warning",
                )


def _is_scalar(value: Any) -> bool:
    return isinstance(value, (str, int, float)) and value != ""


def _example(key: str) -> str:
    return f"write '{key}: [{{aspect_ratio: 1:1, language: de}}]'"
