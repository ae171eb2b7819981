"""Lays a cut out in frames, once it is known how long each clip is: where a shot begins and ends on the reel, and where in its clip.

A shot's end is the frame nearest to its exact time, so that errors of rounding never add up. A crossfade overlaps two shots and makes the
reel shorter; a fade through black overlaps nothing: its first half darkens the end of one shot, its second half lights up the next. What
does not fit (a trim beyond the clip, a transition that is too long) is made to fit, and a note says so: a reel is made all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor

from animatic.cut.model import Cut, CutShot, Transition
from animatic.spec.cut import exact_rate
from animatic.spec.cut_model import Fit, TransitionKind

HOLD_SECONDS = 2.0
"""How long a still stays where the cut does not say."""
USUAL_RATE = Fraction(24)
"""Of a reel of stills."""
LONGEST_SIDE_OF_STILLS = 1920
"""Pixels: a reel of stills alone is no larger, however large they are."""
_SAME_SHAPE = Fraction(1, 50)


@dataclass(frozen=True, kw_only=True, slots=True)
class Footage:
    """What is known of a clip or still: pixels as it is shown, seconds (None for a still), frames per second."""

    width: int
    height: int
    seconds: Fraction | None = None
    rate: Fraction | None = None
    has_audio: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """A shot on the reel, in frames of the reel: seen from ``begin`` until before ``end``; ``start`` is where in its clip, in seconds."""

    shot: CutShot
    footage: Footage
    start: Fraction
    begin: int
    end: int
    enter: TransitionKind
    enter_frames: int

    @property
    def frames(self) -> int:
        """How long it is seen, overlaps included."""
        return self.end - self.begin


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """A whole reel; ``notes`` say what was made to fit."""

    width: int
    height: int
    rate: Fraction
    fit: Fit
    placed: tuple[Placed, ...]
    notes: tuple[str, ...]

    @property
    def frames(self) -> int:
        """Its length."""
        return self.placed[-1].end

    def seconds(self, frame: int) -> float:
        """Return the time of a frame in seconds, to a millisecond."""
        return round(float(frame / self.rate), 3)


def seconds_of(written: float) -> Fraction:
    """Return the time that was written as a decimal, exactly."""
    return Fraction(str(written))


def footage_of(
    *, width: int, height: int, fps: float | None, duration: float | None, frames: int | None, has_audio: bool = False
) -> Footage:
    """Return footage by rounded facts: a length is counted in frames where these agree with it, as it is rounded to a millisecond."""
    rate = exact_rate(fps) if fps else None
    seconds = None if duration is None else seconds_of(duration)
    if rate is not None and frames and seconds is not None and abs(frames / rate - seconds) < Fraction(1, 500):
        seconds = frames / rate
    return Footage(width=width, height=height, seconds=seconds, rate=rate, has_audio=has_audio)


def lay_out(cut: Cut, footage: Sequence[Footage], names: Sequence[str] | None = None) -> Layout:
    """Lay a cut out; ``footage`` has one entry for each of its shots, ``names`` says what notes call them (the steps' keys)."""
    shots = cut.shots
    names = list(cut.steps) if names is None else names
    rate = cut.fps or next((each.rate for each in footage if each.seconds is not None and each.rate), USUAL_RATE)
    width, height = _size(cut, footage)
    notes: list[str] = []
    parts = [_part(shot, each, name, notes) for shot, each, name in zip(shots, footage, names, strict=True)]
    counts = [max(1, floor(length * rate + Fraction(1, 2))) for _, length in parts]
    enters = _fitting([shot.enter for shot in shots], counts, rate, names, notes)
    placed: list[Placed] = []
    exact = Fraction(0)
    for at, (shot, each, (start, length), (kind, frames)) in enumerate(zip(shots, footage, parts, enters, strict=True)):
        begin = placed[-1].end if placed else 0
        if kind == "crossfade":
            begin, exact = begin - frames, exact - frames / rate
        exact += length
        needed = _taken(enters[at], first=not at)[1] + (_taken(enters[at + 1], first=False)[0] if enters[at + 1 :] else 0)
        end = max(begin + 1, begin + needed, floor(exact * rate + Fraction(1, 2)))
        placed.append(Placed(shot=shot, footage=each, start=start, begin=begin, end=end, enter=kind, enter_frames=frames))
    return Layout(width=width, height=height, rate=rate, fit=cut.fit, placed=tuple(placed), notes=tuple(notes))


def ways_through(enters: Sequence[Transition], at: int) -> tuple[float, float]:
    """Return how many seconds of a shot the transitions at its beginning and at its end take."""
    own, following = enters[at], enters[at + 1] if at + 1 < len(enters) else Transition()
    half = 0.5 if at else 1.0
    into = own.seconds if own.kind == "crossfade" else own.seconds * half
    out = following.seconds if following.kind == "crossfade" else following.seconds / 2
    return into, out


def _part(shot: CutShot, footage: Footage, name: str, notes: list[str]) -> tuple[Fraction, Fraction]:
    """Return where in its clip a shot begins, and how long it is, in seconds."""
    if footage.seconds is None:
        return Fraction(0), seconds_of(shot.hold or HOLD_SECONDS)
    if shot.trim is None:
        return Fraction(0), footage.seconds
    begin, end = map(seconds_of, shot.trim)
    there = footage.seconds
    if begin >= there:
        notes.append(f"{name}: its clip lasts {_time(there)} and its trim begins at {_time(begin)}: the whole clip is shown")
        return Fraction(0), there
    if end - there > Fraction(1, 1000):
        notes.append(f"{name}: its clip lasts {_time(there)} and its trim ends at {_time(end)}: it is shown up to its end")
    return begin, min(end, there) - begin


def _fitting(
    enters: Sequence[Transition], counts: Sequence[int], rate: Fraction, names: Sequence[str], notes: list[str]
) -> list[tuple[TransitionKind, int]]:
    """Return the transitions in frames, each no longer than what is left of the shots that it joins."""
    found: list[tuple[TransitionKind, int]] = []
    left = 0
    for at, (enter, count) in enumerate(zip(enters, counts, strict=True)):
        wanted = floor(seconds_of(enter.seconds) * rate + Fraction(1, 2))
        frames = 0
        match enter.kind:
            case "crossfade":
                frames = min(wanted, left, count) if at else 0
            case "fade":
                frames = min(wanted, 2 * left + 1, 2 * count) if at else min(wanted, count)
            case "cut":
                pass
        if frames < wanted:
            what = f"{names[at]}: its {enter.kind} takes {_time(frames / rate)} instead of {_time(wanted / rate)}"
            notes.append(f"{what}, as there is no more of the shots that it joins")
        found.append((enter.kind if frames else "cut", frames))
        left = count - _taken(found[-1], first=not at)[1]
    return found


def _taken(enter: tuple[TransitionKind, int], *, first: bool) -> tuple[int, int]:
    """Return how many frames a transition takes of the end of the shot before, and of the beginning of its own."""
    kind, frames = enter
    if kind == "fade":
        return (0, frames) if first else (frames // 2, frames - frames // 2)
    return frames, frames


def _size(cut: Cut, footage: Sequence[Footage]) -> tuple[int, int]:
    """Return the size of the reel: as the cut says, else that of the first clip, in the shape that the pipeline has."""
    if cut.size is not None:
        return cut.size
    clips = [each for each in footage if each.seconds is not None]
    if not clips:
        return _shaped(_reduced(footage[0]), cut.aspect)
    if cut.aspect is not None:
        clips = [each for each in clips if abs(Fraction(each.width, each.height) / cut.aspect - 1) <= _SAME_SHAPE] or [clips[0]]
    return _shaped((clips[0].width, clips[0].height), cut.aspect)


def _reduced(still: Footage) -> tuple[int, int]:
    longest = max(still.width, still.height)
    if longest <= LONGEST_SIDE_OF_STILLS:
        return still.width, still.height
    return still.width * LONGEST_SIDE_OF_STILLS // longest, still.height * LONGEST_SIDE_OF_STILLS // longest


def _shaped(size: tuple[int, int], aspect: Fraction | None) -> tuple[int, int]:
    """Return the smallest even size of a shape that holds the given one; what nearly has the shape stays as it is."""
    width, height = size
    if aspect is not None and abs(Fraction(width, height) / aspect - 1) > _SAME_SHAPE:
        width, height = max(width, floor(height * aspect + Fraction(1, 2))), max(height, floor(width / aspect + Fraction(1, 2)))
    return max(2, width + width % 2), max(2, height + height % 2)


def _time(seconds: Fraction) -> str:
    return f"{float(seconds):.2f}".rstrip("0").rstrip(".") + " s"
