"""Captions of a reel: the shots' lines at their true places, each caption two lines at most, as SRT and as WebVTT.

The files are written here rather than by pysubs2, which takes braces and backslashes for markup of its own; it reads them in the tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Literal, assert_never

from animatic.cut.timing import Layout
from animatic.cut.words import captions_of, columns_of

FASTEST_READING = 25
"""Letters a second: nobody reads faster. About 17 are comfortable."""
_LEAST = Fraction(1, 1000)
"""Seconds: files of captions count in milliseconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spoken:
    """What is said or written, from ``start`` to ``end``, in seconds of the reel; ``name`` is what notes call it."""

    name: str
    start: Fraction
    end: Fraction
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Cue:
    """One caption: one or two lines, from ``start`` to ``end``, in seconds of the reel."""

    start: Fraction
    end: Fraction
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """Its lines as one text."""
        return "\n".join(self.lines)


def spoken_of(layout: Layout, lines: Mapping[str, str]) -> tuple[Spoken, ...]:
    """Return the lines of the shots that are seen, by step key: each from the shot's first frame until the next shot begins to be seen."""
    found: list[Spoken] = []
    for at, placed in enumerate(layout.placed):
        text = lines.get(placed.shot.step, "").strip()
        end = layout.placed[at + 1].begin if at + 1 < len(layout.placed) else placed.end
        if text and end > placed.begin:
            name = placed.shot.step
            found.append(Spoken(name=name, start=placed.begin / layout.rate, end=end / layout.rate, text=text))
    return tuple(found)


def cues_of(spoken: Iterable[Spoken]) -> tuple[tuple[Cue, ...], tuple[str, ...]]:
    """Return the captions in the order of time, none above another, and notes on those that nobody can read in their time."""
    cues: list[Cue] = []
    notes: list[str] = []
    for item in _one_after_another(spoken):
        parts = captions_of(item.text)
        weights = [Fraction(str(sum(map(columns_of, lines)))) + 1 for lines in parts]
        seconds = item.end - item.start
        letters = sum(columns_of(line) for lines in parts for line in lines)
        if letters / float(seconds) > FASTEST_READING:
            notes.append(f"{item.name}: its line has {letters:.0f} letters for {float(seconds):.1f} s: too many to be read")
        at = item.start
        for number, (lines, weight) in enumerate(zip(parts, weights, strict=True), start=1):
            end = item.end if number == len(parts) else at + seconds * weight / sum(weights)
            cues.append(Cue(start=at, end=end, lines=lines))
            at = end
    return tuple(cues), tuple(notes)


def _one_after_another(spoken: Iterable[Spoken]) -> list[Spoken]:
    """Return what is said in order; what begins while something else is being said ends that, what is said twice is said once."""
    ordered: list[Spoken] = []
    for item in sorted(spoken, key=lambda each: (each.start, each.end)):
        before = ordered[-1] if ordered else None
        if before is not None and item.start < before.end:
            if item.text == before.text:
                ordered[-1] = replace(before, end=max(before.end, item.end))
                continue
            if item.start - before.start < _LEAST:
                ordered[-1] = replace(before, end=max(before.end, item.end), text=f"{before.text}\n{item.text}")
                continue
            ordered[-1] = replace(before, end=item.start)
        ordered.append(item)
    return ordered


def written(cues: Sequence[Cue], form: Literal["srt", "vtt"]) -> str:
    """Return the captions as the text of a file."""
    blocks: list[str] = []
    ends = [_milliseconds(cue.end) for cue in cues]
    # an end that is rounded up never reaches into the next caption
    for at, (cue, following) in enumerate(pairwise([*cues, None])):
        if following is not None and cue is not None:
            ends[at] = min(ends[at], _milliseconds(following.start))
    for number, (cue, nearest) in enumerate(zip(cues, ends, strict=True), start=1):
        start = _milliseconds(cue.start)
        end = max(nearest, start + 1)
        match form:
            case "srt":
                blocks.append(f"{number}\n{_clock(start, ',')} --> {_clock(end, ',')}\n{cue.text}\n")
            case "vtt":
                text = cue.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
                blocks.append(f"{number}\n{_clock(start, '.')} --> {_clock(end, '.')}\n{text}\n")
            case _:
                assert_never(form)
    return ("WEBVTT\n\n" if form == "vtt" else "") + "\n".join(blocks)


def _milliseconds(seconds: Fraction) -> int:
    return int(seconds * 1000 + Fraction(1, 2))


def _clock(milliseconds: int, point: str) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{rest:03}"
