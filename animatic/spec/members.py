"""Decode the members of the cast: who and what must look the same in every shot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from animatic.errors import KeyPath
from animatic.spec.keys import MEMBER
from animatic.spec.model import MemberSpec
from animatic.spec.section import Section, describe, is_template
from animatic.spec.shots import check_name

_EXAMPLE = "write 'mara: {images: refs/mara.png, prompt: \"Mara, 34, red raincoat\"}'"


def decode_cast(section: Section) -> dict[str, MemberSpec]:
    """Read ``cast`` of a file or a pipeline."""
    written = section.values.get("cast")
    if isinstance(written, list) and written and all(isinstance(name, str) for name in written):
        hint = f"here members are described: {_EXAMPLE}; what every shot takes is 'defaults: {{video: {{cast: [{', '.join(written)}]}}}}'"
        section.wrong("cast", "a mapping of names to members", hint=hint)
        return {}
    values = section.mapping("cast", hint=_EXAMPLE)
    if values is None:
        return {}
    below = section.below("cast", values, f"{section.label}, cast" if section.label else "cast")
    found: dict[str, MemberSpec] = {}
    for name, member in values.items():
        if not check_name(below, name, "the name of a member", name, key=True, why="templates name it: "):
            continue
        if not isinstance(member, dict):
            written = member if isinstance(member, str) and member.strip() else f"refs/{name}.png"
            hint = f"write '{name}: {{images: {written}}}'"
            below.note(f"member '{name}' must be a mapping, and it is {describe(member)}", name, key=member is None, hint=hint, code="type")
            continue
        found[name] = _member(below.below(name, member, f"cast member '{name}'"), name)
    return found


def _member(section: Section, name: str) -> MemberSpec:
    section.check_keys(MEMBER)
    member = MemberSpec(
        name=name,
        path=section.path,
        images=tuple(_images(section)),
        prompt=section.text("prompt"),
        style=section.text("style"),
        strength=_strength(section),
    )
    if not section.values:
        section.note("nothing is said of it", key=True, hint="give it images, a prompt or a style", code="empty")
    elif "strength" in section.values and not any(key in section.values for key in ("images", "style")):
        section.note("a strength needs images or a style", "strength", key=True, hint="remove it", code="unknown-key")
    return member


def _images(section: Section) -> Iterator[tuple[Any, KeyPath]]:
    """Yield each image as written, with its place."""
    if "images" not in section.values:
        return
    written = section.values["images"]
    path: KeyPath = (*section.path, "images")
    if isinstance(written, list):
        if not written:
            section.note("the list of images is empty", "images", hint="name a file, a URL or an image shot, or remove it", code="empty")
        items = [(item, (*path, index)) for index, item in enumerate(written)]
    else:
        items = [(written, path)]
    for item, at in items:
        if (isinstance(item, str) and item.strip()) or (isinstance(item, dict) and item):
            yield item, at
        else:
            forms = "write a file, a URL or the id of an image shot"
            inside = at[len(section.path) :]
            section.note(f"images holds references, and this is {describe(item)}", *inside, hint=forms, code="type")


def _strength(section: Section) -> float | str | None:
    value = section.values.get("strength")
    if "strength" not in section.values or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        return value
    if isinstance(value, str) and is_template(value):
        return value
    section.wrong("strength", "a number", hint="write it without quotes, as in 'strength: 0.8'")
    return None
