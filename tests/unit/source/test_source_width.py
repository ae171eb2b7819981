"""Mistakes of files on a terminal: the marked words stay to be seen, and no line of the snippet is wider than the terminal."""

from __future__ import annotations

import re

import pytest

from animatic.columns import size
from animatic.errors import Place, Problem
from animatic.source import render_problems

LINE = '      - {id: dawn, prompt: "' + "a very long prompt " * 9 + '", duration: 40}'
HINT = "use 15, or a model that goes longer: lightricks/ltx-video-2.3-22b (20), at another price"
PROBLEM = Problem(message="duration 40 is out of range", place=Place("p.yaml", 1, LINE.index("40") + 1, 2), hint=HINT)


@pytest.mark.parametrize("width", [40, 60, 100, 200])
def test_a_snippet_fits(width: int) -> None:
    lines = render_problems([PROBLEM], texts={"p.yaml": LINE}, width=width).splitlines()
    told = next(number for number, line in enumerate(lines) if line.lstrip().startswith("1 |"))
    assert " ".join(" ".join(lines[:told]).split()) == "p.yaml:1:213: error: duration 40 is out of range"
    snippet, pointed, *hint = lines[told:]
    assert all(size(line) <= width for line in lines), lines
    column = pointed.index("^^")
    assert snippet[column : column + 2] == "40", "the caret stands below what it marks"
    assert " ".join(" ".join([pointed.partition("^^")[2], *hint]).split()) == HINT


def test_without_a_terminal_advice_stands_at_the_caret() -> None:
    assert render_problems([PROBLEM], texts={"p.yaml": LINE}).splitlines()[-1].endswith(f"^^ {HINT}")


@pytest.mark.parametrize("color", [False, True])
def test_a_long_message_is_broken_between_words_and_keeps_its_place_at_the_front(color: bool) -> None:
    problem = Problem(message=f"shot 'dawn' of '{'海辺' * 20}': aspect_ratio '16:10' is not a value", place=Place("gone.yaml", 3, 4, 2))
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in render_problems([problem], texts={}, width=40, color=color).splitlines()]
    assert lines[0].startswith("gone.yaml:3:4: error: shot 'dawn' of")
    assert all(size(line) <= 40 for line in lines), lines
    assert all(line.startswith("      ") for line in lines[1:])
    assert any(line.endswith("is not a value") for line in lines)
