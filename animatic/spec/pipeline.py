"""Decode one pipeline: its keys, its defaults, its destination, its cuts and its matrix."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from animatic.catalog.model import KINDS
from animatic.destination import OPTIONS, S3, BadDestinationError, PutOptions, parse_destination, with_options
from animatic.spec.cast import decode_cast_list
from animatic.spec.cut import decode_cuts
from animatic.spec.keys import DEFAULTS_NOT, DELIVER, PIPELINE
from animatic.spec.matrix import decode_matrix
from animatic.spec.members import decode_cast
from animatic.spec.model import ON_FAILURE, OVERLAP, REUSE, UNKNOWN_PRICE, CastList, Defaults, PipelineSpec
from animatic.spec.page import decode_page
from animatic.spec.params import decode_params
from animatic.spec.provenance import decode_provenance
from animatic.spec.qc import decode_qc
from animatic.spec.schedules import decode_schedules
from animatic.spec.section import Section, describe, is_template
from animatic.spec.shots import decode_shots
from animatic.suggest import did_you_mean

_OF_THE_RUN = re.compile(r"\b(?:run|shot|shots|matrix)\s*[.\[]")
"""Names of templates that mean something else in every run or shot."""


def decode_pipeline(section: Section, name: str, shared: Mapping[str, Any]) -> PipelineSpec:
    """Read a pipeline.

    ``shared`` are the fields that it takes from its file: ``cast``, ``deliver``, ``per_day_usd``, ``per_month_usd``, ``defaults``,
    ``profiles``, ``timezone``.
    """
    section.check_keys(PIPELINE)
    params = decode_params(section)
    defaults = tuple(part for part in (shared["defaults"], decode_defaults(section)) if part is not None)
    return PipelineSpec(
        name=name,
        document=section.document,
        path=section.path,
        description=_label(section, "description"),
        title=_label(section, "title"),
        params=params,
        matrix=decode_matrix(section, params),
        cast={**shared["cast"], **decode_cast(section)},
        defaults=defaults,
        profiles=shared["profiles"],
        deliver=decode_deliver(section) or shared["deliver"],
        budget_usd=section.money("budget_usd"),
        per_day_usd=shared["per_day_usd"],
        per_month_usd=shared["per_month_usd"],
        unknown_price=section.choice("unknown_price", UNKNOWN_PRICE),
        concurrency=section.whole("concurrency", minimum=1),
        on_failure=section.choice("on_failure", ON_FAILURE) or "continue",
        reuse=section.choice("reuse", REUSE) or "always",
        retries=section.whole("retries", minimum=0),
        timeout=section.seconds("timeout", minimum=1),
        qc=decode_qc(section),
        schedules=decode_schedules(section, params, timezone=shared["timezone"], profiles=shared["profiles"]),
        timezone=shared["timezone"],
        overlap=section.choice("overlap", OVERLAP) or "queue",
        tags=section.texts("tags") or (),
        shots=(shots := decode_shots(section, name)),
        cuts=decode_cuts(section, shots),
        shows_money=decode_page(section),
        provenance=decode_provenance(section),
    )


def _label(section: Section, key: str) -> str:
    """Read a text that may be empty, or missing."""
    return "" if section.values.get(key) == "" else section.text(key) or ""


def decode_defaults(section: Section) -> Defaults | None:
    """Read ``defaults`` of a file or a pipeline."""
    written = section.mapping("defaults", hint="write 'defaults: {video: {model: xai/grok-video, resolution: 720p}}'")
    if written is None:
        return None
    below = section.below("defaults", written, section.label)
    by_kind: dict[str, Mapping[str, Any]] = {}
    cast: dict[str, CastList] = {}
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
        of_kind.check_empty({"model", "cast"})
        people = decode_cast_list(of_kind)
        if people is not None:
            cast[kind] = people
        by_kind[kind] = {key: value for key, value in fields.items() if key != "cast" and key not in DEFAULTS_NOT}
    return Defaults(path=below.path, by_kind=by_kind, cast=cast)


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
        if value is not None and is_template(value):
            section.note(f"{key} takes no template", key, hint="write it out; params may stand in 'to'", code="deliver")
        elif value is not None:
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
    if is_template(text):
        if found := _OF_THE_RUN.search(text):
            what = "a run" if "run" in found[0] else "variants, shots or the cast"
            hint = "takes are found again only where they lie: use params"
            section.note(f"deliver cannot depend on {what}", key, hint=hint, code="deliver")
            return None
        if options is not None and options.items() and not text.startswith(S3):
            hint = "begin with s3://: only what follows may hold params where there are options"
            section.note(f"{next(iter(options.items()))} is an option of s3://bucket/prefix alone", key, hint=hint, code="deliver")
            return None
        return text if options is None else with_options(text, options)
    try:
        destination = parse_destination(text, options)
    except BadDestinationError as mistake:
        section.note(mistake.message, mistake.option or key, hint=mistake.hint, code="deliver")
        return None
    return text if options is None else str(destination)
