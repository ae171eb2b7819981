"""Collects every problem of a pipeline, each with its place, reported once however many shots and variants meet it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from animatic.errors import KeyPath, Place, Problem, Severity
from animatic.spec.model import PipelineSpec, ShotSpec

Related = Iterable[tuple[KeyPath, str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Entry:
    """A problem and the names of the variants that have it, in the order in which they met it."""

    problem: Problem
    variants: dict[str, None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class ProblemCollector:
    """Collects the problems of one pipeline.

    ``for_variant``, ``for_shot`` and ``for_pipeline`` return collectors that add to the same list and say whose the problem is: ``variant``
    is named where only some variants have it, ``subject`` introduces the message.
    """

    spec: PipelineSpec
    variant: str = ""
    subject: str = ""
    _entries: dict[tuple[Place | None, str], _Entry] = field(default_factory=dict)

    def for_variant(self, name: str) -> ProblemCollector:
        """Return a collector for problems met while one variant is resolved."""
        return ProblemCollector(spec=self.spec, variant=name, subject=self.subject, _entries=self._entries)

    def for_shot(self, shot: ShotSpec) -> ProblemCollector:
        """Return a collector for problems of one shot."""
        return self._about(f"shot {shot.id!r} of {self.spec.name!r}: ")

    def for_member(self, name: str) -> ProblemCollector:
        """Return a collector for problems of one member of the cast: the same for all shots that take it."""
        return self._about(f"cast member {name!r}: ")

    def for_pipeline(self) -> ProblemCollector:
        """Return a collector for problems of the pipeline as a whole."""
        return self._about(f"pipeline {self.spec.name!r}: ")

    def _about(self, subject: str) -> ProblemCollector:
        return ProblemCollector(spec=self.spec, variant=self.variant, subject=subject, _entries=self._entries)

    def add(
        self,
        message: str,
        path: KeyPath,
        *,
        code: str,
        hint: str | None = None,
        key: bool = False,
        severity: Severity = "error",
        related: Related = (),
    ) -> None:
        """Record a problem at a path of the document (``key``: at the key instead of the value)."""
        place = self.spec.document.place(path, key=key)
        text = f"{self.subject}{message}"
        if (place, text) in self._entries:
            self._entries[place, text].variants[self.variant] = None
            return
        notes = tuple((self.spec.document.place(at), note) for at, note in related)
        self.include(Problem(message=text, place=place, hint=hint, severity=severity, code=code, related=notes))

    def include(self, problem: Problem) -> None:
        """Record a problem that somebody else has put into words."""
        entry = self._entries.setdefault((problem.place, problem.message), _Entry(problem=problem))
        entry.variants[self.variant] = None

    def problems(self, variants: int) -> tuple[Problem, ...]:
        """Return all problems in the order of the document; ``variants`` is how many variants were resolved."""
        found = [_naming_variants(entry, variants) for entry in self._entries.values()]
        return tuple(sorted(found, key=lambda p: (p.place.line, p.place.column) if p.place else (0, 0)))


def _naming_variants(entry: _Entry, variants: int) -> Problem:
    """Name the variants where only some of several have the problem."""
    named = [name for name in entry.variants if name]
    if not named or len(named) >= variants:
        return entry.problem
    first = entry.problem.message
    text = f"in variant {named[0]}" if len(named) == 1 else f"in {len(named)} of {variants} variants, the first {named[0]}"
    return replace(entry.problem, message=f"{first} ({text})")
