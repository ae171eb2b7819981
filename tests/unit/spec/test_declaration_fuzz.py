"""Any file at all: never a traceback, never an error without its place, and always something that can be shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from animatic.errors import DeclarationError, Problem
from animatic.source import load_text, problems_github, problems_json, render_problems
from animatic.spec import Declaration, declare
from animatic.spec.fix import fix_text
from animatic.spec.keys import CUT, FILE, PARAM, PIPELINE, SCHEDULE, SHOT

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
WHOLE = """\
version: 1
defaults:
  video: &video {model: xai/grok-video, resolution: 720p, aspect_ratio: 16:9}
budget: {per_day_usd: 50}
pipelines:
  coast-teaser:
    description: Three shots, chained   # by last frames
    params:
      city: {type: string, default: Lisbon}
      days: {type: integer, default: 2, minimum: 1, maximum: 7}
    matrix: {aspect_ratio: [16:9, 9:16], exclude: [{aspect_ratio: 9:16}]}
    schedules:
      - {cron: "0 6 * * 1-5", timezone: Europe/Lisbon, params: {city: Porto}, fresh: true}
      - {interval: 1h30m, slug: often}
    shots:
      - id: dawn
        prompt: "Aerial of {{ params.city }} at dawn"
        duration: 6
      - <<: *video
        id: surf
        prompt: >-
          Surf breaks against
          the harbour wall
        start_image: {shot: dawn, frame: last}
        fallback: [{model: kling/kling-2.5, duration: 5}]
        timeout: 10m
    cut:
      shots: [dawn, surf]
"""


def readable(path: Path) -> bool:
    try:
        path.read_bytes().decode()
    except UnicodeDecodeError:
        return False
    return True


BASES = [WHOLE, *(path.read_bytes().decode() for path in sorted(GOLDEN.rglob("*.yaml")) if readable(path))]
SCRAPS = [
    "{{",
    "}}",
    "{% if",
    "[",
    "]",
    "{",
    "}",
    ": ",
    ":",
    "- ",
    "-",
    "\t",
    "\n",
    "\r\n",
    "  ",
    '"',
    "'",
    "#",
    " #x",
    "&a ",
    "*a",
    "!x ",
    "|",
    ">",
]
SCRAPS += [
    "<<: ",
    "? ",
    "---\n",
    "...",
    "@",
    "`",
    "%",
    ",",
    "\\",
    "\x00",
    "\u00a0",
    "\u2028",
    "\ufeff",
    "é",
    "日本",
    "16:9",
    "010",
    "1e999",
    "~",
    "null",
]
KEYS = sorted({key for level in (CUT, FILE, PARAM, PIPELINE, SCHEDULE, SHOT) for key in (*level.known, *level.advice)})


def diagnose(text: str) -> tuple[Declaration | None, tuple[Problem, ...]]:
    try:
        document = load_text(text)
    except DeclarationError as error:
        render_problems(error.problems, texts=error.texts, color=True)
        return None, error.problems
    declaration = declare([document])
    render_problems(declaration.problems, [document])
    return declaration, declaration.problems


def check(text: str) -> None:
    declaration, problems = diagnose(text)
    assert declaration is not None or problems
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for problem in problems:
        for place in (problem.place, *(place for place, _ in problem.related)):
            assert place is not None
            assert place.line == 0 or 1 <= place.line <= len(lines)
            assert place.line == 0 or 1 <= place.column <= len(lines[place.line - 1]) + 1
            assert place.length >= 1
        assert problem.message
        assert problem.message.isprintable() or "\\u" in render_problems([problem])
    json.dumps(problems_json(problems))
    assert problems_github(problems).count("\n") == max(0, len(set(problems)) - 1)
    if declaration is not None:
        json.dumps(declaration.documents[0].data, default=str)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(BASES))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        kind = draw(st.sampled_from(["insert", "delete", "duplicate line", "drop line", "indent line"]))
        if kind == "insert":
            text = text[:start] + draw(st.sampled_from(SCRAPS)) + text[start:]
        elif kind == "delete":
            text = text[:start] + text[start + draw(st.integers(1, 12)) :]
        else:
            lines = text.split("\n")
            number = draw(st.integers(0, len(lines) - 1))
            changed = {"duplicate line": [lines[number]] * 2, "drop line": [], "indent line": [" " + lines[number]]}[kind]
            text = "\n".join([*lines[:number], *changed, *lines[number + 1 :]])
    return text


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "dawn", "x" * 200, "{{ params.x }}", "0 6 * * *", "10m", "s3://b"])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), inner, max_size=5),
    max_leaves=12,
)


def mapping(keys: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(keys), VALUES, max_size=5)


@st.composite
def shaped(draw: st.DrawFn) -> str:
    """Right in its outline, with any value at any key."""
    pipeline = draw(mapping(PIPELINE.known))
    pipeline["shots"] = draw(st.lists(mapping(SHOT.known), max_size=4) | VALUES)
    pipeline["params"] = draw(st.dictionaries(st.sampled_from(["city", "class", "a-b"]), mapping(PARAM.known), max_size=3) | VALUES)
    pipeline["schedules"] = draw(st.lists(mapping(SCHEDULE.known), max_size=3) | VALUES)
    file = draw(mapping(FILE.known)) | {"pipelines": {"coast": pipeline, draw(st.text(max_size=5)): draw(VALUES)}}
    return json.dumps(file)


RELAXED = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


@settings(max_examples=150, deadline=None, suppress_health_check=RELAXED)
@given(mutated())
def test_damaged_file_is_explained(text: str) -> None:
    check(text)


@settings(max_examples=50, deadline=None, suppress_health_check=RELAXED)
@given(shaped())
def test_any_value_at_any_key_is_explained(text: str) -> None:
    check(text)


@settings(max_examples=100, deadline=None)
@given(st.text() | st.lists(st.sampled_from([*SCRAPS, *KEYS]), max_size=30).map("".join))
def test_any_text_is_explained(text: str) -> None:
    check(text)


@settings(max_examples=60, deadline=None, suppress_health_check=RELAXED)
@given(mutated())
def test_fixing_ends_and_has_nothing_left_to_do_a_second_time(text: str) -> None:
    aliases = {"xai/grok-video": {"startImage": "start_image"}}
    fixed = fix_text(text, aliases)
    assert fix_text(fixed.new_text, aliases).changes == ()
    assert bool(fixed.changes) == (fixed.new_text != text)


@pytest.mark.slow
@settings(max_examples=20_000, deadline=None, suppress_health_check=RELAXED)
@given(st.one_of(mutated(), mutated(), shaped(), st.text()))
@pytest.mark.timeout(1800)
def test_twenty_thousand_files_are_explained(text: str) -> None:
    check(text)
