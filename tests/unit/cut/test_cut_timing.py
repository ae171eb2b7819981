"""A cut is laid out in whole frames: nothing adds up to an error, what does not fit is made to fit and said."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from animatic.cut.model import Cut, CutShot, Transition
from animatic.cut.timing import Footage, Layout, footage_of, lay_out
from animatic.media.timeline import Entry, Segment, Timeline, mistakes_in, spans_of
from animatic.spec.cut import exact_rate

FIVE = Footage(width=1280, height=720, seconds=Fraction(5), rate=Fraction(24))
STILL = Footage(width=1000, height=1001)


def cut(*shots: CutShot, **more: object) -> Cut:
    return replace(Cut(shots=shots, variant_name="", variant={}), **more)  # type: ignore[arg-type]


def clip(name: str, **more: object) -> CutShot:
    return replace(CutShot(step=name), **more)  # type: ignore[arg-type]


def entering(kind: str, seconds: float) -> Transition:
    return Transition(kind=kind, seconds=seconds)  # type: ignore[arg-type]


def spans(layout: Layout) -> list[tuple[int, int]]:
    return [(placed.begin, placed.end) for placed in layout.placed]


def test_shots_follow_each_other_and_a_crossfade_overlaps_them() -> None:
    shots = (clip("a", trim=(0.5, 3.5)), clip("b", enter=entering("crossfade", 0.5)), clip("c", enter=entering("fade", 1)))
    layout = lay_out(cut(*shots), [FIVE, FIVE, FIVE])
    assert spans(layout) == [(0, 72), (60, 180), (180, 300)]
    assert [(placed.enter, placed.enter_frames) for placed in layout.placed] == [("cut", 0), ("crossfade", 12), ("fade", 24)]
    assert (layout.placed[0].start, layout.width, layout.height, layout.rate) == (Fraction(1, 2), 1280, 720, Fraction(24))
    assert not layout.notes


def test_a_still_stays_two_seconds_or_as_long_as_it_is_held() -> None:
    layout = lay_out(cut(clip("a"), clip("b", hold=3.0)), [STILL, STILL])
    assert spans(layout) == [(0, 48), (48, 120)]
    assert (layout.width, layout.height) == (1000, 1002)


def test_a_trim_beyond_the_clip_is_cut_off_and_said() -> None:
    layout = lay_out(cut(clip("a", trim=(2.0, 7.0)), clip("b", trim=(9.0, 10.0))), [FIVE, FIVE])
    assert spans(layout) == [(0, 72), (72, 192)]
    assert layout.notes == (
        "a: its clip lasts 5 s and its trim ends at 7 s: it is shown up to its end",
        "b: its clip lasts 5 s and its trim begins at 9 s: the whole clip is shown",
    )


def test_transitions_are_shortened_to_what_they_join() -> None:
    short = replace(FIVE, seconds=Fraction(1, 2))
    layout = lay_out(
        cut(clip("a"), clip("b", enter=entering("crossfade", 2)), clip("c", enter=entering("crossfade", 1))), [FIVE, short, FIVE]
    )
    assert [(placed.enter, placed.enter_frames) for placed in layout.placed] == [("cut", 0), ("crossfade", 12), ("cut", 0)]
    assert layout.notes[0] == "b: its crossfade takes 0.5 s instead of 2 s, as there is no more of the shots that it joins"


def test_two_hundred_clips_of_an_odd_rate_end_at_the_nearest_frame() -> None:
    rate = Fraction(30000, 1001)
    footage = footage_of(width=640, height=360, fps=29.97, duration=4.004, frames=120)
    assert (footage.rate, footage.seconds) == (rate, 120 / rate)
    layout = lay_out(cut(*(clip(str(number)) for number in range(200))), [footage] * 200)
    assert layout.frames == 200 * 120
    other = lay_out(cut(*(clip(str(number)) for number in range(200)), fps=Fraction(25)), [footage] * 200)
    assert other.frames == round(200 * 120 / rate * 25)


@pytest.mark.parametrize(
    ("size", "aspect", "footage", "expected"),
    [
        ((1920, 1080), None, [FIVE], (1920, 1080)),
        (None, None, [STILL, FIVE], (1280, 720)),
        (None, Fraction(9, 16), [FIVE], (1280, 2276)),
        (None, Fraction(16, 9), [replace(FIVE, width=720, height=1280), FIVE], (1280, 720)),
        (None, Fraction(16, 9), [replace(STILL, width=4096, height=4096)], (3414, 1920)),
        (None, None, [replace(STILL, width=4000, height=3000)], (1920, 1440)),
    ],
)
def test_the_size_is_that_of_the_first_clip_in_the_shape_of_the_pipeline(
    size: tuple[int, int] | None, aspect: Fraction | None, footage: list[Footage], expected: tuple[int, int]
) -> None:
    layout = lay_out(cut(*(clip(str(number)) for number in range(len(footage))), size=size, aspect=aspect), footage)
    assert (layout.width, layout.height) == expected


@pytest.mark.parametrize(
    ("written", "rate"), [(24, 24), (29.97, Fraction(30000, 1001)), (23.976, Fraction(24000, 1001)), (12.5, Fraction(25, 2))]
)
def test_a_rounded_rate_stands_for_an_exact_one(written: float, rate: Fraction) -> None:
    assert exact_rate(written) == rate


LENGTHS = st.fractions(min_value=Fraction(1, 100), max_value=6, max_denominator=1001)
ENTERS = st.tuples(st.sampled_from(["cut", "crossfade", "fade"]), st.sampled_from([0.0, 0.04, 0.5, 1.0, 3.0]))


@given(
    st.lists(st.tuples(LENGTHS, ENTERS), min_size=1, max_size=12), st.sampled_from([Fraction(24), Fraction(30000, 1001), Fraction(25, 2)])
)
def test_whatever_is_cut_the_renderer_can_make_it_and_agrees_on_every_place(
    shots: list[tuple[Fraction, tuple[str, float]]], rate: Fraction
) -> None:
    footage = [Footage(width=64, height=36, seconds=length, rate=rate) for length, _ in shots]
    layout = lay_out(cut(*(clip(str(at), enter=entering(*enter)) for at, (_, enter) in enumerate(shots)), fps=rate), footage)
    segments = tuple(
        Segment(
            source=Path(placed.shot.step),
            start=placed.start,
            frames=placed.frames,
            enter=Entry(kind=placed.enter, frames=placed.enter_frames),
        )
        for placed in layout.placed
    )
    assert mistakes_in(Timeline(width=64, height=36, rate=rate, segments=segments)) == ()
    assert [(span.start, span.end) for span in spans_of(segments)] == spans(layout)
    overlaps = sum(placed.enter_frames for placed in layout.placed if placed.enter == "crossfade")
    exact = sum(length for length, _ in shots) * rate - overlaps
    assert abs(layout.frames - exact) <= len(shots)
