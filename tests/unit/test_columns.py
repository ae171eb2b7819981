"""Texts in columns: aligned, fitted to a width, counted as people count; signs of any width."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from animatic.columns import Column, few, natural, paint, shortened, size, sorted_naturally, table, wrapped

COLUMNS = (
    Column(title="#", right=True),
    Column(title="shot", least=6, keep_end=True),
    Column(title="model", least=8, drop=1),
    Column(title="price", right=True),
    Column(title="why", least=10, drop=2),
)
ROWS = [
    ("1", "16x9-en/street", "xai/grok-video", "$0.10", "starts from mara, made anew"),
    ("10", "9x16-de/mara", "google/nano-banana", "$0.0429", "new"),
]


def test_without_a_width_nothing_is_shortened_and_figures_stand_at_the_right() -> None:
    assert table(COLUMNS, ROWS, indent=0) == [
        " #  shot            model                 price  why",
        " 1  16x9-en/street  xai/grok-video        $0.10  starts from mara, made anew",
        "10  9x16-de/mara    google/nano-banana  $0.0429  new",
    ]


@pytest.mark.parametrize("width", range(20, 90))
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    lines = table(COLUMNS, ROWS, width=width)
    assert all(size(line) <= max(width, 30) for line in lines), lines
    assert all("$0.10" in line or "$0.0429" in line or "price" in line for line in lines), "what is never dropped is there"


def test_what_is_dropped_first_goes_first_and_ends_of_keys_stay() -> None:
    narrow = table(COLUMNS, ROWS, width=40)
    assert "model" not in narrow[0]
    assert "why" in narrow[0]
    assert narrow[1].split()[1].endswith("street") or "…" in narrow[1]
    assert "why" not in table(COLUMNS, ROWS, width=30)[0]


def test_columns_without_text_are_left_out() -> None:
    assert table(COLUMNS, [("1", "a", "", "$1.00", "")], indent=0)[0].split() == ["#", "shot", "price"]


def test_colors_change_no_widths() -> None:
    plain = table(COLUMNS, ROWS, width=60)
    colored = table(COLUMNS, [tuple((text, "green") for text in row) for row in ROWS], width=60, color=True)
    assert "\x1b[32m" in colored[1]
    assert [line.replace("\x1b[32m", "").replace("\x1b[2m", "").replace("\x1b[0m", "").rstrip() for line in colored] == plain
    assert paint("x", "red", color=False) == "x"


@given(st.text(), st.integers(1, 40), st.booleans())
def test_a_shortened_text_fits(text: str, width: int, keep_end: bool) -> None:
    short = shortened(text, width, keep_end=keep_end)
    assert size(short) <= width
    assert short == text or "…" in short


def test_wide_and_combining_signs_are_counted() -> None:
    assert (size("日本"), size("e\u0301"), size("abc")) == (4, 1, 3)
    assert shortened("日本の朝", 5) == "日本…"
    assert shortened("16x9-en/street", 8, keep_end=True) == "…/street"


def test_a_command_to_paste_is_never_broken() -> None:
    text = "go on with `animatic resume 20261127T003236Z-040451 --file many.yaml --simulate` when it suits"
    lines = wrapped(text, 40, indent="      ")
    assert any("`animatic resume 20261127T003236Z-040451 --file many.yaml --simulate`" in line for line in lines)
    assert all(line.startswith("      ") for line in lines)
    assert wrapped("short", 40, indent="  ") == ["  short"]
    assert wrapped(text, None) == [text]


@pytest.mark.parametrize("width", [24, 40, 61])
@pytest.mark.parametrize(
    "text",
    [
        "港の朝、漁船が静かに戻ってくる。波は低く、空は薄紅色に染まり、遠くで鐘が鳴る。カモメが一羽、堤防の上で待っている。",
        "공장의 문이 천천히 열리고 아침 햇살이 안으로 들어온다 그리고 사람들이 하나둘 모인다",
        "Teaser 東京の夜明け, 大阪の夕方 and الميناء في الصباح, each with a title of its own",
    ],
)
def test_lines_fit_by_the_columns_of_their_signs(text: str, width: int) -> None:
    lines = wrapped(text, width, indent="  ", hanging="    ")
    assert [line for line in lines if size(line) > width] == []
    assert "".join("".join(lines).split()) == "".join(text.split()), "nothing is lost"
    assert [line for line in lines if line.strip()[0] in "、。,"] == []
    assert min(size(line) for line in lines[:-1]) > width / 2, "lines are filled"


def test_spaces_that_align_stay_where_a_line_does_not_end() -> None:
    assert wrapped("page      here and there and everywhere", 24) == ["page      here and there", "and everywhere"]


def test_names_are_sorted_as_people_count() -> None:
    assert sorted_naturally(["shot10", "shot2", "Shot1", "10", "9", "a"]) == ["9", "10", "a", "Shot1", "shot2", "shot10"]
    assert natural("x02") == natural("x2")
    assert few(["a", "b", "c"], 2) == "a, b and 1 more"
    assert few(["a"], 2) == "a"
