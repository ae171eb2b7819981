"""The one way from a pipeline as written to its shots: matrix, `when`, models, bodies, references. `validate` and `plan` both walk it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from animatic.catalog import Catalog
from animatic.errors import KeyPath, Problem
from animatic.plan import variants
from animatic.plan.choosing import ModelResolver
from animatic.plan.drafts import Shot
from animatic.plan.filling import BodyRenderer
from animatic.plan.linking import ReferenceLinker
from animatic.plan.reporting import ProblemCollector
from animatic.plan.requesting import RequestBuilder
from animatic.plan.templates import Names, TemplateError, is_template, mentions, render, scopes
from animatic.plan.variants import ONLY, Variant
from animatic.spec.model import MatrixSpec, PipelineSpec, ShotSpec
from animatic.suggest import nearest


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolveOptions:
    """What one resolution takes for given.

    ``samples`` names parameters whose values are only stand-ins; what is made from them is not checked. ``hashing``: reference files are read whole
    (for fingerprints), not only looked at.
    """

    params: Mapping[str, Any]
    run: Mapping[str, Any]
    samples: frozenset[str] = frozenset()
    hashing: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolvedVariant:
    """The shots of one variant by id, those that `when` leaves out included, and the ids of the reel's shots (None: no reel)."""

    variant: Variant
    shots: Mapping[str, Shot]
    cut: tuple[str, ...] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolution:
    """All variants, and every problem met on the way. Only without errors are the shots complete."""

    variants: tuple[ResolvedVariant, ...]
    problems: tuple[Problem, ...]


def resolve(spec: PipelineSpec, catalog: Catalog, given: ResolveOptions) -> Resolution:
    """Resolve a pipeline. Mistakes are reported, never raised."""
    reporter = ProblemCollector(spec)
    chooser = ModelResolver(spec, catalog, reporter)
    requester = RequestBuilder(catalog, reporter)
    linker = ReferenceLinker(reporter, hashing=given.hashing, certain=not given.samples)
    found: list[ResolvedVariant] = []
    combinations = _variants(spec, given, reporter)
    axes = _uncertain_axes(spec, given.samples)
    for variant in combinations:
        reporter.variant = variant.name
        shots = {shot.id: Shot(spec=shot, number=number, variant=variant) for number, shot in enumerate(spec.shots, start=1)}
        names = scopes(params=given.params, run=given.run, matrix=variant.values)
        for shot in shots.values():
            names["shot"] = Names("shot", {"id": shot.spec.id})
            _resolve(shot, BodyRenderer(names, given.samples, axes), chooser, requester, reporter)
        linker.link(shots)
        found.append(ResolvedVariant(variant=variant, shots=shots, cut=_cut(spec, shots, reporter)))
    reporter.variant = ""
    chooser.check_defaults()
    return Resolution(variants=tuple(found), problems=reporter.problems(len(combinations)))


def _resolve(shot: Shot, filler: BodyRenderer, chooser: ModelResolver, requester: RequestBuilder, reporter: ProblemCollector) -> None:
    """Decide whether the shot is made, by what, and with which requests."""
    spec = shot.spec
    shot.left_out = not _wanted(spec, filler, reporter)
    shot.title = _title(spec, filler, reporter)
    shot.kit = chooser.kit(spec, filler)
    if shot.kit is None:
        return
    shot.drafts.append(requester.declared(shot, shot.kit, filler))
    for chosen in spec.fallback:
        path = (*chosen.path, "model")
        model = chooser.model(spec, chosen.model, path, filler)
        if model is None:
            continue
        draft = requester.fallback(shot, shot.kit, model, chosen, filler)
        if draft.yields != shot.kit.yields:
            reporter.shot(
                spec,
                f"fallback {model.name} makes {_made(draft.yields)}, {shot.kit.model.name} {_made(shot.kit.yields)}",
                path,
                code="kind",
                hint=f"choose a {shot.kit.kind} model: `animatic models --kind {shot.kit.kind}`",
            )
        shot.drafts.append(draft)


def _wanted(spec: ShotSpec, filler: BodyRenderer, reporter: ProblemCollector) -> bool:
    """Evaluate ``when``: an expression, with or without braces around it, that is true or false."""
    when = spec.when
    if when is None or isinstance(when, bool):
        return when is None or when
    path = (*spec.path, "when")
    try:
        value, known = filler.text(when if is_template(str(when)) else f"{{{{ {when} }}}}")
    except TemplateError as mistake:
        reporter.shot(spec, f"when: {mistake.message}", path, code="template", hint=mistake.hint)
        return True
    if not known:
        return True
    if isinstance(value, str) and value.strip().lower() in {"true", "false"}:
        return value.strip().lower() == "true"
    if value is None or isinstance(value, bool):
        return bool(value)
    reporter.shot(
        spec,
        f"when comes out as {value!r}, neither true nor false",
        path,
        code="when",
        hint="compare inside the braces: when: \"{{ params.mood == 'noir' }}\"",
    )
    return True


def _title(spec: ShotSpec, filler: BodyRenderer, reporter: ProblemCollector) -> str | None:
    if spec.title is None:
        return None
    try:
        return str(filler.text(spec.title)[0])
    except TemplateError as mistake:
        reporter.shot(spec, f"title: {mistake.message}", (*spec.path, "title"), code="template", hint=mistake.hint)
        return spec.title


def _cut(spec: PipelineSpec, shots: Mapping[str, Shot], reporter: ProblemCollector) -> tuple[str, ...] | None:
    """Return the ids of the reel's shots, without those that `when` leaves out."""
    if spec.cut is None:
        return None
    if spec.cut.shots is None:
        clips = [name for name, shot in shots.items() if shot.kit and shot.kit.yields == "video"]
        if not clips and all(shot.kit for shot in shots.values()):
            reporter.pipeline(
                "there is no video shot to cut a reel from",
                spec.cut.path,
                code="cut",
                hint="take `cut` out",
            )
        return tuple(name for name in clips if not shots[name].left_out)
    for index, name in enumerate(spec.cut.shots):
        path: KeyPath = (*spec.cut.path, "shots", index)
        shot = shots.get(name)
        if shot is None:
            close = nearest(name, shots)
            hint = f"did you mean {close[0]}?" if close else f"the shots are {', '.join(list(shots)[:8])}"
            reporter.pipeline(f"cut names {name!r}, which is no shot", path, code="cut", hint=hint)
        elif shot.kit and shot.kit.yields == "image":
            related = [((*shot.spec.path, "id"), f"shot {name!r} is made by {shot.kit.model.name}")]
            reporter.pipeline(
                f"cut names {name!r}, which is a still", path, code="cut", hint="a reel is cut from clips only", related=related
            )
    return tuple(name for name in spec.cut.shots if name in shots and not shots[name].left_out)


def _variants(spec: PipelineSpec, given: ResolveOptions, reporter: ProblemCollector) -> tuple[Variant, ...]:
    matrix = spec.matrix
    if matrix is None:
        return (ONLY,)
    count = variants.size(matrix.axes) + len(matrix.include)
    if count > variants.MOST:
        reporter.pipeline(
            f"the matrix makes {count:,} variants; at most {variants.MOST:,} are allowed",
            matrix.path,
            code="matrix",
            hint="use fewer values, or several pipelines",
        )
        return ()
    names = scopes(params=given.params, run=given.run)
    axes = {
        axis: tuple(_rendered(value, names, (*matrix.path, axis, index), reporter) for index, value in enumerate(values))
        for axis, values in matrix.axes.items()
    }
    known = {*axes, *(key for entry in matrix.include for key in entry)}
    for index, entry in enumerate(matrix.exclude):
        for key in entry:
            if key not in known:
                close = nearest(key, known)
                hint = f"did you mean {close[0]!r}?" if close else f"the axes are {', '.join(axes)}"
                path = (*matrix.path, "exclude", index, key)
                reporter.pipeline(f"the matrix has no axis {key!r} to exclude by", path, code="matrix", hint=hint)
    found = variants.expand(axes, matrix.include, matrix.exclude)
    if not found:
        reporter.pipeline("the matrix leaves no variant", matrix.path, code="matrix", hint=_why_empty(matrix))
    return found


def _rendered(value: Any, names: Mapping[str, Names], path: KeyPath, reporter: ProblemCollector) -> Any:
    """Render one matrix value; it sees params and run."""
    if not isinstance(value, str) or not is_template(value):
        return value
    try:
        return render(value, names)
    except TemplateError as mistake:
        reporter.pipeline(f"matrix: {mistake.message}", path, code="template", hint=mistake.hint)
        return value


def _uncertain_axes(spec: PipelineSpec, samples: frozenset[str]) -> frozenset[str]:
    """Return the axes with a value that is made from a parameter without a value."""
    axes = spec.matrix.axes if spec.matrix is not None else {}
    return frozenset(
        axis for axis, values in axes.items() if any(isinstance(value, str) and mentions(value, "params", samples) for value in values)
    )


def _why_empty(matrix: MatrixSpec) -> str:
    return "its excludes take all of them away" if matrix.exclude else "give every axis at least one value"


def _made(made: str) -> str:
    return "clips" if made == "video" else "stills"
