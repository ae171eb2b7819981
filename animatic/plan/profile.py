"""Applies a profile: what it makes of the shots of one model, and where the mistakes that come of it are told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from animatic.catalog.model import Model
from animatic.errors import KeyPath, Place, Problem, UsageError
from animatic.source import Document
from animatic.spec.model import CastList, FallbackSpec, Overlay, PipelineSpec, ProfileSpec, ShotSpec
from animatic.spec.profiles import no_profile_hint

_OF_SHOT = re.compile(r"(?P<before>profile '[\w-]+': )shot '(?P<id>[^']+)'(?P<after> of .*)", re.DOTALL)
_MAX_NAMED = 6
"""Shots of which one line of a profile makes the same mistake."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfileLayer:
    """What a profile makes of the shots of one kind and model. ``written`` is their model without it, ``model`` the one with it."""

    name: str
    overlay: Overlay
    written: Model
    model: Model

    @property
    def changes_model(self) -> bool:
        """Whether another model makes them."""
        return self.model.name != self.written.name

    def over(self, fields: Mapping[str, Any], inherited: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of a request: those inherited, the shot's own as far as the model has them, the profile's."""
        own = {name: value for name, value in self.overlay.fields.items() if self._takes(name)}
        return {**inherited, **self.kept(fields), **own}

    def kept(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a shot's fields without those that its own model has and this one has not; what neither has stays, as a mistake."""
        if not self.changes_model:
            return fields
        return {name: value for name, value in fields.items() if self._takes(name) or name not in self.written.fields}

    def kept_extra(self, extra_body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what of a shot's ``extra_body`` the model is sent, too: what it has a field for, as nobody checks it."""
        return {name: value for name, value in extra_body.items() if self._takes(name)} if self.changes_model else extra_body

    def lost(self, shot: ShotSpec) -> list[str]:
        """Return the names of what is left out because the model has no such field: the shot's first, then the profile's."""
        kept = {**self.kept(shot.fields), **self.kept_extra(shot.extra_body)}
        gone = [name for name, value in {**shot.fields, **shot.extra_body}.items() if name not in kept and value is not None]
        own = [name for name, value in self.overlay.fields.items() if value is not None and not self._takes(name)]
        return list(dict.fromkeys([*gone, *own]))

    def changes(self, shot: ShotSpec, inherited: Mapping[str, Any], cast: CastList) -> bool:
        """Tell whether the shot's request, or what stands in for it, is another one than without the profile.

        ``inherited`` are the defaults that its model has, ``cast`` whom it takes as it is written.
        """
        if self.changes_model or self.overlay.fallback or (self.overlay.fallback is not None and shot.fallback):
            return True
        if self.overlay.cast is not None and self.overlay.cast != cast:
            return True
        before = {**inherited, **shot.fields}
        return any(before.get(name) != value for name, value in self.overlay.fields.items() if self._takes(name))

    def cause_of(self, name: str) -> KeyPath | None:
        """Return the place in the document at which the profile decides a field: its value, or the model; None: it has no part in it."""
        if name in self.overlay.fields and self._takes(name):
            return (*self.overlay.path, name)
        return (*self.overlay.path, "model") if self.changes_model else None

    def _takes(self, name: str) -> bool:
        return name in self.model.fields or name in self.model.aliases


def fallbacks_of(shot: ShotSpec, layer: ProfileLayer | None) -> tuple[FallbackSpec, ...]:
    """Return the fallbacks of a shot: those that the profile names, else its own."""
    return shot.fallback if layer is None or layer.overlay.fallback is None else layer.overlay.fallback


def profile_named(spec: PipelineSpec, name: str | None) -> ProfileSpec | None:
    """Return a profile of the pipeline's file; None for none. Raises UsageError naming the nearest."""
    if name is None:
        return None
    found = spec.profiles.get(name)
    if found is None:
        raise UsageError(f"there is no profile {name!r}", hint=no_profile_hint(name, spec.profiles))
    return found


def no_effect(document: Document, profile: ProfileSpec, where: str) -> Problem:
    """Return the warning for a profile that changes nothing. ``where`` completes the sentence: ``of 'teaser'``."""
    return Problem(
        f"profile {profile.name!r} changes nothing {where}",
        document.place(profile.path, key=True),
        hint="it sets no other model, and no other value of a field that the shots' models have",
        severity="warning",
        code="no-effect",
    )


def caused_by(profile: ProfileSpec, document: Document, found: tuple[Problem, ...], written: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Return the problems that a pipeline has under a profile and not as it is written, each at the profile's line.

    What stands in the profile keeps its place. What the profile does to a shot elsewhere (a frame that a shorter clip does not have) is
    told at the profile's name, with the shot's place beside it.
    """
    known = {(problem.place, problem.message) for problem in written}
    wrong = {problem.place for problem in written if problem.severity == "error"}
    inside = {document.place(path, key=key) for path in _paths(document, profile.path) for key in (False, True)}
    subject = f"profile {profile.name!r}: "
    caused: list[Problem] = []
    for problem in found:
        if (problem.place, problem.message) in known:
            continue
        told = replace(problem, message=problem.message if problem.message.startswith(subject) else f"{subject}{problem.message}")
        if problem.place not in inside:
            here: tuple[tuple[Place, str], ...] = ((problem.place, "it is here"),) if problem.place is not None else ()
            told = replace(told, place=document.place(profile.path, key=True), related=(*here, *problem.related))
        if wrong.isdisjoint(place for place, _ in told.related):  # else the shot has that mistake of its own
            caused.append(told)
    return tuple(_together(caused))


def _together(problems: list[Problem]) -> Iterator[Problem]:
    """Yield the problems, those once that one line of the profile makes for several shots, which are named as far as there is room."""
    alike: dict[tuple[Place | None, str], list[tuple[str, Problem]]] = {}
    for problem in problems:
        shot = _OF_SHOT.match(problem.message)
        what = f"{shot['before']}{{}}{shot['after']}" if shot else problem.message
        alike.setdefault((problem.place, what), []).append((shot["id"] if shot else "", problem))
    for (_, what), found in alike.items():
        first = found[0][1]
        if len(found) == 1:
            yield first
            continue
        names = list(dict.fromkeys(repr(name) for name, _ in found))
        told = ", ".join(names[:_MAX_NAMED]) + (f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else "")
        yield replace(first, message=what.replace("{}", f"shots {told}", 1))


def _paths(document: Document, path: KeyPath) -> Iterator[KeyPath]:
    """Yield the path of every value of a profile."""
    value: Any = document.data
    for part in path:
        value = value[part]
    yield from _below(value, path)


def _below(value: Any, path: KeyPath) -> Iterator[KeyPath]:
    yield path
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _below(part, (*path, key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _below(part, (*path, index))
