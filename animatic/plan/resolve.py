"""Resolves a declared pipeline into shots: expands the matrix, evaluates `when`, picks models, renders bodies, links references.

`validate` and `plan` share it. Each stage takes what the one before it has finished and returns something frozen of its own; mistakes go
to a `ProblemCollector`, and a stage makes the best of what is left, so that all mistakes are found at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from animatic.catalog import Catalog
from animatic.cut.model import Cut
from animatic.errors import Problem
from animatic.plan.cast import VariantCast
from animatic.plan.casting import CastFiller
from animatic.plan.cuts import CutResolver
from animatic.plan.destinations import check_deliver
from animatic.plan.labels import Labels, described
from animatic.plan.lines import with_lines
from animatic.plan.linking import LinkedShot, ReferenceLinker
from animatic.plan.matrix import Variant, resolve_matrix, uncertain_axes
from animatic.plan.model_choice import ModelResolver
from animatic.plan.params import render_params
from animatic.plan.picking import check_pick
from animatic.plan.problems import ProblemCollector
from animatic.plan.request import RequestBuilder, ShotDraft
from animatic.plan.scopes import TemplateError, scopes
from animatic.plan.select import cycles
from animatic.plan.templates import TemplateContext
from animatic.source.parser import collector_paused
from animatic.spec.model import PipelineSpec, ProfileSpec, ShotSpec
from animatic.spec.section import is_template


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolveOptions:
    """What one resolution takes for given.

    ``samples`` names parameters whose values are only stand-ins; what is made from them is not checked. ``hashing``: reference files are
    read whole (for fingerprints), not only looked at. ``profile`` wins over defaults and shots; None: as written.
    """

    params: Mapping[str, Any]
    run: Mapping[str, Any]
    samples: frozenset[str] = frozenset()
    hashing: bool = True
    profile: ProfileSpec | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolvedVariant:
    """The shots of one variant by id, those that `when` leaves out included, and its cuts."""

    variant: Variant
    shots: Mapping[str, LinkedShot]
    cuts: tuple[Cut, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolution:
    """All variants, and every problem met on the way. Only without errors are the shots complete."""

    variants: tuple[ResolvedVariant, ...]
    problems: tuple[Problem, ...]
    params: Mapping[str, Any]
    """With the templates among them rendered."""
    labels: Labels

    @property
    def profiled(self) -> bool:
        """Whether the profile makes another request of any shot; True also where a shot's model is not known."""
        drafts = (shot.draft for variant in self.variants for shot in variant.shots.values())
        return any(draft.model is None or any(request.profiled for request in draft.requests) for draft in drafts)


def resolve(spec: PipelineSpec, catalog: Catalog, options: ResolveOptions) -> Resolution:
    """Resolve a pipeline. Mistakes are reported, never raised."""
    problems = ProblemCollector(spec=spec)
    models = ModelResolver(spec, catalog, options.profile)
    filler = CastFiller(catalog)
    references = ReferenceLinker(spec, hashing=options.hashing, certain=not options.samples)
    cuts = CutResolver(spec=spec, linker=references, certain=not options.samples)
    params = render_params(spec, options.params, options.run, problems)
    labels = described(spec, params, options.run, problems)
    check_deliver(spec, params, options.samples, problems)
    axes = uncertain_axes(spec.matrix, options.samples)
    variants = resolve_matrix(spec.matrix, TemplateContext(names=scopes(params=params, run=options.run)), problems)
    resolved: list[ResolvedVariant] = []
    with collector_paused():
        for variant in variants:
            ours = problems.for_variant(variant.name)
            names = scopes(params=params, run=options.run, matrix=variant.values)
            cast = VariantCast(spec, TemplateContext(names=names, sample_params=options.samples, sample_axes=axes), ours)
            context = with_lines(spec, cast.context, ours)
            requests = RequestBuilder(spec, catalog, cast, filler)
            drafts = {shot.spec.id: shot for shot in _drafts(spec, variant, context, models, requests, ours)}
            for draft in drafts.values():
                check_pick(draft, spec, ours)
            shots = {name: references.link_shot(shot, drafts, ours) for name, shot in drafts.items()}
            _check_cycles(shots, ours)
            resolved.append(ResolvedVariant(variant=variant, shots=shots, cuts=cuts.resolve(variant, shots, context, ours)))
    models.check_shared(problems)
    return Resolution(variants=tuple(resolved), problems=problems.problems(len(variants)), params=params, labels=labels)


def _drafts(
    spec: PipelineSpec,
    variant: Variant,
    context: TemplateContext,
    models: ModelResolver,
    requests: RequestBuilder,
    problems: ProblemCollector,
) -> Iterator[ShotDraft]:
    """Yield the shots of one variant: whether each is made, by which model, with which requests."""
    for number, shot in enumerate(spec.shots, start=1):
        names = context.for_shot(shot.id)
        wanted = _is_wanted(shot, names, problems)
        scene, title = (_rendered(shot, key, text, names, problems) for key, text in (("scene", shot.scene), ("title", shot.title)))
        choice = models.resolve(shot, names, problems)
        yield ShotDraft(
            spec=shot,
            number=number,
            variant=variant,
            scene=scene,
            title=title,
            line=context.lines.get(shot.id),
            left_out=not wanted,
            model=choice.declared.model if choice else None,
            yields=choice.declared.yields if choice else None,
            requests=requests.build(shot, choice, names, problems, wanted=wanted) if choice else (),
        )


def _is_wanted(shot: ShotSpec, context: TemplateContext, problems: ProblemCollector) -> bool:
    """Evaluate ``when``: an expression, with or without braces around it, that is true or false."""
    when = shot.when
    if when is None or isinstance(when, bool):
        return when is None or when
    path = (*shot.path, "when")
    try:
        rendered = context.render(when if is_template(str(when)) else f"{{{{ {when} }}}}")
    except TemplateError as mistake:
        problems.for_shot(shot).add(f"when: {mistake.message}", path, code="template", hint=mistake.hint)
        return True
    value = rendered.value
    if not rendered.known:
        return True
    if isinstance(value, str) and value.strip().lower() in {"true", "false"}:
        return value.strip().lower() == "true"
    if value is None or isinstance(value, bool):
        return bool(value)
    problems.for_shot(shot).add(
        f"when comes out as {value!r}, neither true nor false",
        path,
        code="when",
        hint="compare inside the braces: when: \"{{ params.mood == 'noir' }}\"",
    )
    return True


def _rendered(shot: ShotSpec, key: str, text: str | None, context: TemplateContext, problems: ProblemCollector) -> str | None:
    """Render a text that is for people."""
    if text is None:
        return None
    try:
        return str(context.render(text).value)
    except TemplateError as mistake:
        problems.for_shot(shot).add(f"{key}: {mistake.message}", (*shot.path, key), code="template", hint=mistake.hint)
        return text


def _check_cycles(shots: Mapping[str, LinkedShot], problems: ProblemCollector) -> None:
    """Report the shots that wait for each other."""
    for cycle in cycles({name: [need for need in shot.needs if need in shots] for name, shot in shots.items()}):
        pairs = zip(cycle, (*cycle[1:], cycle[0]), strict=True)
        places = [(shots[name].needs[need], f"{name} needs {need}") for name, need in pairs]
        problems.for_shot(shots[cycle[0]].draft.spec).add(
            f"shots wait for each other: {' → '.join((*cycle, cycle[0]))}",
            places[0][0],
            code="cycle",
            hint="one of them has to start from something else",
            related=places[1:],
        )
