"""Says of a plan who is in it: the members of its cast, by what they are shown, and in which shots."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from animatic.plan.model import FileInput, Input, Plan, ShotInput, shot_of
from animatic.redact import bare_url


@dataclass(frozen=True, kw_only=True, slots=True)
class MemberUse:
    """A member of the cast in a plan."""

    name: str
    images: tuple[str, ...]
    """Shots, files and URLs (without their query) that show it; of all variants, each once."""
    shots: tuple[str, ...]
    """Ids of the shots that take it, in order."""


def cast_of(plan: Plan) -> tuple[MemberUse, ...]:
    """Return the members that the shots of a plan take, in the order in which they come."""
    shots: dict[str, dict[str, None]] = {}
    images: dict[str, dict[str, None]] = {}
    for step in plan.shots:
        for name in step.cast:
            shots.setdefault(name, {})[step.shot] = None
        for item in step.request.inputs if step.cast else ():
            if item.member is not None:
                images.setdefault(item.member, {})[_shown(item)] = None
    return tuple(MemberUse(name=name, images=tuple(images.get(name, ())), shots=tuple(taken)) for name, taken in shots.items())


def cast_lines(plan: Plan) -> Iterator[str]:
    """Yield ``mara (mara-sheet, refs/side.png) in 8 shots`` for each member."""
    for member in cast_of(plan):
        count = len(member.shots)
        shown = f" ({', '.join(member.images)})" if member.images else ""
        yield f"{member.name}{shown} in {count} shot{'s' if count > 1 else ''}"


def _shown(item: Input) -> str:
    if isinstance(item, ShotInput):
        return shot_of(item.step)
    return item.written if isinstance(item, FileInput) else bare_url(item.url)
