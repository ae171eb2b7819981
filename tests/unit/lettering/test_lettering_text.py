"""Slates in every script: no boxes for letters, right-to-left lines in reading order, signs without a font as words."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from animatic.lettering import fonts, text
from animatic.lettering.text import direction_of, draw_text, fitted, shortened, shown, width_of

SCRIPTS = {
    "latin": "Ångström, naïve, Łódź, bờ biển",
    "greek": "Κύματα στην ακτή",
    "cyrillic": "Дюны, пляж",
    "arabic": "الأسطح عند الفجر",
    "hebrew": "גלים נשברים",
    "devanagari": "समुद्र तट पर लहरें",
    "bengali": "সমুদ্র সৈকত",
    "tamil": "கடற்கரை",
    "telugu": "సముద్రతీరం",
    "thai": "คลื่นซัดชายฝั่ง",
    "khmer": "ឆ្នេរសមុទ្រ",
    "japanese": "海岸に波が砕ける",
    "korean": "해안의 파도",
    "chinese": "海岸的波浪",
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_letter_has_a_font_that_draws_it(script: str) -> None:
    assert [character for character in SCRIPTS[script] if fonts.face_of(character) is None] == []


def drawn(words: str) -> Image.Image:
    picture = Image.new("RGB", (round(width_of(words, 30)) + 4, 44), "white")
    draw_text(ImageDraw.Draw(picture), (2, 0), words, 30, (0, 0, 0))
    return picture


def test_a_line_that_runs_to_the_left_has_its_first_word_at_the_right() -> None:
    first, second = "الأسطح", "سس"
    whole, alone = (np.asarray(drawn(words).convert("L")).astype(int) for words in (f"{first} 4K {second}", first))
    end = alone.shape[1] - 4
    assert np.abs(whole[:, -end:] - alone[:, -end:]).mean() < 25
    assert np.abs(whole[:, :end] - alone[:, :end]).mean() > 40
    assert direction_of("A wave, موجة") == "ltr"


def test_latin_within_an_arabic_line_stays_readable_with_its_brackets() -> None:
    runs = text._in_sight(text._runs("الأسطح (4K، 24 fps) ثم"), "rtl")
    assert [run.direction for run in runs if run.text.strip()][::2] == ["rtl", "rtl"]
    assert "4K، 24 fps" in [run.text for run in runs]
    assert "ثم" in runs[0].text
    assert "الأسطح" in runs[-1].text


def test_signs_that_no_font_has_become_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "face_of", lambda character: None if character == "\N{FIRE}" else fonts.BUILT_IN)
    assert shown("wok \N{FIRE}\N{VARIATION SELECTOR-16} hot") == "wok [fire] hot"


@pytest.mark.parametrize("words", [*SCRIPTS.values(), "x" * 400, "คลื่นซัดชายฝั่ง" * 20, "海" * 300])
def test_wrapped_lines_are_never_wider_than_their_place(words: str) -> None:
    block = fitted(words, 240, 200, (40, 30, 20))
    assert block.height <= 200
    assert all(width_of(line, block.size) <= 240 for line in block.lines)
    assert width_of(shortened(words, 20, 100), 20) <= 100


def test_a_font_that_draws_boxes_does_not_count_as_having_the_character() -> None:
    assert not fonts.covers(fonts.BUILT_IN, "海")
    assert fonts.covers(fonts.BUILT_IN, "A")
    assert not fonts.covers("/no/such/font.ttf", "A")


@pytest.mark.parametrize("width", range(60, 240, 12))
def test_no_line_of_japanese_begins_with_a_sign_that_closes_or_ends_with_one_that_opens(width: int) -> None:
    words = "「夜明け」の港町、漁船が【静かに】戻ってくる。波は低く、空は『薄紅色』に染まる。"
    lines = list(text.wrapped(words, 14, width))
    assert "".join(lines) == words
    assert [line for line in lines if line[0] in "、。】」』ょっ" or line[-1] in "「【『"] == []
    assert all(width_of(line, 14) <= width for line in lines)


def test_a_row_of_brackets_is_broken_all_the_same() -> None:
    assert len(list(text.wrapped("【" * 40, 14, 120))) > 2
