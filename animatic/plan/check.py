"""Checks a declaration for `animatic validate`: every mistake that can be seen without running it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from animatic.catalog import Catalog
from animatic.errors import Problem, UsageError
from animatic.plan.params import SAMPLE_RUN, sample_values
from animatic.plan.resolve import ResolveOptions, resolve
from animatic.spec.model import Declaration, PipelineSpec
from animatic.suggest import nearest


@dataclass(frozen=True, kw_only=True, slots=True)
class Examination:
    """The problems of a declaration (warnings included) and its size: ``steps`` counts shots once per variant."""

    problems: tuple[Problem, ...]
    pipelines: int
    shots: int
    steps: int
    edges: int


def check_declaration(declaration: Declaration, catalog: Catalog, *, pipeline: str | None = None) -> tuple[Problem, ...]:
    """Return every problem of a declaration, or of one pipeline of it: the structural ones, then each pipeline's in order of the file.

    Raises UsageError where there is no such pipeline.
    """
    return examine(declaration, catalog, pipeline=pipeline).problems


def examine(declaration: Declaration, catalog: Catalog, *, pipeline: str | None = None) -> Examination:
    """Check a declaration and measure it. Pipelines are resolved with their parameters' defaults.

    A required parameter has its first allowed value; where it allows any, what is made from it is left unchecked.
    """
    specs = declaration.pipelines.values() if pipeline is None else [find_pipeline(declaration, pipeline)]
    problems = list(declaration.problems)
    seen = {(problem.place, problem.message) for problem in problems}
    shots = steps = edges = 0
    for spec in specs:
        resolution = resolve(spec, catalog, _options(spec, {}))
        found = list(resolution.problems)
        known = seen | {(problem.place, problem.message) for problem in found}
        for schedule in spec.schedules:
            if schedule.params:  # nobody is there to see what its runs are refused for
                scheduled = resolve(spec, catalog, _options(spec, schedule.params)).problems
                found += [_of_schedule(problem, schedule.slug) for problem in scheduled if (problem.place, problem.message) not in known]
        for problem in found:  # defaults of the file are met by several pipelines
            if (problem.place, problem.message) not in seen:
                seen.add((problem.place, problem.message))
                problems.append(problem)
        shots += len(spec.shots)
        steps += sum(len(variant.shots) for variant in resolution.variants)
        edges += sum(len(shot.needs) for shot in resolution.variants[0].shots.values()) if resolution.variants else 0
    return Examination(problems=tuple(problems), pipelines=len(specs), shots=shots, steps=steps, edges=edges)


def find_pipeline(declaration: Declaration, name: str) -> PipelineSpec:
    """Return the pipeline of that name. Raises UsageError naming the nearest."""
    spec = declaration.pipelines.get(name)
    if spec is None:
        close = nearest(name, declaration.pipelines)
        known = ", ".join(declaration.pipelines) or "none"
        raise UsageError(f"there is no pipeline {name!r}", hint=f"did you mean {close[0]}?" if close else f"the pipelines are: {known}")
    return spec


def _of_schedule(problem: Problem, slug: str) -> Problem:
    return replace(problem, message=f"{problem.message} (with the params of {'schedule' if slug == 'schedule' else f'schedule {slug}'})")


def _options(spec: PipelineSpec, given: Mapping[str, Any]) -> ResolveOptions:
    samples = frozenset(name for name, param in spec.params.items() if param.required and not param.enum and name not in given)
    return ResolveOptions(params={**sample_values(spec), **given}, run=SAMPLE_RUN, samples=samples, hashing=False)
