"""Captions stand at the reel's true times, in two lines at most, in every script; other programs read the files back."""

from __future__ import annotations

import unicodedata
from fractions import Fraction

import pysubs2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from animatic.cut.captions import Spoken, cues_of, spoken_of, written
from animatic.cut.model import Cut, CutShot, Transition
from animatic.cut.timing import Footage, lay_out
from animatic.cut.words import MAX_COLUMNS, captions_of, columns_of

FIVE = Footage(width=64, height=36, seconds=Fraction(5), rate=Fraction(24))
LONG = "One day, when the sea was calm and the fishermen were all asleep, she opened the kiosk for the very first time."


def spoken(start: float, end: float, text: str, name: str = "a") -> Spoken:
    return Spoken(name=name, start=Fraction(str(start)), end=Fraction(str(end)), text=text)


def read(text: str, form: str) -> list[tuple[int, int, str]]:
    return [(event.start, event.end, event.plaintext) for event in pysubs2.SSAFile.from_string(text, format_=form)]


def test_a_line_stands_from_its_shot_until_the_next_one_comes_in() -> None:
    shots = (CutShot(step="a", trim=(0.5, 3.5)), CutShot(step="b", enter=Transition(kind="crossfade", seconds=0.5)), CutShot(step="c"))
    layout = lay_out(Cut(shots=shots, variant_name="", variant={}), [FIVE, FIVE, FIVE])
    cues, notes = cues_of(spoken_of(layout, {"a": "Who is there?", "b": "  ", "c": "Nobody."}))
    assert read(written(cues, "srt"), "srt") == [(0, 2500, "Who is there?"), (7500, 12500, "Nobody.")]
    assert notes == ()


def test_a_long_line_is_split_where_people_pause_and_shares_the_time_by_its_letters() -> None:
    cues, _ = cues_of([spoken(0, 8, LONG)])
    assert [cue.lines for cue in cues] == [
        ("One day, when the sea was calm", "and the fishermen were all asleep,"),
        ("she opened the kiosk", "for the very first time."),
    ]
    assert (cues[0].start, cues[0].end, cues[1].end) == (Fraction(0), cues[1].start, Fraction(8))
    assert 4.5 < float(cues[0].end) < 5.2


def test_a_line_that_nobody_can_read_in_its_time_is_said() -> None:
    _, notes = cues_of([spoken(0, 2, LONG, "dawn")])
    assert notes == ("dawn: its line has 108 letters for 2.0 s: too many to be read",)


def test_two_lines_part_where_people_pause() -> None:
    text = "One day, when the sea was calm, she opened the kiosk."
    assert captions_of(text) == (("One day, when the sea was calm,", "she opened the kiosk."),)


def test_line_breaks_of_a_dialogue_are_kept() -> None:
    assert captions_of("- Who is there?\n- Nobody.\n") == (("- Who is there?", "- Nobody."),)


@pytest.mark.parametrize(
    "text",
    [
        "ある日、海が静かで漁師たちがみんな眠っていたとき、彼女は初めて売店を開けました。雨が降っていた。",
        "วันหนึ่งเมื่อทะเลสงบและชาวประมงหลับกันหมดแล้วเธอเปิดร้านเป็นครั้งแรกในชีวิตของเธอและฝนก็ตกลงมาอย่างหนักตลอดทั้งคืน",
        "في يوم من الأيام، عندما كان البحر هادئًا وكان جميع الصيادين نائمين، فتحت الكشك لأول مرة في حياتها.",
        "어느 날 바다가 잔잔하고 어부들이 모두 잠들었을 때 그녀는 처음으로 매점을 열었다. 비가 내렸다.",
        "👨‍👩‍👧‍👦" * 30,
        "a" * 300,
        "हिन्दी में एक लंबी पंक्ति जो दो पंक्तियों से अधिक समय तक चलती है और जिसे तोड़ना पड़ता है क्योंकि वह बहुत लंबी है।",
    ],
)
def test_every_script_is_broken_between_its_signs(text: str) -> None:
    captions = captions_of(text)
    assert len(captions) > 1
    lines = [line for lines in captions for line in lines]
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    for line in lines:
        assert not unicodedata.combining(line[0])
        assert line[0] not in "、。，」\u200d"  # noqa: RUF001
        assert line[-1] != "\u200d"


@given(st.text(max_size=400))
def test_captions_are_two_lines_at_most_and_lose_nothing(text: str) -> None:
    captions = captions_of(text)
    assert "".join("".join(line.split()) for lines in captions for line in lines) == "".join(text.split())
    for lines in captions:
        assert 1 <= len(lines) <= 2
        for line in lines:
            assert line.strip() == line != ""
            assert columns_of(line) <= MAX_COLUMNS or len(line) < 4


def test_markup_of_caption_files_is_text_all_the_same() -> None:
    cues, _ = cues_of([spoken(0, 2, r"{note} C:\New <b>bold</b> & --> x")])
    assert r"{note} C:\New <b>bold</b> & --> x" in written(cues, "srt")
    vtt = written(cues, "vtt")
    assert r"{note} C:\New &lt;b&gt;bold&lt;/b&gt; &amp; --&gt; x" in vtt
    assert vtt.startswith("WEBVTT\n\n1\n00:00:00.000 --> 00:00:02.000\n")


def test_what_is_said_at_once_follows_each_other() -> None:
    cues, _ = cues_of([spoken(0, 5, "A long shot."), spoken(2, 4, "A voice in it."), spoken(3.5, 5, "Another.")])
    assert [(float(cue.start), float(cue.end), cue.text) for cue in cues] == [
        (0, 2, "A long shot."),
        (2, 3.5, "A voice in it."),
        (3.5, 5, "Another."),
    ]
    same, _ = cues_of([spoken(0, 5, "Good morning."), spoken(0, 3, "Good morning.", "vo")])
    assert [(float(cue.start), float(cue.end)) for cue in same] == [(0, 5)]


@given(st.lists(st.tuples(st.fractions(0, 50, max_denominator=1000), st.fractions(Fraction(1, 24), 9, max_denominator=1000)), max_size=6))
def test_files_never_overlap_and_never_end_before_they_begin(times: list[tuple[Fraction, Fraction]]) -> None:
    cues, _ = cues_of(Spoken(name="a", start=start, end=start + length, text=f"{LONG} {at}") for at, (start, length) in enumerate(times))
    found = read(written(cues, "srt"), "srt")
    assert len(found) == len(cues)
    assert all(start < end for start, end, _ in found)
