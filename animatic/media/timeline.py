"""A reel before it is made: which source stands where, how one follows the other, what is heard and what is written over it.

All places on the reel are whole frames. The rule that gives them stands once, in `spans_of`: a segment begins where the one before it ends;
a crossfade of n frames lays its beginning over the last n frames of the one before (so the reel is shorter by n); a fade through black
overlaps nothing: half of its frames darken the end of the one before, the rest lights up the beginning of this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Literal

EntryKind = Literal["cut", "crossfade", "fade"]
Fit = Literal["letterbox", "crop"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """How a segment comes in; ``frames`` of the reel that it takes, 0 for a cut.

    A fade on the first segment comes out of black, with all its frames; a crossfade there has nothing to come from.
    """

    kind: EntryKind = "cut"
    frames: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """A stretch of one clip, or a still that is held.

    ``start``: seconds in the source, from its first frame on. ``frames``: how long it is seen on the reel, overlaps included.
    """

    source: Path
    still: bool = False
    start: Fraction = Fraction(0)
    frames: int
    enter: Entry = Entry()


@dataclass(frozen=True, kw_only=True, slots=True)
class Bed:
    """Sound under the whole reel, from its beginning. Fades in seconds; ``duck``: softer while voices or clips are heard."""

    source: Path
    gain_db: float = 0.0
    fade_in: Fraction = Fraction(0)
    fade_out: Fraction = Fraction(0)
    duck: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Voice:
    """Sound that begins ``at`` seconds of the reel."""

    source: Path
    at: Fraction
    gain_db: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Mix:
    """What is heard. ``clips``: the clips' own sound; ``loudness``: integrated, in LUFS (EBU R128), None leaves it as it is."""

    clips: bool = False
    bed: Bed | None = None
    voices: tuple[Voice, ...] = ()
    loudness: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Caption:
    """Words from ``start`` to ``end``, in seconds of the reel."""

    start: Fraction
    end: Fraction
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeline:
    """A reel of ``width`` x ``height`` square pixels (even numbers), ``rate`` frames a second.

    ``captions`` are burnt into the picture, ``text_track`` travels beside it in the file, ``label`` stands in a corner all the time.
    """

    width: int
    height: int
    rate: Fraction
    fit: Fit = "letterbox"
    segments: tuple[Segment, ...]
    mix: Mix = Mix()
    captions: tuple[Caption, ...] = ()
    text_track: tuple[Caption, ...] = ()
    label: str | None = None

    @property
    def frames(self) -> int:
        """Length of the reel in frames."""
        return spans_of(self.segments)[-1].end

    @property
    def duration(self) -> Fraction:
        """Length of the reel in seconds."""
        return self.frames / self.rate


@dataclass(frozen=True, slots=True)
class Span:
    """Frames of the reel, from ``start`` on, ``end`` excluded."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Mistake:
    """What cannot be made of a timeline; ``segment``: position of the segment that it is about, None for the whole."""

    segment: int | None
    message: str


def spans_of(segments: Sequence[Segment]) -> tuple[Span, ...]:
    """Return where every segment is seen on the reel. Only during a crossfade are there two at once."""
    spans: list[Span] = []
    for segment in segments:
        start = spans[-1].end if spans else 0
        if segment.enter.kind == "crossfade" and spans:
            start -= segment.enter.frames
        spans.append(Span(start, start + segment.frames))
    return tuple(spans)


def darkened(entry: Entry, *, first: bool) -> tuple[int, int]:
    """Return how many frames of a fade darken the segment before, and how many light up this one. (0, 0) for other entries."""
    if entry.kind != "fade":
        return 0, 0
    out = 0 if first else entry.frames // 2
    return out, entry.frames - out


def mistakes_in(timeline: Timeline) -> tuple[Mistake, ...]:
    """Return everything that makes a timeline impossible, whatever its sources hold; empty where it can be rendered."""
    found: list[Mistake] = []
    if not timeline.segments:
        found.append(Mistake(None, "a reel needs at least one segment"))
    if timeline.rate <= 0:
        found.append(Mistake(None, f"a rate of {timeline.rate} frames a second shows nothing"))
    if min(timeline.width, timeline.height) <= 0 or timeline.width % 2 or timeline.height % 2:
        found.append(Mistake(None, f"{timeline.width}x{timeline.height} is no size of a reel: both sides are even numbers of pixels"))
    for number, segment in enumerate(timeline.segments):
        if segment.frames < 1:
            found.append(Mistake(number, f"{segment.source.name} is to be seen for less than one frame"))
        if segment.start < 0:
            found.append(Mistake(number, f"{segment.source.name} cannot begin before its own beginning"))
        if segment.enter.frames < 0 or (segment.enter.kind == "cut") != (segment.enter.frames == 0):
            found.append(Mistake(number, f"a {segment.enter.kind} of {segment.enter.frames} frames is none"))
    if timeline.segments and timeline.segments[0].enter.kind == "crossfade":
        found.append(Mistake(0, "the first segment has nothing to crossfade from"))
    found += _crowded(timeline.segments)
    return tuple(found)


def without(timeline: Timeline, position: int) -> Timeline:
    """Return the timeline without one segment: what follows moves up with its captions and voices, those of the segment itself go.

    A transition that the new neighbour is too short for becomes a cut. Raises ValueError where nothing would be left.
    """
    segments = list(timeline.segments)
    del segments[position]
    if not segments:
        raise ValueError("the only segment of a reel cannot be left out")
    if position < len(segments) and _too_long(segments, position):
        segments[position] = replace(segments[position], enter=Entry())
    before, after = spans_of(timeline.segments), spans_of(segments)
    begin = Fraction(before[position].start) / timeline.rate
    resume = Fraction(before[position + 1].start if position + 1 < len(before) else before[position].end) / timeline.rate
    shift = Fraction(before[position + 1].start - after[position].start) / timeline.rate if position + 1 < len(before) else Fraction(0)

    def cues(captions: tuple[Caption, ...]) -> tuple[Caption, ...]:
        return tuple(
            cue if cue.start < begin else replace(cue, start=cue.start - shift, end=cue.end - shift)
            for cue in captions
            if not begin <= cue.start < resume
        )

    voices = tuple(
        voice if voice.at < begin else replace(voice, at=voice.at - shift)
        for voice in timeline.mix.voices
        if not begin <= voice.at < resume
    )
    return replace(
        timeline,
        segments=tuple(segments),
        mix=replace(timeline.mix, voices=voices),
        captions=cues(timeline.captions),
        text_track=cues(timeline.text_track),
    )


def _crowded(segments: Sequence[Segment]) -> list[Mistake]:
    """Find transitions that need more frames than a segment has: the way in and the way out must not meet."""
    found: list[Mistake] = []
    ways_in = [entry_frames(segment.enter, first=not number)[1] for number, segment in enumerate(segments)]
    ways_out = [*(entry_frames(segment.enter, first=False)[0] for segment in segments[1:]), 0][: len(segments)]
    for number, (segment, way_in, way_out) in enumerate(zip(segments, ways_in, ways_out, strict=True)):
        if way_in + way_out > segment.frames:
            found.append(
                Mistake(number, f"{segment.source.name} is seen for {segment.frames} frames, its transitions take {way_in + way_out}")
            )
    return found


def entry_frames(entry: Entry, *, first: bool) -> tuple[int, int]:
    """Return how many frames an entry takes of the end of the segment before, and of the beginning of this one."""
    return (entry.frames, entry.frames) if entry.kind == "crossfade" else darkened(entry, first=first)


def _too_long(segments: Sequence[Segment], position: int) -> bool:
    if position == 0:
        return segments[0].enter.kind == "crossfade"
    return any(mistake.segment in {position - 1, position} for mistake in _crowded(segments))
