"""Decode one pipeline: its keys, its defaults, its destination, its cut and its matrix."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from animatic.catalog.model import KINDS
from animatic.destination import OPTIONS, BadDestinationError, PutOptions, parse_destination
from animatic.spec.keys import CUT, DEFAULTS_NOT, DELIVER, PIPELINE
from animatic.spec.model import ON_FAILURE, REUSE, UNKNOWN_PRICE, CutSpec, Defaults, MatrixSpec, PipelineSpec
from animatic.spec.params import decode_params
from animatic.spec.schedules import decode_schedules
from animatic.spec.section import Section, describe
from animatic.spec.shots import decode_shots
from animatic.suggest import did_you_mean

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_EXAMPLE = "write 'matrix: {aspect_ratio: [16:9, 9:16], language: [en, de]}'"


def decode_pipeline(section: Section, name: str, shared: Mapping[str, Any]) -> PipelineSpec:
    """Read a pipeline.

    ``shared`` are the fields that it takes from its file: ``deliver``, ``per_day_usd``, ``per_month_usd``, ``defaults``.
    """
    section.check_keys(PIPELINE)
    params = decode_params(section)
    defaults = tuple(part for part in (shared["defaults"], decode_defaults(section)) if part is not None)
    return PipelineSpec(
        name=name,
        document=section.document,
        path=section.path,
        description=(section.text("description") or "") if section.values.get("description") != "" else "",
        params=params,
        matrix=_matrix(section),
        defaults=defaults,
        deliver=decode_deliver(section) or shared["deliver"],
        budget_usd=section.money("budget_usd"),
        per_day_usd=shared["per_day_usd"],
        per_month_usd=shared["per_month_usd"],
        unknown_price=section.choice("unknown_price", UNKNOWN_PRICE),
        concurrency=section.whole("concurrency", minimum=1),
        on_failure=section.choice("on_failure", ON_FAILURE) or "continue",
        reuse=section.choice("reuse", REUSE) or "always",
        schedules=decode_schedules(section, params),
        tags=section.texts("tags") or (),
        shots=decode_shots(section, name),
        cut=_cut(section),
    )


def decode_defaults(section: Section) -> Defaults | None:
    """Read ``defaults`` of a file or a pipeline."""
    written = section.mapping("defaults", hint="write 'defaults: {video: {model: xai/grok-video, resolution: 720p}}'")
    if written is None:
        return None
    below = section.below("defaults", written, section.label)
    by_kind: dict[str, Mapping[str, Any]] = {}
    for kind, fields in written.items():
        if kind not in KINDS:
            hint = did_you_mean(kind, KINDS)
            if not isinstance(fields, dict):
                hint = f"defaults are set by kind: write 'defaults: {{video: {{{kind}: ...}}}}'"
            below.note(f"'{kind}' is not a kind of shot", kind, key=True, hint=hint, code="unknown-key")
            continue
        if not isinstance(fields, dict):
            below.note(
                f"defaults of {kind} must be a mapping, and they are {describe(fields)}",
                kind,
                hint=f"write '{kind}: {{resolution: 720p}}'",
                code="type",
            )
            continue
        of_kind = below.below(kind, fields, below.label)
        if "model" in fields:
            of_kind.text("model")
        for key in DEFAULTS_NOT:
            if key in fields:
                of_kind.note(f"'{key}' has no default", key, key=True, hint="set it shot by shot", code="unknown-key")
        by_kind[kind] = {key: value for key, value in fields.items() if key not in DEFAULTS_NOT}
    return Defaults(path=below.path, by_kind=by_kind)


def decode_deliver(section: Section) -> str | None:
    """Read ``deliver`` of a file or a pipeline: a folder, ``s3://bucket/prefix``, or a mapping of that with options of its puts."""
    written = section.values.get("deliver")
    if not isinstance(written, dict):
        return _destination(section, "deliver", None)
    below = section.below("deliver", written, f"{section.label}, deliver" if section.label else "deliver")
    below.check_keys(DELIVER)
    if "to" not in written:
        below.note("it does not say where to", hint="write 'deliver: {to: s3://bucket/prefix, sse: aws:kms}'", code="deliver")
        return None
    return _destination(below, "to", _put_options(below))


def _put_options(section: Section) -> PutOptions:
    """Read the options of a destination; what is wrong with one of them is noted, and it is left out."""
    found = PutOptions()
    for key in OPTIONS:
        value = section.text(key)
        if value is not None:
            try:
                found = replace(found, **{key: value})
            except BadDestinationError as mistake:
                section.note(mistake.message, key, hint=mistake.hint, code="deliver")
    return found


def _destination(section: Section, key: str, options: PutOptions | None) -> str | None:
    """Read the text that names a destination, and return it with the options behind it."""
    text = section.text(key)
    if text is None:
        return None
    text = text.strip()
    if "{{" in text or "{%" in text:
        section.note("deliver takes no templates", key, hint="takes are found again only if the destination stays the same", code="deliver")
        return None
    try:
        destination = parse_destination(text, options)
    except BadDestinationError as mistake:
        section.note(mistake.message, mistake.option or key, hint=mistake.hint, code="deliver")
        return None
    return text if options is None else str(destination)


def _cut(section: Section) -> CutSpec | None:
    values = section.mapping("cut", hint="write 'cut: {}' for a reel of all video shots, or 'cut: {shots: [dawn, surf]}'")
    if values is None:
        return None
    cut = section.below("cut", values, f"{section.label}, cut")
    cut.check_keys(CUT)
    shots = cut.texts("shots")
    if shots == () and values["shots"] == []:
        cut.note("the list of shots is empty", "shots", hint="name some, or leave 'shots' out for all video shots in order", code="empty")
    return CutSpec(path=cut.path, shots=shots or None)


def _matrix(pipeline: Section) -> MatrixSpec | None:
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
