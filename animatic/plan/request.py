"""Builds the requests of a shot: fields merged, rendered, checked against the model; every finding reported at the line that caused it."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, assert_never

from animatic.catalog import Catalog, Finding, check_body, duration_of
from animatic.catalog.model import Kind, Model, Yield, field_name, yields
from animatic.catalog.price import LENGTH_FIELDS
from animatic.errors import KeyPath
from animatic.plan.body import MediaValue, RenderedBody, render_body
from animatic.plan.cast import VariantCast
from animatic.plan.casting import CastFiller, FilledCast
from animatic.plan.matrix import Variant
from animatic.plan.model_choice import ModelChoice, ModelDefaults
from animatic.plan.origins import FieldOrigins, matrix_origins, report_finding
from animatic.plan.problems import ProblemCollector
from animatic.plan.templates import TemplateContext
from animatic.spec.model import FallbackSpec, PipelineSpec, ShotSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestDraft:
    """One request of a shot, rendered and checked; what ``media`` refers to is not linked yet."""

    model: Model
    body: Mapping[str, Any]
    media: tuple[MediaValue, ...]
    duration: float | None
    origins: FieldOrigins
    templates: Mapping[KeyPath, str]
    """Source of every template, by its path in the body."""
    notes: tuple[str, ...]
    profiled: bool = False
    """Whether the profile makes another request of it."""
    cast: tuple[str, ...] = ()
    """Members of the cast that it takes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShotDraft:
    """One shot in one variant. ``yields`` is None and ``requests`` is empty where its model is wrong or not known."""

    spec: ShotSpec
    number: int
    variant: Variant
    scene: str | None
    title: str | None
    line: str | None
    left_out: bool
    """``when`` came out false."""
    model: Model | None
    yields: Yield | None
    requests: tuple[RequestDraft, ...]

    @property
    def key(self) -> str:
        """The key of its step."""
        return self.variant.key(self.spec.id)


class RequestBuilder:
    """Builds the requests of the shots of one variant."""

    def __init__(self, spec: PipelineSpec, catalog: Catalog, cast: VariantCast, filler: CastFiller) -> None:
        self._cast = cast
        self._filler = filler
        self._matrix = spec.matrix
        self._document = spec.document
        self._catalog = catalog

    def build(
        self, shot: ShotSpec, choice: ModelChoice, context: TemplateContext, problems: ProblemCollector, *, wanted: bool
    ) -> tuple[RequestDraft, ...]:
        """Return the declared request, then those of the fallbacks. ``wanted``: the shot is made, so its prompt must say something."""
        declared = self._declared(shot, choice.declared, context, problems)
        if wanted:
            _check_prompts(declared, problems)
        if not choice.fallbacks:
            return (declared,)
        others = (self._fallback(shot, choice.declared, fallback, model, context, problems) for fallback, model in choice.fallbacks)
        return (declared, *others)

    def _declared(self, shot: ShotSpec, defaults: ModelDefaults, context: TemplateContext, problems: ProblemCollector) -> RequestDraft:
        model, layer = defaults.model, defaults.layer
        if layer is None:
            written, sent = shot.fields, shot.extra_body
            fields = {**defaults.fitting, **written} if defaults.fitting else written
        else:
            written, sent = layer.kept(shot.fields), layer.kept_extra(shot.extra_body)
            fields = layer.over(shot.fields, defaults.fitting)
        rendered = render_body(fields, model.fields, context)
        extra = _extra(shot, sent, context, problems)
        origins = FieldOrigins(model=model, shot=shot, defaults=defaults.origins, layer=layer)
        left_out = [name for name in defaults.left_out if name not in shot.fields]
        notes: tuple[str, ...] = (f"default {_listed(left_out)} left out: {model.name} has no such field",) if left_out else ()
        if defaults.aside:
            notes += (defaults.aside,)
        if layer is not None and (lost := layer.lost(shot)):
            notes += (f"profile {layer.name!r}: {_listed(lost)} left out: {model.name} has no such field",)
        cast = self._cast_in(rendered, origins, defaults.kind, context, problems)
        if cast is not None:
            rendered, origins, notes = cast.rendered, replace(origins, cast=cast.origins), (*notes, *cast.notes)
        dropped = self._dropped(written, shot.path, defaults.inherited)
        self._check(model, rendered, extra, origins, context, problems, dropped=dropped)
        draft = _draft(model, defaults.yields, rendered, extra, origins, notes, cast)
        return (
            draft
            if layer is None
            else replace(draft, profiled=layer.changes(shot, defaults.fitting, self._cast.written(shot, defaults.kind)))
        )

    def _cast_in(
        self, rendered: RenderedBody, origins: FieldOrigins, kind: Kind, context: TemplateContext, problems: ProblemCollector
    ) -> FilledCast | None:
        """Put the cast of a shot into one of its bodies; None where there is none."""
        casting = self._cast.casting_of(origins, kind, context, problems)
        return None if casting is None else self._filler.fill(casting, rendered, origins, problems)

    def _fallback(
        self,
        shot: ShotSpec,
        defaults: ModelDefaults,
        fallback: FallbackSpec,
        model: Model,
        context: TemplateContext,
        problems: ProblemCollector,
    ) -> RequestDraft:
        """Return the request for another model: what the model has of the shot's fields (``extra_body`` too), then the fallback's own."""
        layer = defaults.layer
        profiled = {} if layer is None else layer.overlay.fields
        values = {**defaults.inherited, **shot.fields, **profiled}
        kept = {name: value for name, value in values.items() if name in model.fields}
        rendered = render_body({**kept, **fallback.fields}, model.fields, context)
        extra = _extra(shot, {name: value for name, value in shot.extra_body.items() if name in model.fields}, context, problems)
        origins = FieldOrigins(model=model, shot=shot, defaults=defaults.origins, fallback=fallback, layer=layer)
        given = [*(name for name in {**shot.fields, **profiled} if values[name] is not None), *shot.extra_body]
        lost = [name for name in given if name not in model.fields and name not in fallback.fields]
        notes: tuple[str, ...] = (f"fallback {model.name} has no {_listed(lost)}: left out there",) if lost else ()
        cast = self._cast_in(rendered, origins, defaults.kind, context, problems)
        if cast is not None:
            rendered, origins, notes = cast.rendered, replace(origins, cast=cast.origins), (*notes, *cast.notes)
        dropped = self._dropped(fallback.fields, fallback.path, values)
        self._check(model, rendered, extra, origins, context, problems, dropped=dropped)
        return _draft(model, yields(model), rendered, extra, origins, notes, cast)

    def _dropped(self, fields: Mapping[str, Any], path: KeyPath, there: Collection[str]) -> list[str]:
        """Return the names that are null on purpose though there is nothing to drop; one that is merely left empty is reported already."""
        found = [name for name, value in fields.items() if value is None and name not in there]
        return [name for name in found if self._document.written((*path, name)) != ""]

    def _check(
        self,
        model: Model,
        rendered: RenderedBody,
        extra: Mapping[str, Any],
        origins: FieldOrigins,
        context: TemplateContext,
        problems: ProblemCollector,
        *,
        dropped: list[str],
    ) -> None:
        """Report what is wrong with a body. What is not known yet is not judged; ``extra`` counts as given.

        ``dropped`` are names that are null and drop nothing: one that the model does not have is a mistake all the same.
        """
        for path, mistake in rendered.mistakes:
            message = f"{field_name(path)}: {mistake.message}"
            problems.for_shot(origins.shot).add(message, origins.of(path), code="template", hint=mistake.hint)
        body = {**rendered.body, **{name: None for name in dropped if name not in model.fields}} if dropped else rendered.body
        findings = check_body(model, body, besides=extra, catalog=self._catalog)
        for finding in chain(findings, _too_long(model, rendered.media)):
            if not rendered.is_unknown(finding.path):
                related = matrix_origins(self._matrix, rendered.templates.get(finding.path, ""), context)
                report_finding(finding, body, origins, related, problems)


def _extra(shot: ShotSpec, written: Mapping[str, Any], context: TemplateContext, problems: ProblemCollector) -> Mapping[str, Any]:
    """Render ``extra_body``; it is not checked, which is reported as a warning."""
    if not written:
        return {}
    path = (*shot.path, "extra_body")
    ours = problems.for_shot(shot)
    rendered = render_body(written, {}, context)
    for at, mistake in rendered.mistakes:
        ours.add(f"extra_body.{field_name(at)}: {mistake.message}", (*path, *at), code="template", hint=mistake.hint)
    ours.add(f"extra_body sends {_listed(list(shot.extra_body))} unchecked", path, code="unchecked", severity="warning", key=True)
    return {**dict.fromkeys(name for name, value in written.items() if value is None), **rendered.body}


def _draft(
    model: Model,
    made: Yield,
    rendered: RenderedBody,
    extra: Mapping[str, Any],
    origins: FieldOrigins,
    notes: tuple[str, ...],
    cast: FilledCast | None,
) -> RequestDraft:
    return RequestDraft(
        model=model,
        body={**rendered.body, **extra} if extra else rendered.body,
        media=rendered.media,
        duration=_duration(model, made, rendered),
        origins=origins,
        templates=rendered.templates,
        notes=notes,
        cast=cast.names if cast is not None else (),
    )


def _duration(model: Model, made: Yield, rendered: RenderedBody) -> float | None:
    """Return the seconds of footage or sound asked for; None for what has no length, and where only a clip that goes in decides."""
    match made:
        case "image" | "3d":
            return None
        case "video" | "audio":
            pass
        case _:
            assert_never(made)
    if any(rendered.is_unknown((name,)) for name in LENGTH_FIELDS):
        return None
    if "duration" not in rendered.body and any(media.media == "video" and len(media.path) == 1 for media in rendered.media):
        return None
    seconds = duration_of(model, rendered.body)
    return None if seconds is None else float(seconds)


def _too_long(model: Model, media: tuple[MediaValue, ...]) -> Iterator[Finding]:
    """Yield the URLs that are longer than their field takes; ``check_body`` does not look at references."""
    for item in media:
        value = item.value
        if isinstance(value, str) and item.max_length and len(value) > item.max_length and value.startswith("http"):
            message = f"{field_name(item.path)} has {len(value)} characters; {model.name} takes URLs of up to {item.max_length}"
            yield Finding(path=item.path, message=message, hint="use a shorter URL, or a local file", code="too-long", severity="error")


def _check_prompts(draft: RequestDraft, problems: ProblemCollector) -> None:
    """Report a prompt that is blank, or comes out blank: it would be sent, and paid for."""
    for path, text in _prompts(draft.body, ()):
        if all(character.isspace() or unicodedata.category(character) == "Cf" for character in text):  # Cf: joiners, marks of direction
            where = draft.origins.of(path)
            written = draft.templates.get(path)
            message = f"{field_name(path)} is blank" if written is None else f"{field_name(path)} comes out blank"
            what = "what is to be heard" if yields(draft.model) == "audio" else "what to show"
            hint = f"write {what}" if written is None else f"write {what} even if every part of it is empty"
            problems.for_shot(draft.origins.shot).add(message, where, code="blank", hint=hint)


def _prompts(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """Yield the prompts of a body, those of its parts included."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            if key == "prompt" and isinstance(part, str):
                yield (*path, key), part
            elif isinstance(part, Mapping | list):
                yield from _prompts(part, (*path, key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _prompts(part, (*path, index))


def _listed(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names)
