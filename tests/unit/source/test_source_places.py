"""Places of keys and values, and problems as they are shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from animatic import columns
from animatic.errors import Place, Problem
from animatic.source import load_text, problems_github, problems_json, render_problems

TEXT = """\
version: 1
pipelines:
  coast:
    params: {city: Lisbon, days: 3}
    shots:
      - id: dawn
        prompt: >-
          Long
          text
        image_urls: [a.png, "b.png"]
      - prompt: no id
"""


@pytest.mark.parametrize(
    ("path", "key", "expected", "length"),
    [
        ((), False, "1:1", 7),
        (("version",), False, "1:10", 1),
        (("version",), True, "1:1", 7),
        (("pipelines", "coast"), False, "4:5", 6),
        (("pipelines", "coast"), True, "3:3", 5),
        (("pipelines", "coast", "params"), False, "4:13", 23),
        (("pipelines", "coast", "params", "days"), False, "4:34", 1),
        (("pipelines", "coast", "params", "days"), True, "4:28", 4),
        (("pipelines", "coast", "shots", 0), False, "6:9", 2),
        (("pipelines", "coast", "shots", 0, "prompt"), False, "7:17", 2),
        (("pipelines", "coast", "shots", 0, "image_urls", 1), False, "10:29", 7),
        (("pipelines", "coast", "shots", 1, "id"), False, "11:9", 6),
        (("pipelines", "coast", "shots", 7), False, "5:5", 5),
        (("pipelines", "coast", "cut", "shots"), False, "3:3", 5),
        (("pipelines", "none"), True, "2:1", 9),
        (("version", "x"), False, "1:1", 7),
    ],
)
def test_places_of_keys_values_and_closest_ancestors(path: tuple[str | int, ...], key: bool, expected: str, length: int) -> None:
    place = load_text(TEXT).place(path, key=key)
    assert f"{place.line}:{place.column}" == expected
    assert place.length == length


def problem(line: int, column: int, length: int = 1, **more: Any) -> Problem:
    return Problem("it is wrong", Place("pipelines.yaml", line, column, length), hint="mend it", **more)


def test_a_problem_is_shown_with_place_line_caret_hint_and_notes() -> None:
    shown = render_problems([problem(1, 10, related=((Place("pipelines.yaml", 3, 3, 5), "this is part of it"),))], [load_text(TEXT)])
    assert shown.splitlines() == [
        "pipelines.yaml:1:10: error: it is wrong",
        "    1 | version: 1",
        "      |          ^ mend it",
        "pipelines.yaml:3:3: note: this is part of it",
        "    3 |   coast:",
        "      |   ^^^^^",
    ]


def test_carets_stand_below_wide_characters_and_tabs() -> None:
    text = "a: 日本語 x # é\u0301\nb:\tword\n"
    shown = render_problems([problem(1, 4, 3), problem(2, 4, 4)], texts={"pipelines.yaml": text}).splitlines()
    assert shown[1:3] == ["    1 | a: 日本語 x # é\u0301", "      |    ^^^^^^ mend it"]
    assert shown[4:6] == ["    2 | b:  word", "      |     ^^^^ mend it"]


def test_a_long_line_is_cut_around_its_caret() -> None:
    text = "prompt: " + "word " * 400
    shown = render_problems([problem(1, 1001, 4)], texts={"pipelines.yaml": text}).splitlines()
    assert len(shown[1]) < 180
    column = shown[2].index("^")
    assert shown[1][column : column + 4] == text[1000:1004]


def test_problems_come_by_file_and_place_and_once_each() -> None:
    first, second = load_text("a: 1\nb: 2\n", name="b.yaml"), load_text("a: 1\n", name="a.yaml")
    problems = [
        Problem("no place"),
        Problem("third", Place("a.yaml", 1, 1)),
        Problem("second", Place("b.yaml", 2, 1)),
        Problem("first", Place("b.yaml", 1, 9)),
        Problem("second", Place("b.yaml", 2, 1)),
    ]
    heads = [line for line in render_problems(problems, [first, second]).splitlines() if "error:" in line]
    assert heads == ["b.yaml:1:9: error: first", "b.yaml:2:1: error: second", "a.yaml:1:1: error: third", "error: no place"]


def test_a_place_without_its_text_still_shows_the_hint() -> None:
    assert render_problems([problem(4, 2)]) == "pipelines.yaml:4:2: error: it is wrong\n      mend it"


def test_color_changes_nothing_but_color() -> None:
    import re

    plain = render_problems([problem(1, 10)], [load_text(TEXT)])
    colored = render_problems([problem(1, 10)], [load_text(TEXT)], color=True)
    assert colored != plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == plain


def test_what_a_file_holds_cannot_move_the_cursor() -> None:
    shown = render_problems([Problem("bad \x1b[2J value", Place("f", 1, 1), hint="not \x07")], texts={"f": "a\x1b[2J"})
    assert "\x1b" not in shown
    assert "\\u001b[2J" in shown


def test_problems_as_json_carry_every_part() -> None:
    related = ((Place("a.yaml", 1, 1), "here"),)
    rows = problems_json(
        [problem(2, 3, 4, related=related, code="x", severity="warning"), Problem("whole", Place("f", 0, 0)), Problem("none")]
    )
    assert json.loads(json.dumps(rows)) == rows
    assert rows[0] == {"code": "invalid", "severity": "error", "message": "whole", "hint": None, "related": []} | {
        "file": "f",
        "line": None,
        "column": None,
        "end_column": None,
    }
    assert rows[1]["end_column"] == 7
    assert rows[1]["related"] == [{"message": "here", "file": "a.yaml", "line": 1, "column": 1, "end_column": 2}]
    assert rows[2]["file"] is None


def test_github_annotations_are_escaped() -> None:
    noted = Problem("50% off\nnow", Place("a,b:c.yaml", 2, 3, 4), hint="mend", severity="warning", code="x")
    assert problems_github([noted]) == "::warning title=animatic%3A x,file=a%2Cb%3Ac.yaml,line=2,col=3,endColumn=7::50%25 off%0Anow%0Amend"
    assert problems_github([Problem("whole", Place("f", 0, 0))]) == "::error title=animatic%3A invalid,file=f::whole"


def test_what_stands_behind_mended_text_keeps_the_column_of_the_file() -> None:
    text = "version: 1\nx-a:\n  - {prompt: A taxi stops: door, say: Go: now, mood: noir}\n  - id: dawn\n     take: 3\n"
    document = load_text(text)
    lines = text.split("\n")
    assert [(problem.place.line, problem.place.column) for problem in document.problems if problem.place] == [
        (3, lines[2].index("A taxi") + 1),
        (3, lines[2].index("Go:") + 1),
        (5, lines[4].index("take") + 1),
    ]
    place = document.place(("x-a", 0, "mood"))
    assert lines[2][place.column - 1 :][: place.length] == "noir"
    place = document.place(("x-a", 1, "take"), key=True)
    assert lines[4][place.column - 1 :][: place.length] == "take"


def test_joined_pair_of_escapes_is_one_character_and_moves_no_column() -> None:
    text = '{"a": "\\ud83c\\udf0a and \\\\ud83c", "b": 3}'
    document = load_text(text)
    assert document.data == {"a": "\U0001f30a and \\ud83c", "b": 3}
    assert document.problems == ()
    assert document.place(("b",)).column == text.index("3}") + 1


def test_line_of_megabytes_is_shown_around_each_problem_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def size(text: str) -> int:
        seen.append(len(text))
        return columns.size(text)

    monkeypatch.setattr("animatic.source.render.size", size)
    text = "x" * 3_000_000
    problem = Problem("wrong", Place("f.yaml", 1, 1_500_000, 3), hint="mend it", code="x")
    shown = render_problems([problem], texts={"f.yaml": text})
    assert "^^^ mend it" in shown
    assert max(seen) < 10_000
