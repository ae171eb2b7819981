"""Words in the picture: inside the safe area, two lines at most, at their times, and nothing else of the picture changes."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from animatic.lettering.text import width_of
from animatic.media.burn import burnt, pages_of
from animatic.media.conform import black_frame, planes_of
from animatic.media.timeline import Caption, Segment, Timeline
from tests.unit.lettering.test_lettering_text import SCRIPTS

SIZES = [(1280, 720), (720, 1280), (640, 640), (64, 48)]
Gray = npt.NDArray[np.uint8]


def caption(text: str, start: Fraction | int = 0, end: Fraction | int = 2) -> Caption:
    return Caption(start=Fraction(start), end=Fraction(end), text=text)


def shown(
    *captions: Caption, label: str | None = None, size: tuple[int, int] = (640, 360), gray: int = 128, frames: int = 1, rate: int = 24
) -> list[tuple[Gray, Gray, Gray]]:
    """Return the planes of frames of one gray with these words in them."""
    background = black_frame(*size)
    planes_of(background)[0][:] = gray
    segments = (Segment(source=Path("unused"), frames=frames),)
    reel = Timeline(width=size[0], height=size[1], rate=Fraction(rate), segments=segments, captions=captions, label=label)
    made = [tuple(plane.copy() for plane in planes_of(frame)) for frame in burnt([background] * frames, reel)]
    assert (planes_of(background)[0] == gray).all(), "the frame of the clip itself was written into"
    return made  # type: ignore[return-value] # three planes each


def touched(luma: Gray, gray: int = 128) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of what differs from the background."""
    rows, columns = np.nonzero(luma != gray)
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


@pytest.mark.parametrize("size", SIZES)
def test_captions_stay_in_the_lower_middle_of_the_safe_area(size: tuple[int, int]) -> None:
    width, height = size
    left, top, right, bottom = touched(shown(caption("Where the sea begins, nobody asks for the way home"), size=size)[0][0])
    assert left >= width * 0.05 - 2
    assert right <= width * 0.95 + 2
    assert bottom <= height * 0.95 + 2
    assert top > height / 2 or height < 100
    assert abs((left + right) / 2 - width / 2) <= 3


@pytest.mark.parametrize("size", SIZES[:3])
def test_the_label_stands_in_its_corner_all_the_time(size: tuple[int, int]) -> None:
    frames = shown(label="AI generated", size=size, frames=3)
    left, top, right, bottom = touched(frames[0][0])
    assert left > size[0] / 2
    assert right <= size[0] * 0.95 + 2
    assert size[1] * 0.05 - 2 <= top
    assert bottom < size[1] / 4
    assert all(np.array_equal(frame[0], frames[0][0]) for frame in frames)


def test_captions_are_seen_at_their_times_only() -> None:
    frames = shown(caption("one", Fraction(1, 2), 1), caption("two", 1, Fraction(3, 2)), frames=48)
    seen = [number for number, frame in enumerate(frames) if (frame[0] != 128).any()]
    assert seen == list(range(12, 36))
    assert np.array_equal(frames[12][0], frames[23][0])
    assert not np.array_equal(frames[23][0], frames[24][0])


def test_frames_without_words_are_the_very_same() -> None:
    frame = black_frame(64, 48)
    reel = Timeline(width=64, height=48, rate=Fraction(24), segments=())
    assert next(iter(burnt([frame], reel))) is frame


@pytest.mark.parametrize("gray", [16, 128, 235])
def test_letters_are_readable_on_any_picture(gray: int) -> None:
    luma = shown(caption("Readable"), gray=gray)[0][0]
    left, top, right, bottom = touched(luma, gray) if gray != 16 else (0, 0, 640, 360)
    box = luma[top:bottom, left:right]
    assert box.max() > 225
    assert int(box.max()) - int(np.median(box)) > 110


def test_colors_of_letters_are_none_and_the_picture_keeps_its_own_outside() -> None:
    frame = black_frame(640, 360)
    for plane, level in zip(planes_of(frame), (80, 90, 200), strict=True):
        plane[:] = level
    reel = Timeline(width=640, height=360, rate=Fraction(24), segments=(), captions=(caption("white on a box"),))
    luma, blue, red = planes_of(next(iter(burnt([frame], reel))))
    assert (blue[:100] == 90).all()
    assert (red[:100] == 200).all()
    assert (luma[:200] == 80).all()
    bright = luma[::2, ::2] > 225
    assert abs(int(np.median(blue[bright])) - 128) < 25


def test_at_most_two_lines_are_seen_at_once_and_no_word_is_lost() -> None:
    text = "Long ago, before the harbour had a name, the boats came back by smell alone, and the bells were only for the dead. " * 3
    pages = pages_of(caption(text, 1, 10), 640, 360)
    assert all(len(page.lines) <= 2 for page in pages)
    assert " ".join(line for page in pages for line in page.lines).split() == text.split()
    assert [pages[0].start, pages[-1].end] == [Fraction(1), Fraction(10)]
    assert all(before.end == after.start for before, after in pairwise(pages))
    assert all(width_of(line, page.size) < 640 * 0.85 for page in pages for line in page.lines)


def test_two_lines_are_of_about_one_length() -> None:
    (page,) = pages_of(caption("A caption that needs two lines because it is a little too long for one, and would not fit"), 640, 360)
    first, second = (width_of(line, page.size) for line in page.lines)
    assert 0.6 < first / second < 1.7


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_is_burnt_in(script: str) -> None:
    words = shown(caption(SCRIPTS[script]))[0][0]
    assert (words > 200).sum() > 60
    assert not np.array_equal(words, shown(caption("\U0010fffe" * len(SCRIPTS[script])))[0][0])


def test_lines_that_run_to_the_left_begin_on_the_right() -> None:
    both = shown(caption("שלום abc"))[0][0]
    other = shown(caption("abc שלום"))[0][0]
    assert not np.array_equal(both, other)


@pytest.mark.parametrize("text", ["", "  \n ", "\u200b"])
def test_blank_captions_and_labels_burn_nothing_into_the_picture(text: str) -> None:
    assert (shown(caption(text), label=text.replace("\u200b", ""))[0][0] == 128).all()


def test_a_label_that_is_too_long_is_cut() -> None:
    left, _, right, _ = touched(shown(label="generated " * 40)[0][0])
    assert left >= 640 * 0.05 - 2
    assert right <= 640 * 0.95 + 2
