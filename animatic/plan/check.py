"""Checks a declaration for `animatic validate`: every mistake that can be seen without running it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from animatic.catalog import Catalog
from animatic.errors import KeyPath, Problem, UsageError
from animatic.plan.params import SAMPLE_RUN, sample_values
from animatic.plan.profile import caused_by, no_effect
from animatic.plan.resolve import Resolution, ResolveOptions, resolve
from animatic.source import Document
from animatic.spec.model import Declaration, PipelineSpec, ProfileSpec, ScheduleSpec
from animatic.suggest import nearest


@dataclass(frozen=True, kw_only=True, slots=True)
class Examination:
    """The problems of a declaration (warnings included) and its size: ``steps`` counts shots once per variant."""

    problems: tuple[Problem, ...]
    pipelines: int
    shots: int
    steps: int
    edges: int
    members: int
    """Of the casts; one of the file counts once."""


def check_declaration(declaration: Declaration, catalog: Catalog, *, pipeline: str | None = None) -> tuple[Problem, ...]:
    """Return every problem of a declaration, or of one pipeline of it: the structural ones, then each pipeline's in order of the file.

    Raises UsageError where there is no such pipeline.
    """
    return examine(declaration, catalog, pipeline=pipeline).problems


def examine(declaration: Declaration, catalog: Catalog, *, pipeline: str | None = None) -> Examination:
    """Check a declaration and measure it. Pipelines are resolved with their parameters' defaults.

    A required parameter has its first allowed value; where it allows any, what is made from it is left unchecked.
    """
    specs = list(declaration.pipelines.values()) if pipeline is None else [find_pipeline(declaration, pipeline)]
    problems = list(declaration.problems)
    seen = {(problem.place, problem.message) for problem in problems}
    idle = _IdleProfiles(pipeline)
    shots = steps = edges = 0
    members: set[tuple[Path, KeyPath]] = set()
    for spec in specs:
        resolution = resolve(spec, catalog, _options(spec, {}))
        found = [*resolution.problems, *_under_profiles(spec, catalog, resolution, idle)]
        known = seen | {(problem.place, problem.message) for problem in found}
        for schedule in spec.schedules:
            if schedule.params:  # nobody is there to see what its runs are refused for
                scheduled = _of_schedule(spec, catalog, schedule)
                found += [_named(problem, schedule.slug) for problem in scheduled if (problem.place, problem.message) not in known]
        for problem in found:  # defaults of the file are met by several pipelines
            if (problem.place, problem.message) not in seen:
                seen.add((problem.place, problem.message))
                problems.append(problem)
        shots += len(spec.shots)
        members |= {(spec.document.path, member.path) for member in spec.cast.values()}
        steps += sum(len(variant.shots) for variant in resolution.variants)
        edges += sum(len(shot.needs) for shot in resolution.variants[0].shots.values()) if resolution.variants else 0
    problems += idle.warnings()
    return Examination(problems=tuple(problems), pipelines=len(specs), shots=shots, steps=steps, edges=edges, members=len(members))


class _IdleProfiles:
    """The profiles that change nothing of any pipeline that is examined."""

    def __init__(self, pipeline: str | None) -> None:
        self._where = "of any pipeline" if pipeline is None else f"of {pipeline!r}"
        self._idle: dict[tuple[str, str], tuple[Document, ProfileSpec, bool]] = {}

    def note(self, spec: PipelineSpec, profile: ProfileSpec, *, idle: bool) -> None:
        """Note whether a profile changes nothing of one pipeline."""
        key = (spec.document.name, profile.name)
        self._idle[key] = (spec.document, profile, idle and self._idle.get(key, (None, None, True))[2])

    def warnings(self) -> list[Problem]:
        """Return one for each of them; an empty profile is told of as such."""
        return [no_effect(document, profile, self._where) for document, profile, idle in self._idle.values() if idle and profile.by_kind]


def _under_profiles(spec: PipelineSpec, catalog: Catalog, written: Resolution, idle: _IdleProfiles) -> Iterator[Problem]:
    """Yield what is wrong with a pipeline under each profile of its file alone."""
    for profile in spec.profiles.values():
        resolution = resolve(spec, catalog, replace(_options(spec, {}), profile=profile))
        caused = caused_by(profile, spec.document, resolution.problems, written.problems)
        idle.note(spec, profile, idle=not resolution.profiled and not caused)
        yield from caused


def _of_schedule(spec: PipelineSpec, catalog: Catalog, schedule: ScheduleSpec) -> Iterator[Problem]:
    """Yield what is wrong with the runs of a schedule."""
    options = _options(spec, schedule.params)
    written = resolve(spec, catalog, options).problems
    yield from written
    if schedule.profile is not None:
        profile = spec.profiles[schedule.profile]
        yield from caused_by(profile, spec.document, resolve(spec, catalog, replace(options, profile=profile)).problems, written)


def find_pipeline(declaration: Declaration, name: str) -> PipelineSpec:
    """Return the pipeline of that name. Raises UsageError naming the nearest."""
    spec = declaration.pipelines.get(name)
    if spec is None:
        close = nearest(name, declaration.pipelines)
        known = ", ".join(declaration.pipelines) or "none"
        raise UsageError(f"there is no pipeline {name!r}", hint=f"did you mean {close[0]}?" if close else f"the pipelines are: {known}")
    return spec


def _named(problem: Problem, slug: str) -> Problem:
    return replace(problem, message=f"{problem.message} (with the params of {'schedule' if slug == 'schedule' else f'schedule {slug}'})")


def _options(spec: PipelineSpec, given: Mapping[str, Any]) -> ResolveOptions:
    samples = frozenset(name for name, param in spec.params.items() if param.required and not param.enum and name not in given)
    return ResolveOptions(params={**sample_values(spec), **given}, run=SAMPLE_RUN, samples=samples, hashing=False)
