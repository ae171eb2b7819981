"""Tells the simulator's slates which shot they stand for: number, title, sources, and where the clip begins in the reel."""

from __future__ import annotations

from collections.abc import Mapping

from animatic.catalog.model import field_name
from animatic.cut.model import CutShot
from animatic.cut.timing import HOLD_SECONDS
from animatic.plan.model import Input, Plan, Request, ShotInput, Step
from animatic.slate import SlateNote

SOURCE_CLIPS = frozenset({"edit_video", "init_video", "video_reference", "video_url"})
"""Fields that take the clip that is reworked: without a length of its own, the result is as long as that."""


def slate_of(plan: Plan, step: Step, request: Request, *, shared: bool = True) -> SlateNote:
    """Return what a slate for this request of a step is told.

    ``shared``: the take is that of equal shots of other variants too. Then the slate tells what holds for all of them.
    """
    steps = {other.key: other for other in plan.steps}
    of_all = [other for other in plan.steps if other.fingerprint == step.fingerprint] if shared else [step]
    lines, titles, variants = ({getattr(other, name) for other in of_all} for name in ("line", "title", "variant_name"))
    places = {_reel_at(plan, other, steps) for other in of_all}
    return SlateNote(
        shot=step.shot,
        number=step.number,
        count=max(other.number for other in plan.steps),
        title=step.title or "" if len(titles) == 1 else "",
        line=step.line or "" if len(lines) == 1 else "",
        variant=step.variant_name if len(variants) == 1 else "",
        reel_at=places.pop() if len(places) == 1 else None,
        sources=tuple((field_name(item.path), words) for item in request.inputs if (words := _words(item, steps))),
    )


def seconds_of(step: Step, steps: Mapping[str, Step]) -> float | None:
    """Return how long the clip of a step will be, as far as the plan tells: an edit is as long as what it reworks."""
    request = step.request
    if request.duration is not None:
        return request.duration
    for item in request.inputs:
        if isinstance(item, ShotInput) and item.frame is None and field_name(item.path) in SOURCE_CLIPS and item.step in steps:
            return seconds_of(steps[item.step], steps)
    return None


def _reel_at(plan: Plan, step: Step, steps: Mapping[str, Step]) -> float | None:
    """Return where the clip begins in the first reel that has it."""
    for cut in plan.cuts:
        if step.key not in cut.steps:
            continue
        shots = cut.shots[: cut.steps.index(step.key) + 1]
        lengths = [_seen(shot, steps) for shot in shots[:-1]]
        known = [seconds for seconds in lengths if seconds is not None]
        if len(known) < len(lengths):
            return None
        overlaps = sum(shot.enter.seconds for shot in shots[1:] if shot.enter.kind == "crossfade")
        return max(0.0, round(sum(known) - overlaps, 3))
    return None


def _seen(shot: CutShot, steps: Mapping[str, Step]) -> float | None:
    """Return how long a shot of a cut is seen, as far as the plan tells."""
    if shot.still:
        return shot.hold or HOLD_SECONDS
    if shot.trim is not None:
        return shot.trim[1] - shot.trim[0]
    return seconds_of(steps[shot.step], steps) if shot.step in steps else None


def _words(item: Input, steps: Mapping[str, Step]) -> str:
    """Return ``dawn, last frame``, ``mara (mara-sheet)``, or of a member's file its name alone; empty for other files and addresses."""
    if not isinstance(item, ShotInput):
        return item.member or ""
    if item.member:
        return f"{item.member} ({steps[item.step].shot if item.step in steps else item.step})"
    name = steps[item.step].shot if item.step in steps else item.step
    match item.frame:
        case None:
            return name
        case str(which):
            return f"{name}, {which} frame"
        case moment:
            return f"{name}, frame at {moment:g} s"
