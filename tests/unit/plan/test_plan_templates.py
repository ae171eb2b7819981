from __future__ import annotations

import sys

import pytest

from animatic.plan.templates import TemplateError, is_template, mentions, render, scopes

NAMES = scopes(
    params={"city": "Lisbon", "seconds": 6, "long": True, "items": "own", "none": None, "ratio": 1.5},
    run={"date": "2026-11-21", "id": "r"},
    matrix={"look": {"grade": "noir"}},
    shot={"id": "dawn"},
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ params.seconds }}", 6),
        (" {{ params.seconds + 1 }} ", 7),
        ("{{ params.long }}", True),
        ("{{params.none}}", None),
        ("{{ params.seconds }} s", "6 s"),
        ("{{ params.long }}, {{ params.none }}!", "true, !"),
        ("{{ params.ratio }}x", "1.5x"),
        ("In {{ params.city }}, {{ shot.id }} of {{ run.date }}", "In Lisbon, dawn of 2026-11-21"),
        ("{{ params.city | upper }}", "LISBON"),
        ("{{ matrix.look.grade }}", "noir"),
        ("{% if params.long %}long{% else %}short{% endif %}", "long"),
        ("{{ params.country | default('Portugal') }}", "Portugal"),
        ("{{ params.items }}", "own"),
        ("{{ [1, 2] }}", [1, 2]),
        ("first\nsecond {{ params.city }}\n", "first\nsecond Lisbon\n"),
        ("{# a remark #}text", "text"),
        ("100 % { braces } stay", "100 % { braces } stay"),
    ],
)
def test_template_yields(text: str, value: object) -> None:
    assert (render(text, NAMES) if is_template(text) else text) == value
    assert type(render(text, NAMES)) is type(value)


@pytest.mark.parametrize(
    "text", ["{{ params.city }} twice {{ params.city }}", "{{ params.seconds }}", "{{ params.long }}{{ params.none }}"]
)
def test_plain_names_come_out_as_jinja_renders_them(text: str) -> None:
    through_jinja = text.replace("params.", "(params).")
    assert render(text, NAMES) == render(through_jinja, NAMES)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("{{ params.citty }}", "params.citty is not defined", "did you mean params.city?"),
        ("{{ params['citty'] ~ '' }}", "params.citty is not defined", "did you mean params.city?"),
        ("{{ city }} and more", "'city' is not defined", "did you mean params.city?"),
        ("{{ parms.city }}", "'parms' is not defined", "did you mean params?"),
        ("{{ matrix.look.tone }}", "'tone' is not defined in {'grade': 'noir'}", None),
        ("{{ params.city }", "the template does not parse: unexpected '}'", "write it as {{ params.NAME }}, both braces doubled"),
        ("{{ params.city | uper }}", "the template does not parse: No filter named 'uper'", "did you mean upper?"),
        ("{{ 2 ** 9999 }}", "templates cannot raise to a power", "compute it outside of the file and pass it as a parameter"),
        ("{{ 'x' * 99 }}", "templates cannot multiply text or lists", "compute it outside of the file and pass it as a parameter"),
        ("{{ params.city.__class__ }}", "'__class__' is not defined in 'Lisbon'", None),
        ("{{ 1 / 0 }}", "the template cannot be rendered: division by zero", None),
        ("{{ params.city.upper }}", "the template yields builtin_function_or_method, which is not a value", None),
    ],
)
def test_template_mistake_is_explained(text: str, message: str, hint: str | None) -> None:
    with pytest.raises(TemplateError) as caught:
        render(text, NAMES)
    assert caught.value.message == message
    if hint is not None:
        assert caught.value.hint == hint


def test_a_template_cannot_fill_the_memory() -> None:
    with pytest.raises(TemplateError, match="characters"):
        render("{% for i in range(99999) %}{{ 'a long line of text that is repeated' }}{% endfor %}", NAMES)


def test_an_empty_scope_says_why_it_is_empty() -> None:
    with pytest.raises(TemplateError, match="the pipeline has no matrix"):
        render("{{ matrix.language }}", scopes(params={}, run={}))


def test_mentions_finds_parameters_however_they_are_written() -> None:
    names = frozenset({"city", "mood"})
    assert mentions("{{ params.city }} {{ params['mood'] }} {{ params.other }}", "params", names) == ("city", "mood")
    assert mentions("{{ run.id }}", "params", names) == ()


def test_text_without_templates_never_loads_jinja() -> None:
    assert not is_template("a { plain } text with {one brace}")
    assert "animatic.plan.templates" in sys.modules
