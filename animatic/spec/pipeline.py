"""One pipeline: from the mapping below its name to a PipelineSpec."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from animatic.spec.keys import CUT, DEFAULTS_NOT, KINDS, PIPELINE
from animatic.spec.matrix import decode_matrix
from animatic.spec.model import CutSpec, Defaults, PipelineSpec
from animatic.spec.nearest import did_you_mean
from animatic.spec.params import decode_params
from animatic.spec.schedules import decode_schedules
from animatic.spec.section import Section, describe
from animatic.spec.shots import decode_shots

_UNKNOWN_PRICE = ("warn", "block", "allow")
_ON_FAILURE = ("continue", "stop")
_REUSE = ("always", "run", "never")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")


def decode_pipeline(section: Section, name: str, shared: Mapping[str, Any]) -> PipelineSpec:
    """Read a pipeline; ``shared`` are the fields that it takes from its file (``deliver``, ``per_day_usd``, ``per_month_usd``, ``defaults``)."""
    section.check_keys(PIPELINE)
    params = decode_params(section)
    defaults = tuple(part for part in (shared["defaults"], decode_defaults(section)) if part is not None)
    return PipelineSpec(
        name=name,
        document=section.document,
        path=section.path,
        description=(section.text("description") or "") if section.values.get("description") != "" else "",
        params=params,
        matrix=decode_matrix(section),
        defaults=defaults,
        deliver=decode_deliver(section) or shared["deliver"],
        budget_usd=section.money("budget_usd"),
        per_day_usd=shared["per_day_usd"],
        per_month_usd=shared["per_month_usd"],
        unknown_price=cast("Any", section.choice("unknown_price", _UNKNOWN_PRICE)),
        concurrency=section.whole("concurrency", minimum=1),
        on_failure=cast("Any", section.choice("on_failure", _ON_FAILURE) or "continue"),
        reuse=cast("Any", section.choice("reuse", _REUSE) or "always"),
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
    """Read ``deliver`` of a file or a pipeline: a folder, or ``s3://bucket/prefix``."""
    deliver = section.text("deliver")
    if deliver is None:
        return None
    deliver = deliver.strip()
    hint = "write a folder such as ./out, or s3://bucket/prefix"
    scheme = _SCHEME.match(deliver)
    if "{{" in deliver or "{%" in deliver:
        section.note(
            "deliver takes no templates", "deliver", hint="takes are found again only if the destination stays the same", code="deliver"
        )
    elif scheme is None:
        if any(ord(character) < ord(" ") for character in deliver):
            section.note("deliver holds a line break or a control character", "deliver", hint=hint, code="deliver")
        return deliver
    elif scheme[1] != "s3":
        what = "S3 is written in small letters" if scheme[1].lower() == "s3" else f"clips cannot be delivered to {scheme[1]}://"
        section.note(what, "deliver", hint=hint, code="deliver")
    else:
        bucket, _, prefix = deliver[len("s3://") :].partition("/")
        if not _BUCKET.match(bucket) or ".." in bucket:
            problem = f"'{bucket}' cannot be the name of a bucket" if bucket else "the name of the bucket is missing"
            section.note(
                problem, "deliver", hint="3 to 63 small letters, digits, '-' and '.', as in s3://brand-media/storyboards", code="deliver"
            )
        elif any(part in {"", ".", ".."} for part in prefix.rstrip("/").split("/")) and prefix.rstrip("/"):
            section.note("the prefix holds an empty part, '.' or '..'", "deliver", hint=hint, code="deliver")
        else:
            return deliver
    return None


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
