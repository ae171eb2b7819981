"""Decode ``profiles`` of a file: values by kind that win over defaults and shots while a run is made under that name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from animatic.catalog.model import KINDS, Kind
from animatic.spec.cast import decode_cast_list
from animatic.spec.keys import PROFILE_NOT
from animatic.spec.model import Overlay, ProfileSpec
from animatic.spec.section import Section, describe
from animatic.spec.shots import decode_fallbacks
from animatic.suggest import did_you_mean

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}\Z")
_EXAMPLE = "write 'profiles: {draft: {video: {model: bytedance/seedance-2-fast, resolution: 480p}}}'"


def decode_profiles(file: Section) -> Mapping[str, ProfileSpec]:
    """Read ``profiles`` of a file."""
    written = file.mapping("profiles", hint=_EXAMPLE)
    if written is None:
        return {}
    section = file.below("profiles", written, "")
    if not written:
        section.note("there are no profiles", hint=f"{_EXAMPLE}, or remove it", code="empty", severity="warning")
    found: dict[str, ProfileSpec] = {}
    lowered: dict[str, str] = {}
    for name, kinds in written.items():
        if not _NAME.match(name):
            hint = "use letters, digits, '-' and '_', 40 at most, and start with a letter or a digit"
            section.note(f"'{name}' cannot be the name of a profile", name, key=True, hint=hint, code="name")
        other = lowered.setdefault(name.lower(), name)
        if other != name:
            related = ((section.document.place((*section.path, other), key=True), f"'{other}' is here"),)
            message = f"the profiles '{other}' and '{name}' differ only in case"
            section.note(message, name, key=True, hint="rename one of the two", code="duplicate", related=related)
        found[name] = _profile(section, name, kinds)
    return found


def check_profile_name(section: Section, profiles: Mapping[str, ProfileSpec]) -> str | None:
    """Read ``profile``, the name of one; None where there is none, or none of that name (noted)."""
    name = section.text("profile")
    if name is None or name in profiles:
        return name
    section.note(f"there is no profile '{name}'", "profile", hint=no_profile_hint(name, profiles), code="unknown-profile")
    return None


def no_profile_hint(name: str, profiles: Mapping[str, ProfileSpec]) -> str:
    """Return what to write instead of a name that is no profile's."""
    return did_you_mean(name, profiles) if profiles else "the file declares no profiles: they stand at its top, below 'profiles:'"


def _profile(section: Section, name: str, kinds: Any) -> ProfileSpec:
    path = (*section.path, name)
    if not isinstance(kinds, dict) or not kinds:
        if kinds is None or kinds == {}:
            hint = f"give it values by kind: '{name}: {{video: {{resolution: 480p}}}}'"
            section.note(f"profile '{name}' is empty", name, key=True, hint=hint, code="empty", severity="warning")
        else:
            hint = f"write '{name}: {{video: {{resolution: 480p}}}}'"
            section.note(f"profile '{name}' must be a mapping of kinds, and it is {describe(kinds)}", name, hint=hint, code="type")
        return ProfileSpec(name=name, path=path)
    below = section.below(name, kinds, f"profile '{name}'")
    return ProfileSpec(name=name, path=path, by_kind=dict(_kinds(below, kinds)))


def _kinds(profile: Section, kinds: Mapping[str, Any]) -> list[tuple[Kind, Overlay]]:
    found: list[tuple[Kind, Overlay]] = []
    for name, fields in kinds.items():
        kind = next((kind for kind in KINDS if kind == name), None)
        if kind is None:
            hint = did_you_mean(name, KINDS)
            if not isinstance(fields, dict):
                hint = f"a profile sets values by kind: write 'video: {{{name}: ...}}'"
            profile.note(f"'{name}' is not a kind of shot", name, key=True, hint=hint, code="unknown-key")
        elif not isinstance(fields, dict):
            hint = f"write '{kind}: {{resolution: 480p}}'"
            profile.note(f"what it sets for {kind} must be a mapping, and it is {describe(fields)}", kind, hint=hint, code="type")
        else:
            found.append((kind, _overlay(profile.below(kind, fields, profile.label))))
    return found


def _overlay(section: Section) -> Overlay:
    fields = section.values
    for key in PROFILE_NOT:
        if key in fields:
            section.note(f"'{key}' cannot be set by a profile", key, key=True, hint="set it shot by shot", code="unknown-key")
    section.check_empty({"model", "fallback", "cast"}, null="drops what a shot or a default says")
    named = fields.get("fallback") is not None or section.document.written((*section.path, "fallback")) == ""
    return Overlay(
        path=section.path,
        model=section.text("model"),
        fields={key: value for key, value in fields.items() if key not in PROFILE_NOT and key not in {"model", "cast", "fallback"}},
        cast=decode_cast_list(section),
        fallback=None if "fallback" not in fields else tuple(decode_fallbacks(section)) if named else (),
    )
