"""What is wrong with the times of a cut, as far as lengths are known before a clip is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from animatic.catalog.model import field_name
from animatic.cut.model import CutShot, Sound, SoundShot
from animatic.cut.timing import HOLD_SECONDS, ways_through
from animatic.plan.linking import LinkedShot
from animatic.plan.model import ShotInput, shot_of
from animatic.plan.problems import ProblemCollector
from animatic.plan.slates import SOURCE_CLIPS
from animatic.spec.cut_model import CutShotSpec, CutSpec, VoiceSpec
from animatic.spec.section import is_template
from animatic.suggest import nearest

Seen = Sequence[tuple[CutShotSpec, LinkedShot]]


def check_lengths(
    spec: CutSpec, cut_shots: Sequence[CutShot], seen: Seen, shots: Mapping[str, LinkedShot], problems: ProblemCollector
) -> None:
    """Report trims beyond a clip, holds of clips, and transitions that are longer than what they join."""
    lengths = [_checked_length(entry, shot, shots, problems) for entry, shot in seen]
    if seen and (first := seen[0][0]).transition is not None and first.transition.kind == "crossfade":
        hint = "write '{fade: 0.5}' to come out of black, or take it out"
        where = (*first.path[:-1], "transition")
        problems.add(f"cut: {first.shot!r} comes first: there is nothing to crossfade from", where, code="cut", hint=hint)
    enters = [shot.enter for shot in cut_shots]
    for at, length in enumerate(lengths):
        if length is None:
            continue
        into, out = ways_through(enters, at)
        if into + out <= length:
            continue
        entry = seen[at][0]
        which = "its transition takes" if not (into and out) else "the transitions at both ends take"
        message = f"cut: {entry.shot!r} is seen for {length:g} s, and {which} {into + out:g} s of it"
        # the longer of the two is where a person would shorten
        longer = entry if into >= out or at + 1 == len(seen) else seen[at + 1][0]
        where = (*longer.path[:-1], "transition") if longer.transition is not None else (*spec.path, "transition")
        problems.add(message, where, code="cut", hint="make the transition shorter, or the shot longer")


def check_captions(spec: CutSpec, seen: Seen, sound: Sound, shots: Mapping[str, LinkedShot], problems: ProblemCollector) -> None:
    """Warn of captions that are asked for where nothing that is seen or spoken has a ``line``: there would be none."""
    if not spec.captions or not seen:
        return
    heard = {voice.source.step for voice in sound.voices if isinstance(voice.source, SoundShot)}
    speaking = [shot.draft for _, shot in seen] + [shot.draft for shot in shots.values() if shot.draft.key in heard]
    if any(draft.line for draft in speaking):
        return
    hint = "write what is said on a shot, as in 'line: Nobody came.', or take 'captions' out"
    others = [shot.draft.spec.id for shot in shots.values() if shot.draft.line and not shot.draft.left_out]
    if others:
        hint = f"the cut shows or voices none of {', '.join(others)}, which have one; {hint}"
    message = "cut: captions are asked for, and no shot of the cut has a 'line'"
    problems.add(message, (*spec.path, "captions"), code="cut", hint=hint, severity="warning")


def _checked_length(entry: CutShotSpec, shot: LinkedShot, shots: Mapping[str, LinkedShot], problems: ProblemCollector) -> float | None:
    """Return how long an entry is seen, in seconds, as far as that is known."""
    draft, above = shot.draft, entry.path[:-1]
    if draft.yields == "image":
        if entry.trim is not None:
            hint = "write 'hold: 3' for how long it stays"
            problems.add(f"cut: {entry.shot!r} is a still, which has no trim", (*above, "trim"), code="cut", hint=hint)
        return entry.hold or HOLD_SECONDS
    if entry.hold is not None and draft.yields == "video":
        hint = "write 'trim: [0, 3]' to show a part of it"
        problems.add(f"cut: {entry.shot!r} is a clip, and only a still is held", (*above, "hold"), code="cut", hint=hint)
    length = _clip_length(shot, shots)
    if entry.trim is None:
        return length
    begin, end = entry.trim
    if length is not None and end > length:
        hint = f"trim within 0 to {length:g}, or make the shot longer"
        related = [((*draft.spec.path, "id"), f"shot {entry.shot!r} is declared here")]
        message = f"cut: the trim of {entry.shot!r} ends at {end:g} s, and its clip lasts {length:g} s"
        problems.add(message, (*above, "trim"), code="cut", hint=hint, related=related)
    return end - begin


def _clip_length(shot: LinkedShot, shots: Mapping[str, LinkedShot], *, depth: int = 0) -> float | None:
    """Return the seconds of a clip that its request asks for; an edit is as long as what it reworks."""
    if not shot.requests or depth > len(shots):
        return None
    request = shot.requests[0]
    if request.draft.duration is not None:
        return request.draft.duration
    for item in request.inputs:
        if isinstance(item, ShotInput) and item.frame is None and field_name(item.path) in SOURCE_CLIPS:
            source = shots.get(shot_of(item.step))
            return None if source is None else _clip_length(source, shots, depth=depth + 1)
    return None


def check_voice(
    voice: VoiceSpec, spec: CutSpec, seen: Seen, shots: Mapping[str, LinkedShot], problems: ProblemCollector
) -> str | float | None:
    """Return where a voice begins: the key of a step of the cut, or seconds of the reel. None where that is wrong, or not known yet."""
    at, path = voice.at, (*voice.path[:-1], "at")
    if isinstance(at, str):
        if is_template(at):
            return None
        found = next((shot for entry, shot in seen if entry.shot == at), None)
        if found is not None:
            return found.key
        ids = dict.fromkeys(entry.shot for entry, _ in seen)
        if at in shots:
            left_out = shots[at].draft.left_out
            why = "its `when` leaves it out" if left_out else "the cut does not show it"
            problems.add(f"cut: a voice is to begin at {at!r}, and {why}", path, code="cut", hint=f"the cut shows {', '.join(ids)}")
            return None
        close = nearest(at, ids)
        hint = f"did you mean {close[0]}?" if close else "write a shot of the cut, or seconds of the reel as a number"
        problems.add(f"cut: a voice is to begin at {at!r}, which is no shot", path, code="cut", hint=hint)
        return None
    total = _reel_length(spec, seen, shots)
    if total is not None and at >= total:
        hint = "begin it earlier, or at a shot: 'at: dawn'"
        problems.add(f"cut: a voice is to begin at {at:g} s, and the reel ends at {total:g} s", path, code="cut", hint=hint)
        return None
    return at


def _reel_length(spec: CutSpec, seen: Seen, shots: Mapping[str, LinkedShot]) -> float | None:
    """Return the seconds of the reel, None where a length is not known."""
    total = 0.0
    for at, (entry, shot) in enumerate(seen):
        if shot.draft.yields == "image":
            length: float | None = entry.hold or HOLD_SECONDS
        else:
            length = entry.trim[1] - entry.trim[0] if entry.trim else _clip_length(shot, shots)
        if length is None:
            return None
        enter = entry.transition or spec.transition
        total += length - (enter.seconds if at and enter.kind == "crossfade" else 0.0)
    return total
