"""Finds the models of a shot, and the defaults that come with them.

The kind follows from the model; ``kind`` alone picks that kind's default model; without either a shot is a video. What a shot inherits
depends on its kind and model only, so it is worked out once for each pair of them and shared by all shots.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, assert_never

from animatic.catalog import Catalog
from animatic.catalog.model import KINDS, Kind, Model, Yield, yields
from animatic.errors import KeyPath
from animatic.plan.problems import ProblemCollector
from animatic.plan.profile import ProfileLayer, fallbacks_of
from animatic.plan.scopes import TemplateError
from animatic.plan.shared_fields import SharedFields
from animatic.plan.templates import TemplateContext
from animatic.spec.keys import PROFILED
from animatic.spec.model import FallbackSpec, PipelineSpec, ProfileSpec, ShotSpec
from animatic.spec.section import is_template


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelDefaults:
    """A model and what its shots inherit.

    ``inherited`` are all defaults of the kind, ``fitting`` those that the model has, ``left_out`` the names of the others, ``origins``
    where each was written. ``yields`` is what comes out of the model, ``layer`` what the profile does to the shots, if it does anything.
    """

    model: Model
    kind: Kind
    inherited: Mapping[str, Any]
    fitting: Mapping[str, Any]
    left_out: tuple[str, ...]
    origins: Mapping[str, KeyPath]
    yields: Yield
    layer: ProfileLayer | None = None
    aside: str = ""
    """Why the profile does nothing to shots of its kind, where that is so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelChoice:
    """The models that may make one shot: the declared one, then the fallbacks whose models are known."""

    declared: ModelDefaults
    fallbacks: tuple[tuple[FallbackSpec, Model], ...] = ()


class ModelResolver:
    """Finds the models of one pipeline's shots, under a profile or as written. Keeps nothing but what it has worked out already."""

    def __init__(self, spec: PipelineSpec, catalog: Catalog, profile: ProfileSpec | None = None) -> None:
        self._spec = spec
        self._catalog = catalog
        self._profile = profile
        self._known: dict[tuple[Kind, str], ModelChoice] = {}
        self._profiled: dict[tuple[Kind, str, str], ModelChoice] = {}
        self._inherited: dict[Kind, tuple[dict[str, Any], dict[str, KeyPath]]] = {}
        self._fields = SharedFields(catalog, ())

    def resolve(self, shot: ShotSpec, context: TemplateContext, problems: ProblemCollector) -> ModelChoice | None:
        """Return the models for a shot, or None where its own is wrong (reported) or not known yet."""
        declared = self._declared(shot, context, problems)
        if declared is None:
            kind: Kind | None = None if shot.model is not None else shot.kind or "video"
            parts: tuple[ShotSpec | FallbackSpec, ...] = (shot, *shot.fallback)
            for part in parts:
                self._fields.check_unmade(part, kind, shot, problems)
        if declared is not None and self._profile is not None:
            declared = self._under(self._profile, shot, declared, context, problems)
        if declared is None:
            return None
        fallbacks = fallbacks_of(shot, declared.declared.layer)
        if not fallbacks:
            return declared
        return replace(declared, fallbacks=tuple(self._fallbacks(shot, fallbacks, declared.declared, context, problems)))

    def check_shared(self, problems: ProblemCollector) -> None:
        """Report defaults, and values of the profile, that no model could ever take: a misspelt field, or a model that is not there."""
        used = [(known.declared.kind, known.declared.model) for known in self._known.values()]
        fields = SharedFields(self._catalog, used)
        for defaults in self._spec.defaults:
            for kind in KINDS:
                values, path = defaults.by_kind.get(kind, {}), (*defaults.path, kind)
                if isinstance(model := values.get("model"), str) and not is_template(model):
                    self._shared_model(kind, model, (*path, "model"), problems, what=f"default model for {kind}")
                fields.check(kind, values, path, f"default for {kind}", problems)
        for kind, overlay in self._profile.by_kind.items() if self._profile is not None else ():
            if overlay.model is not None and not is_template(overlay.model):
                self._shared_model(kind, overlay.model, (*overlay.path, "model"), problems, what=f"model for {kind}")
            fields.check(kind, overlay.fields, overlay.path, kind, problems, PROFILED)

    def _under(
        self, profile: ProfileSpec, shot: ShotSpec, choice: ModelChoice, context: TemplateContext, problems: ProblemCollector
    ) -> ModelChoice | None:
        """Return the choice for a shot under a profile; None where the profile's model is wrong (reported) or not known yet."""
        written = choice.declared
        overlay = profile.by_kind.get(written.kind)
        if overlay is None:
            return choice
        model: Model | None = written.model
        if overlay.model is not None:
            path = (*overlay.path, "model")
            name = _rendered_name(shot, overlay.model, path, context, problems)
            model = None if name is None else self._shared_model(written.kind, name, path, problems, what=f"model for {written.kind}")
            if model is None:
                return None
            _warn_if_withdrawn(model, path, problems)
            if yields(model) != written.yields:  # enhancers of stills and of clips are one kind
                apart = f"{model.name} makes {_made(yields(model))}, {written.model.name} {_made(written.yields)}"
                return replace(choice, declared=replace(written, aside=f"profile {profile.name!r} leaves it as it is: {apart}"))
        assert model is not None
        key = (written.kind, written.model.name, model.name)
        if key not in self._profiled:
            layer = ProfileLayer(name=profile.name, overlay=overlay, written=written.model, model=model)
            self._profiled[key] = ModelChoice(declared=replace(self._with_defaults(written.kind, model).declared, layer=layer))
        return self._profiled[key]

    def _declared(self, shot: ShotSpec, context: TemplateContext, problems: ProblemCollector) -> ModelChoice | None:
        if shot.model is None:
            return self._from_defaults(shot, context, problems)
        path: KeyPath = (*shot.path, "model")
        model = self._named(shot, shot.model, path, context, problems)
        if model is None:
            return None
        if shot.kind is not None and shot.kind != model.kind:
            problems.for_shot(shot).add(
                f"kind {shot.kind} contradicts its model: {model.name} is {_a(model.kind)} model",
                (*shot.path, "kind"),
                code="kind",
                hint=f"leave out kind, or choose {_a(shot.kind)} model",
                related=[(path, f"{model.name} makes {_made(yields(model))}")],
            )
            return None
        return self._with_defaults(model.kind, model)

    def _from_defaults(self, shot: ShotSpec, context: TemplateContext, problems: ProblemCollector) -> ModelChoice | None:
        """Return the default model of the shot's kind."""
        kind: Kind = shot.kind or "video"
        values, origins = self._defaults(kind)
        written = values.get("model")
        if not isinstance(written, str):
            problems.for_shot(shot).add(
                f"it has no model, and there is no default model for {kind}",
                (*shot.path, "id"),
                code="no-model",
                hint=f"write `model:` here, or `defaults: {{{kind}: {{model: ...}}}}`; `animatic models --kind {kind}` lists them",
            )
            return None
        path = origins["model"]
        name = _rendered_name(shot, written, path, context, problems)
        model = None if name is None else self._shared_model(kind, name, path, problems, what=f"default model for {kind}")
        if model is None:
            return None
        _warn_if_withdrawn(model, path, problems)
        return self._with_defaults(kind, model)

    def _fallbacks(
        self,
        shot: ShotSpec,
        fallbacks: Sequence[FallbackSpec],
        declared: ModelDefaults,
        context: TemplateContext,
        problems: ProblemCollector,
    ) -> Iterator[tuple[FallbackSpec, Model]]:
        for fallback in fallbacks:
            path = (*fallback.path, "model")
            model = self._named(shot, fallback.model, path, context, problems)
            if model is None:
                self._fields.check_unmade(fallback, declared.kind, shot, problems)
                continue
            made = yields(model)
            if made != declared.yields:
                problems.for_shot(shot).add(
                    f"fallback {model.name} makes {_made(made)}, {declared.model.name} {_made(declared.yields)}",
                    path,
                    code="kind",
                    hint=f"choose {_a(declared.kind)} model: `animatic models --kind {declared.kind}`",
                )
            yield fallback, model

    def _named(self, shot: ShotSpec, written: str, path: KeyPath, context: TemplateContext, problems: ProblemCollector) -> Model | None:
        """Return the catalogue's entry for a model that a shot names; reported where there is none."""
        name = _rendered_name(shot, written, path, context, problems)
        if name is None:
            return None
        model = self._catalog.find(name)
        if model is None:
            problems.for_shot(shot).add(f"there is no model {name!r}", path, code="unknown-model", hint=self._instead(name))
            return None
        _warn_if_withdrawn(model, path, problems)
        return model

    def _shared_model(self, kind: Kind, name: str, path: KeyPath, problems: ProblemCollector, *, what: str) -> Model | None:
        """Return the model that is set for all shots of a kind; reported where there is none of that name, or it is of another kind."""
        model = self._catalog.find(name)
        if model is None:
            problems.add(f"{what}: there is no model {name!r}", path, code="unknown-model", hint=self._instead(name))
        elif model.kind != kind:
            hint = f"choose {_a(kind)} model, or move it to {path[-3]}.{model.kind}"
            problems.add(f"{what}: {name} is {_a(model.kind)} model", path, code="kind", hint=hint)
        return model if model is not None and model.kind == kind else None

    def _instead(self, name: str) -> str:
        """Return the hint for a model that is not there."""
        sunset = self._catalog.sunset(name)
        if sunset is not None:
            use = f"use {sunset.replacement}" if sunset.replacement else "`animatic models` lists what there is"
            return f"Krea switched it off on {sunset.date}; {use}"
        close = self._catalog.nearest(name)
        return f"did you mean {' or '.join(close)}?" if close else "`animatic models` lists them all"

    def _with_defaults(self, kind: Kind, model: Model) -> ModelChoice:
        known = self._known.get((kind, model.name))
        if known is None:
            values, origins = self._defaults(kind)
            inherited = {name: value for name, value in values.items() if name != "model"}
            fitting = {name: value for name, value in inherited.items() if name in model.fields or name in model.aliases}
            defaults = ModelDefaults(
                model=model,
                kind=kind,
                inherited=inherited,
                fitting=fitting,
                left_out=tuple(name for name in inherited if name not in fitting),
                origins=origins,
                yields=yields(model),
            )
            known = self._known[kind, model.name] = ModelChoice(declared=defaults)
        return known

    def _defaults(self, kind: Kind) -> tuple[dict[str, Any], dict[str, KeyPath]]:
        """Return a kind's defaults, and where each was written."""
        if kind not in self._inherited:
            values: dict[str, Any] = {}
            origins: dict[str, KeyPath] = {}
            for defaults in self._spec.defaults:
                for name, value in defaults.by_kind.get(kind, {}).items():
                    values[name] = value
                    origins[name] = (*defaults.path, kind, name)
            self._inherited[kind] = values, origins
        return self._inherited[kind]


def _rendered_name(shot: ShotSpec, written: str, path: KeyPath, context: TemplateContext, problems: ProblemCollector) -> str | None:
    """Return the name of a model, rendered; None where it is not known yet or its template is wrong (reported)."""
    if not is_template(written):
        return written
    try:
        name = context.render(written)
    except TemplateError as mistake:
        problems.for_shot(shot).add(f"model: {mistake.message}", path, code="template", hint=mistake.hint)
        return None
    return str(name.value) if name.known else None


def _warn_if_withdrawn(model: Model, path: KeyPath, problems: ProblemCollector) -> None:
    if model.withdrawn:
        message = f"model {model.name} may be gone: {model.withdrawn}"
        hint = f"`animatic models --kind {model.kind}` lists the others"
        problems.add(message, path, code="withdrawn", severity="warning", hint=hint)


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _made(made: Yield) -> str:
    match made:
        case "video":
            return "clips"
        case "image":
            return "stills"
        case "audio":
            return "sound"
        case "3d":
            return "meshes"
        case _:
            assert_never(made)
