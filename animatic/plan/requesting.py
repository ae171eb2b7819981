"""One request of a shot: fields merged, rendered and checked against the model; every finding put at the line that caused it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from animatic.catalog import Catalog, Finding, check_body, duration_of
from animatic.catalog.model import Model
from animatic.errors import KeyPath
from animatic.plan.choosing import ModelDefaults, yields
from animatic.plan.drafts import RequestDraft, Shot
from animatic.plan.filling import BodyRenderer, Filled
from animatic.plan.model import field_name
from animatic.plan.reporting import ProblemCollector
from animatic.spec.model import FallbackSpec


class RequestBuilder:
    """Makes the requests of one pipeline's shots."""

    def __init__(self, catalog: Catalog, reporter: ProblemCollector) -> None:
        self._catalog = catalog
        self._reporter = reporter

    def declared(self, shot: Shot, kit: ModelDefaults, filler: BodyRenderer) -> RequestDraft:
        """Return the request that the shot declares."""
        spec = shot.spec
        filled = filler.fill({**kit.fitting, **spec.fields} if kit.fitting else spec.fields, kit.model.fields)
        draft = _draft(shot, kit, kit.model, filled)
        left_out = [name for name in kit.left_out if name not in spec.fields]
        if left_out:
            shot.notes.append(f"default {_listed(left_out)} left out: {kit.model.name} has no such field")
        self._finish(shot, draft, filled, self._extra(shot, spec.extra_body, (*spec.path, "extra_body"), filler))
        return draft

    def fallback(self, shot: Shot, kit: ModelDefaults, model: Model, chosen: FallbackSpec, filler: BodyRenderer) -> RequestDraft:
        """Return the request for another model: the shot's fields (``extra_body`` too) that the model has, then the fallback's own."""
        spec, own = shot.spec, chosen.fields
        kept = {name: value for name, value in {**kit.inherited, **spec.fields}.items() if name in model.fields}
        extra = {name: value for name, value in spec.extra_body.items() if name in model.fields}
        given = [*(name for name, value in spec.fields.items() if value is not None), *spec.extra_body]
        lost = [name for name in given if name not in model.fields and name not in own]
        if lost:
            shot.notes.append(f"fallback {model.name} has no {_listed(lost)}: left out there")
        filled = filler.fill({**kept, **own}, model.fields)
        draft = _draft(shot, kit, model, filled, chosen)
        self._finish(shot, draft, filled, self._extra(shot, extra, (*spec.path, "extra_body"), filler))
        return draft

    def _extra(self, shot: Shot, written: Mapping[str, Any], path: KeyPath, filler: BodyRenderer) -> dict[str, Any]:
        """Render ``extra_body``; it is not checked, and that is said."""
        if not written:
            return {}
        filled = filler.fill(written, {})
        for at, mistake in filled.mistakes:
            message = f"extra_body.{field_name(at)}: {mistake.message}"
            self._reporter.shot(shot.spec, message, (*path, *at), code="template", hint=mistake.hint)
        message = f"extra_body sends {_listed(list(shot.spec.extra_body))} unchecked"
        self._reporter.shot(shot.spec, message, path, code="unchecked", severity="warning", key=True)
        return filled.body

    def _finish(self, shot: Shot, draft: RequestDraft, filled: Filled, extra: Mapping[str, Any]) -> None:
        """Check the body, report, and add what goes in unchecked."""
        for path, mistake in filled.mistakes:
            message = f"{field_name(path)}: {mistake.message}"
            self._reporter.shot(shot.spec, message, draft.origin(path), code="template", hint=mistake.hint)
        for finding in check_body(draft.model, draft.body, besides=extra, catalog=self._catalog):
            if not filled.is_unknown(finding.path):
                self._report(shot, draft, filled, finding)
        for media in draft.media:
            if isinstance(media.value, str) and media.max_length and len(media.value) > media.max_length and media.value.startswith("http"):
                message = (
                    f"{field_name(media.path)} has {len(media.value)} characters; {draft.model.name} takes URLs of up to {media.max_length}"
                )
                hint = "use a shorter URL, or a local file"
                self._report(shot, draft, filled, Finding(path=media.path, message=message, hint=hint, code="too-long", severity="error"))
        draft.body.update(extra)

    def _report(self, shot: Shot, draft: RequestDraft, filled: Filled, finding: Finding) -> None:
        """Report one finding where it was caused: in the fallback, the shot, or the default."""
        spec, chosen, path = shot.spec, draft.fallback, finding.path
        name = str(path[0])
        message, hint, code, severity = finding.message, finding.hint, finding.code, finding.severity
        at_key = finding.on_key
        related = self._sources(shot, filled, path)
        if name not in draft.body:
            where: KeyPath = (*chosen.path, "model") if chosen else (*spec.path, "id")
            self._reporter.shot(spec, message, where, code=code, hint=hint, severity=severity, related=related)
        elif chosen is not None and name not in chosen.fields:
            message = f"its fallback keeps a value that the fallback's model refuses: {message}"
            hint = f"write {name} here with a value that fits, or `{name}: null` to leave it out"
            related = [(draft.origin(path), "the value comes from here"), *related]
            self._reporter.shot(spec, message, (*chosen.path, "model"), code=code, hint=hint, severity=severity, related=related)
        elif name not in spec.fields and chosen is None and name in draft.origins:
            message = f"default for {draft.model.kind}: {message}"
            related = [((*spec.path, "id"), f"used by shot {spec.id!r}"), *related]
            self._reporter.add(message, draft.origin(path), code=code, hint=hint, key=at_key, severity=severity, related=related)
        else:
            self._reporter.shot(spec, message, draft.origin(path), code=code, hint=hint, key=at_key, severity=severity, related=related)

    def _sources(self, shot: Shot, filled: Filled, path: KeyPath) -> list[tuple[KeyPath, str]]:
        """Return the places of the matrix values that a rendered value was made from."""
        matrix = self._reporter.spec.matrix
        text = filled.templates.get(path, "")
        if matrix is None or "matrix" not in text:
            return []
        found: list[tuple[KeyPath, str]] = []
        for axis in re.findall(r"\bmatrix\s*(?:\.|\[\s*['\"])\s*(\w+)", text):
            values = matrix.axes.get(axis, ())
            value = shot.variant.values.get(axis)
            if value in values:
                found.append(((*matrix.path, axis, values.index(value)), f"matrix.{axis} is {value} here"))
        return found


def _draft(shot: Shot, kit: ModelDefaults, model: Model, filled: Filled, chosen: FallbackSpec | None = None) -> RequestDraft:
    return RequestDraft(
        shot=shot.spec,
        model=model,
        yields=yields(model),
        body=filled.body,
        media=filled.media,
        duration=_duration(model, filled),
        origins=kit.origins,
        fallback=chosen,
    )


def _duration(model: Model, filled: Filled) -> float | None:
    """Return the seconds of footage asked for; None for stills, and where only a clip that goes in decides."""
    if yields(model) == "image" or filled.is_unknown(("duration",)):
        return None
    if "duration" not in filled.body and any(media.media == "video" and len(media.path) == 1 for media in filled.media):
        return None
    seconds = duration_of(model, filled.body)
    return None if seconds is None else float(seconds)


def _listed(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names)
