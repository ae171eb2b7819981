"""Collecting every problem of a pipeline, each with its place, said once however many shots and variants meet it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from animatic.errors import KeyPath, Place, Problem, Severity
from animatic.spec.model import PipelineSpec, ShotSpec

Related = Iterable[tuple[KeyPath, str]]


@dataclass(kw_only=True, slots=True)
class _Entry:
    problem: Problem
    variants: list[str]


class ProblemCollector:
    """The problems of one pipeline. Set ``variant`` while a variant is being resolved: what only some variants have is said to be theirs."""

    def __init__(self, spec: PipelineSpec) -> None:
        self.spec = spec
        self.variant = ""
        self._found: dict[tuple[Place | None, str], _Entry] = {}

    @property
    def failed(self) -> bool:
        """Tell whether there is an error (and not only warnings)."""
        return any(entry.problem.severity == "error" for entry in self._found.values())

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
        entry = self._found.get((place, message))
        if entry is None:
            notes = tuple((self.spec.document.place(at), note) for at, note in related)
            problem = Problem(message=message, place=place, hint=hint, severity=severity, code=code, related=notes)
            entry = self._found[place, message] = _Entry(problem=problem, variants=[])
        if self.variant not in entry.variants:
            entry.variants.append(self.variant)

    def shot(
        self,
        shot: ShotSpec,
        message: str,
        path: KeyPath,
        *,
        code: str,
        hint: str | None = None,
        key: bool = False,
        severity: Severity = "error",
        related: Related = (),
    ) -> None:
        """Record a problem of one shot; the message is introduced by its name."""
        self.add(
            f"shot {shot.id!r} of {self.spec.name!r}: {message}", path, code=code, hint=hint, key=key, severity=severity, related=related
        )

    def pipeline(
        self, message: str, path: KeyPath, *, code: str, hint: str | None = None, severity: Severity = "error", related: Related = ()
    ) -> None:
        """Record a problem of the pipeline as a whole."""
        self.add(f"pipeline {self.spec.name!r}: {message}", path, code=code, hint=hint, severity=severity, related=related)

    def problems(self, variants: int) -> tuple[Problem, ...]:
        """Return all problems in the order of the document; ``variants`` is how many variants were resolved."""
        found = [_said_of(entry, variants) for entry in self._found.values()]
        return tuple(sorted(found, key=lambda p: (p.place.line, p.place.column) if p.place else (0, 0)))


def _said_of(entry: _Entry, variants: int) -> Problem:
    """Name the variants where only some of several have the problem."""
    named = [name for name in entry.variants if name]
    if not named or len(named) >= variants:
        return entry.problem
    first = entry.problem.message
    text = f"in variant {named[0]}" if len(named) == 1 else f"in {len(named)} of {variants} variants, the first {named[0]}"
    return replace(entry.problem, message=f"{first} ({text})")
