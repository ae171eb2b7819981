"""Where everything stands on a reel: one rule, stated once, and what it makes impossible."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from animatic.media.timeline import Caption, Entry, Mix, Segment, Span, Timeline, Voice, mistakes_in, spans_of, without


def segment(name: str, frames: int, kind: str = "cut", over: int = 0) -> Segment:
    return Segment(source=Path(name), frames=frames, enter=Entry(kind=kind, frames=over))  # type: ignore[arg-type] # the table names kinds


def reel(*segments: Segment) -> Timeline:
    return Timeline(width=64, height=48, rate=Fraction(24), segments=segments)


def test_a_crossfade_makes_the_reel_shorter_and_a_fade_does_not() -> None:
    spans = spans_of([segment("a", 24), segment("b", 24, "crossfade", 6), segment("c", 24, "fade", 10), segment("d", 1)])
    assert spans == (Span(0, 24), Span(18, 42), Span(42, 66), Span(66, 67))


def test_length_is_that_of_the_last_frame() -> None:
    timeline = reel(segment("a", 24), segment("b", 24, "crossfade", 12))
    assert (timeline.frames, timeline.duration) == (36, Fraction(3, 2))


@pytest.mark.parametrize(
    ("segments", "word"),
    [
        ([segment("a", 24), segment("b", 5, "crossfade", 6)], "b is seen for 5 frames, its transitions take 6"),
        ([segment("a", 24), segment("b", 10, "crossfade", 6), segment("c", 24, "crossfade", 6)], "transitions take 12"),
        ([segment("a", 2), segment("b", 10, "fade", 6)], "a is seen for 2 frames"),
        ([segment("a", 24, "crossfade", 2)], "nothing to crossfade from"),
        ([segment("a", 0)], "less than one frame"),
        ([segment("a", 4, "fade", 5)], "transitions take 5"),
        ([], "at least one segment"),
    ],
)
def test_what_cannot_be_made_is_said(segments: list[Segment], word: str) -> None:
    assert any(word in mistake.message for mistake in mistakes_in(reel(*segments)))


def test_transitions_may_take_all_of_a_segment() -> None:
    assert mistakes_in(reel(segment("a", 6), segment("b", 12, "crossfade", 6), segment("c", 6, "crossfade", 6))) == ()


def test_what_follows_a_segment_that_is_left_out_moves_up() -> None:
    timeline = replace(
        reel(segment("a", 24), segment("b", 48), segment("c", 24, "crossfade", 12)),
        captions=tuple(Caption(start=Fraction(at), end=Fraction(at + 1), text=str(at)) for at in (0, 1, 3)),
        mix=Mix(voices=(Voice(source=Path("v"), at=Fraction(5, 2)),)),
    )
    shorter = without(timeline, 1)
    assert spans_of(shorter.segments) == (Span(0, 24), Span(12, 36))
    assert [(cue.text, cue.start) for cue in shorter.captions] == [("0", 0), ("3", Fraction(1))]
    assert shorter.mix.voices[0].at == Fraction(1, 2)
    assert without(timeline, 2).captions == timeline.captions[:2]
    with pytest.raises(ValueError, match="only segment"):
        without(reel(segment("a", 24)), 0)


def test_a_transition_that_the_new_neighbour_is_too_short_for_becomes_a_cut() -> None:
    timeline = reel(segment("a", 4), segment("b", 48), segment("c", 24, "crossfade", 12))
    assert without(timeline, 1).segments[1].enter == Entry()
    assert without(reel(segment("a", 4), segment("b", 9, "crossfade", 2)), 0).segments[0].enter == Entry()
