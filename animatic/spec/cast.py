"""Decode which members of the cast a shot takes, and find those that no shot takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from animatic.errors import KeyPath, Problem
from animatic.source import Document
from animatic.spec.model import CastList, MemberSpec, PipelineSpec
from animatic.spec.section import Section, is_template

_MENTION = re.compile(r"\bcast\s*(?:\.\s*([\w-]+)|\[\s*(?:['\"]([\w-]+)['\"]\s*\])?)")
"""A member that a template quotes; without a name where only rendering tells which."""


def decode_cast_list(section: Section) -> CastList | None:
    """Read ``cast`` of a shot, a fallback, or the defaults of a kind: None where it is not there, nobody where it is null."""
    if "cast" not in section.values:
        return None
    written = section.values["cast"]
    if written is None:
        section.check_empty([key for key in section.values if key != "cast"], null="leaves the cast out")
        return ()
    if isinstance(written, str) and is_template(written):
        return written
    if isinstance(written, dict):
        hint = "members are described in 'cast:' of the file or the pipeline; a shot names them: 'cast: [mara]'"
        section.wrong("cast", "a list of names", hint=hint)
        return ()
    return section.texts("cast") or ()


def unused_members(document: Document, own: Mapping[str, MemberSpec], pipelines: Iterable[PipelineSpec]) -> Iterator[Problem]:
    """Yield a warning for every member of the file, or of one of its pipelines, that no shot takes and no template quotes."""
    specs = list(pipelines)
    used: set[KeyPath] = set()
    for spec in specs:
        if spec.cast:
            names = _names(spec)
            used |= {member.path for name, member in spec.cast.items() if names is None or name in names}
    declared = [*own.values(), *(member for spec in specs for member in spec.cast.values() if own.get(member.name) is not member)]
    for member in declared:
        if member.path not in used:
            yield Problem(
                f"cast member '{member.name}': no shot takes it",
                document.place(member.path, key=True),
                hint=f"write 'cast: [{member.name}]' on a shot, or {{{{ cast.{member.name} }}}} in its prompt",
                severity="warning",
                code="unused",
            )


def _names(spec: PipelineSpec) -> set[str] | None:
    """Return the members that a pipeline takes or quotes; None where only rendering tells."""
    found: set[str] = set()
    lists: list[CastList | None] = [shot.cast for shot in spec.shots]
    lists += [fallback.cast for shot in spec.shots for fallback in shot.fallback]
    overlays = [overlay for profile in spec.profiles.values() for overlay in profile.by_kind.values()]
    lists += [overlay.cast for overlay in overlays]
    lists += [people for defaults in spec.defaults for people in defaults.cast.values()]
    for people in lists:
        if isinstance(people, str) or (people and any(is_template(name) for name in people)):
            return None
        found.update(people or ())
    for text in _templates([[shot.fields, shot.scene, shot.title, shot.line, shot.extra_body] for shot in spec.shots]):
        for dotted, quoted in _MENTION.findall(text):
            if not dotted and not quoted:
                return None
            found.add(dotted or quoted)
    for text in _templates([[fallback.fields for fallback in shot.fallback] for shot in spec.shots if shot.fallback]):
        found.update(dotted or quoted for dotted, quoted in _MENTION.findall(text))
    for text in _templates(
        [*(fields for defaults in spec.defaults for fields in defaults.by_kind.values()), *(o.fields for o in overlays)]
    ):
        found.update(dotted or quoted for dotted, quoted in _MENTION.findall(text))
    return found


def _templates(value: Any) -> Iterator[str]:
    """Yield the templates in a value that speak of the cast."""
    if isinstance(value, str):
        if "cast" in value and is_template(value):
            yield value
    elif isinstance(value, Mapping | list | tuple):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _templates(part)
