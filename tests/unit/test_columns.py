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


def test_names_are_sorted_as_people_count() -> None:
    assert sorted_naturally(["shot10", "shot2", "Shot1", "10", "9", "a"]) == ["9", "10", "a", "Shot1", "shot2", "shot10"]
    assert natural("x02") == natural("x2")
    assert few(["a", "b", "c"], 2) == "a, b and 1 more"
    assert few(["a"], 2) == "a"
