"""Mistakes of files on a terminal: the marked words stay to be seen, and no line of the snippet is wider than the terminal."""

from __future__ import annotations

import pytest

from animatic.columns import size
from animatic.errors import Place, Problem
from animatic.source import render_problems

LINE = '      - {id: dawn, prompt: "' + "a very long prompt " * 9 + '", duration: 40}'
HINT = "use 15, or a model that goes longer: lightricks/ltx-video-2.3-22b (20), at another price"
PROBLEM = Problem(message="duration 40 is out of range", place=Place("p.yaml", 1, LINE.index("40") + 1, 2), hint=HINT)


@pytest.mark.parametrize("width", [40, 60, 100, 200])
def test_a_snippet_fits(width: int) -> None:
    head, snippet, pointed, *hint = render_problems([PROBLEM], texts={"p.yaml": LINE}, width=width).splitlines()
    assert head == "p.yaml:1:213: error: duration 40 is out of range"
    assert all(size(line) <= width for line in (snippet, pointed, *hint)), (snippet, pointed, hint)
    column = pointed.index("^^")
    assert snippet[column : column + 2] == "40", "the caret stands below what it marks"
    assert " ".join(" ".join([pointed.partition("^^")[2], *hint]).split()) == HINT


def test_without_a_terminal_advice_stands_at_the_caret() -> None:
    assert render_problems([PROBLEM], texts={"p.yaml": LINE}).splitlines()[-1].endswith(f"^^ {HINT}")
