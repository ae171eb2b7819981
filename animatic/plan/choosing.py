"""Which model makes a shot, and which defaults come with it.

The kind follows from the model; ``kind`` alone picks that kind's default model; without either a shot is a video. What a shot inherits depends on
its kind and model only, so it is worked out once for each pair of them and shared by all shots.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from animatic.catalog import Catalog
from animatic.catalog.model import Field, Kind, Media, Model
from animatic.errors import KeyPath
from animatic.plan.filling import BodyRenderer
from animatic.plan.reporting import ProblemCollector
from animatic.plan.templates import TemplateError, is_template
from animatic.spec.model import PipelineSpec, ShotSpec
from animatic.suggest import nearest

Yield = Literal["video", "image"]
_KINDS: tuple[Kind, ...] = ("video", "image", "enhance")


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelDefaults:
    """A model and what its shots inherit: ``inherited`` all defaults of the kind, ``fitting`` those that the model has, ``left_out`` the names of the others."""

    model: Model
    kind: Kind
    inherited: Mapping[str, Any]
    fitting: Mapping[str, Any]
    left_out: tuple[str, ...]
    yields: Yield
    origins: Mapping[str, KeyPath] = field(default_factory=dict)
    """Where each inherited value was written."""


def yields(model: Model) -> Yield:
    """Tell what comes out of a model: a clip or a still. An enhancer gives back what it takes."""
    if model.kind == "image":
        return "image"
    if model.kind == "video":
        return "video"
    return "video" if any("video" in _media(known) for known in model.fields.values()) else "image"


class ModelResolver:
    """Finds the kit of each shot of one pipeline, and reports what stands in the way."""

    def __init__(self, spec: PipelineSpec, catalog: Catalog, reporter: ProblemCollector) -> None:
        self._spec = spec
        self._catalog = catalog
        self._reporter = reporter
        self._kits: dict[tuple[Kind, str], ModelDefaults] = {}
        self._defaults: dict[Kind, tuple[dict[str, Any], dict[str, KeyPath]]] = {}

    def kit(self, shot: ShotSpec, filler: BodyRenderer) -> ModelDefaults | None:
        """Return the kit for a shot, or None where its model is wrong (reported) or not known yet."""
        if shot.model is not None:
            path: KeyPath = (*shot.path, "model")
            model = self.model(shot, shot.model, path, filler)
            if model is not None and shot.kind is not None and shot.kind != model.kind:
                self._reporter.shot(
                    shot,
                    f"kind {shot.kind} contradicts its model: {model.name} is {_a(model.kind)} model",
                    (*shot.path, "kind"),
                    code="kind",
                    hint=f"leave out kind, or choose {_a(shot.kind)} model",
                    related=[(path, f"{model.name} makes {_made(model)}")],
                )
                return None
            return None if model is None else self._kit(model.kind, model)
        kind: Kind = shot.kind or "video"
        values, origins = self._inherited(kind)
        written = values.get("model")
        if not isinstance(written, str):
            self._reporter.shot(
                shot,
                f"it has no model, and there is no default model for {kind}",
                (*shot.path, "id"),
                code="no-model",
                hint=f"write `model:` here, or `defaults: {{{kind}: {{model: ...}}}}`; `animatic models --kind {kind}` lists them",
            )
            return None
        name = self._name(shot, written, origins["model"], filler)
        model = None if name is None else self._default(kind, name, origins["model"])
        return None if model is None else self._kit(kind, self._warned(model, origins["model"]))

    def model(self, shot: ShotSpec, written: str, path: KeyPath, filler: BodyRenderer) -> Model | None:
        """Return the catalogue's entry for a model that a shot names (reported if there is none)."""
        name = self._name(shot, written, path, filler)
        if name is None:
            return None
        model = self._catalog.find(name)
        if model is None:
            self._reporter.shot(shot, f"there is no model {name!r}", path, code="unknown-model", hint=self._instead(name))
            return None
        return self._warned(model, path)

    def _name(self, shot: ShotSpec, written: str, path: KeyPath, filler: BodyRenderer) -> str | None:
        """Return the name of a model, rendered; None where it is not known yet or its template is wrong (reported)."""
        if not is_template(written):
            return written
        try:
            name, known = filler.text(written)
        except TemplateError as mistake:
            self._reporter.shot(shot, f"model: {mistake.message}", path, code="template", hint=mistake.hint)
            return None
        return str(name) if known else None

    def _default(self, kind: Kind, name: str, path: KeyPath) -> Model | None:
        """Return a kind's default model; reported where there is none of that name, or it is of another kind."""
        model = self._catalog.find(name)
        if model is None:
            message = f"default model for {kind}: there is no model {name!r}"
            self._reporter.add(message, path, code="unknown-model", hint=self._instead(name))
        elif model.kind != kind:
            message = f"default model for {kind}: {name} is {_a(model.kind)} model"
            self._reporter.add(message, path, code="kind", hint=f"choose {_a(kind)} model, or move it to defaults.{model.kind}")
        return model if model is not None and model.kind == kind else None

    def _warned(self, model: Model, path: KeyPath) -> Model:
        if model.withdrawn:
            message = f"model {model.name} may be gone: {model.withdrawn}"
            hint = f"`animatic models --kind {model.kind}` lists the others"
            self._reporter.add(message, path, code="withdrawn", severity="warning", hint=hint)
        return model

    def _instead(self, name: str) -> str:
        """Say what to write instead of a model that is not there."""
        sunset = self._catalog.sunset(name)
        if sunset is not None:
            use = f"use {sunset.replacement}" if sunset.replacement else "`animatic models` lists what there is"
            return f"Krea switched it off on {sunset.date}; {use}"
        close = self._catalog.nearest(name)
        return f"did you mean {' or '.join(close)}?" if close else "`animatic models` lists them all"

    def check_defaults(self) -> None:
        """Report defaults that no model could ever take: a misspelt field, or a model that is not there."""
        for defaults in self._spec.defaults:
            for kind in _KINDS:
                for name, value in defaults.by_kind.get(kind, {}).items():
                    path = (*defaults.path, kind, name)
                    if name == "model":
                        if isinstance(value, str) and not is_template(value):
                            self._default(kind, value, path)
                    elif not self._is_field(name, kind):
                        message = f"default for {kind}: no {kind} model has a field {name!r}"
                        close = nearest(name, self._names(kind))
                        hint = f"did you mean {close[0]!r}?" if close else "take it out"
                        self._reporter.add(message, path, key=True, code="unknown-field", hint=hint)

    def _kit(self, kind: Kind, model: Model) -> ModelDefaults:
        kit = self._kits.get((kind, model.name))
        if kit is None:
            values, origins = self._inherited(kind)
            inherited = {name: value for name, value in values.items() if name != "model"}
            fitting = {name: value for name, value in inherited.items() if name in model.fields or name in model.aliases}
            left_out = tuple(name for name in inherited if name not in fitting)
            kit = ModelDefaults(
                model=model, kind=kind, inherited=inherited, fitting=fitting, left_out=left_out, yields=yields(model), origins=origins
            )
            self._kits[kind, model.name] = kit
        return kit

    def _inherited(self, kind: Kind) -> tuple[dict[str, Any], dict[str, KeyPath]]:
        if kind not in self._defaults:
            values: dict[str, Any] = {}
            origins: dict[str, KeyPath] = {}
            for defaults in self._spec.defaults:
                for name, value in defaults.by_kind.get(kind, {}).items():
                    values[name] = value
                    origins[name] = (*defaults.path, kind, name)
            self._defaults[kind] = values, origins
        return self._defaults[kind]

    def _is_field(self, name: str, kind: Kind) -> bool:
        used = (kit.model for kit in self._kits.values() if kit.kind == kind)
        if any(name in model.fields or name in model.aliases for model in used):
            return True
        return name in self._names(kind)

    def _names(self, kind: Kind) -> set[str]:
        return {name for model in self._catalog.models(kind) for name in (*model.fields, *model.aliases)}


def _media(known: Field) -> set[Media]:
    found: set[Media] = {known.media} if known.media else set()
    for part in (known.items, *known.one_of, *(known.properties or {}).values()):
        if part is not None:
            found |= _media(part)
    return found


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _made(model: Model) -> str:
    return "clips" if yields(model) == "video" else "stills"
