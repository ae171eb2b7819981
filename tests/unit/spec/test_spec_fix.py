"""Fixing in place: the cure, and every byte beside it."""

from __future__ import annotations

import difflib

import pytest

from animatic.source import load_text
from animatic.spec import declare
from animatic.spec.fix import fix_text

ALIASES = {
    "xai/grok-video": {"startImage": "start_image", "aspectRatio": "aspect_ratio", "size": "resolution"},
    "kling/kling-2.5": {"startImage": "start_image", "size": "width"},
}


def changed_lines(before: str, after: str) -> list[tuple[str, str]]:
    assert len(before.splitlines()) == len(after.splitlines())
    pairs = zip(before.splitlines(keepends=True), after.splitlines(keepends=True), strict=True)
    return [(old.strip(), new.strip()) for old, new in pairs if old != new]


def test_retired_names_are_renamed_by_the_model_of_their_shot() -> None:
    text = """\
version: 1   # keep   me
defaults:
  video:   {model: xai/grok-video,   aspectRatio: 16:9}
profiles:
  draft: {video: {model: kling/kling-2.5, size: 9, fallback: [{model: xai/grok-video, size: 480p}]}}
pipelines:
  p:
    shots:
      - id: a
        "startImage": b.png      # by default
      - {id: b, model: kling/kling-2.5, size: 640, 'startImage': a}
      - id: c
        size: 720p
        fallback: [{model: kling/kling-2.5, size: 3}]
      - id: d
        model: "{{ params.model }}"
        startImage: a
        size: 1
"""
    result = fix_text(text, ALIASES)
    assert changed_lines(text, result.new_text) == [
        ("video:   {model: xai/grok-video,   aspectRatio: 16:9}", "video:   {model: xai/grok-video,   aspect_ratio: 16:9}"),
        (
            "draft: {video: {model: kling/kling-2.5, size: 9, fallback: [{model: xai/grok-video, size: 480p}]}}",
            "draft: {video: {model: kling/kling-2.5, width: 9, fallback: [{model: xai/grok-video, resolution: 480p}]}}",
        ),
        ('"startImage": b.png      # by default', '"start_image": b.png      # by default'),
        (
            "- {id: b, model: kling/kling-2.5, size: 640, 'startImage': a}",
            "- {id: b, model: kling/kling-2.5, width: 640, 'start_image': a}",
        ),
        ("size: 720p", "resolution: 720p"),
        ("fallback: [{model: kling/kling-2.5, size: 3}]", "fallback: [{model: kling/kling-2.5, width: 3}]"),
        ("startImage: a", "start_image: a"),
    ]
    assert str(result.changes[0].place) == "pipelines.yaml:3:38"


def test_a_name_is_left_alone_where_the_new_one_is_there_too() -> None:
    text = "version: 1\npipelines: {p: {shots: [{id: a, model: xai/grok-video, startImage: x, start_image: y}]}}\n"
    assert fix_text(text, ALIASES).new_text == text


def test_a_name_behind_an_anchor_is_renamed_once() -> None:
    text = "version: 1\npipelines:\n  p:\n    shots:\n      - &s {id: a, startImage: x}\n      - {<<: *s, id: b}\n      - {<<: *s, id: c}\n"
    result = fix_text(text, ALIASES)
    assert result.new_text == text.replace("startImage", "start_image")
    assert len(result.changes) == 1


def test_our_own_keys_lose_their_humps_at_every_level() -> None:
    text = """\
version: 1
budget: {perDayUsd: 5}
pipelines:
  p:
    budgetUsd: 3
    onFailure: stop
    shots: [{id: a, extraBody: {keepThis: 1}}]
"""
    fixed = fix_text(text, {}).new_text
    assert declare([load_text(fixed)]).problems == ()
    assert "keepThis" in fixed


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("prompt: {{ params.x }} at dawn   # c", 'prompt: "{{ params.x }} at dawn"   # c'),
        ('prompt: {{ params.x }} "slow"', "prompt: '{{ params.x }} \"slow\"'"),
        ("prompt: {{ params.x }}", 'prompt: "{{ params.x }}"'),
        ("prompt: {% if a %}x{% endif %} y", 'prompt: "{% if a %}x{% endif %} y"'),
        ("prompt: Close-up: a man", 'prompt: "Close-up: a man"'),
        ('prompt: @maria\'s "friend"', "prompt: '@maria''s \"friend\"'"),
    ],
)
def test_values_that_only_lack_quotes_get_them(before: str, after: str) -> None:
    text = "version: 1\npipelines:\n  p:\n    shots:\n      - id: a\n        {}\n        duration: 5 # end\n"
    result = fix_text(text.format(before), {})
    assert result.new_text == text.format(after)
    assert declare([load_text(result.new_text)]).problems == ()


def test_many_faults_are_all_cured() -> None:
    shots = "".join(f"      - id: s{number}\n        prompt: {{{{ params.x }}}} number {number}\n" for number in range(60))
    fixed = fix_text(f"version: 1\npipelines:\n  p:\n    shots:\n{shots}", {})
    assert len(fixed.changes) == 60
    assert declare([load_text(fixed.new_text)]).problems == ()


def test_tabs_become_the_spaces_that_make_the_file_parse() -> None:
    text = "version: 1\npipelines:\n\tp:\n\t\tshots:\n\t\t- id: a\n\t\t  prompt: x\ty\n"
    fixed = fix_text(text, {}).new_text
    assert declare([load_text(fixed)]).problems == ()
    assert "x\ty" in fixed


def test_byte_order_mark_and_windows_line_ends_stay() -> None:
    text = "\ufeffversion: 1\r\npipelines:\r\n  p:\r\n    budgetUsd: 3\r\n    shots: [{id: a}]"
    assert fix_text(text, {}).new_text == text.replace("budgetUsd", "budget_usd")


def test_what_has_no_one_cure_is_left_alone() -> None:
    for text in ("", "[", "a: {{ x\n", "a: 'it's'\n", "a: [b\nc: d\n", "version: 1\npipelines: []\n"):
        result = fix_text(text, ALIASES)
        assert (result.new_text, result.changes) == (text, ()), "".join(difflib.ndiff([text], [result.new_text]))
