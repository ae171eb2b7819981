from __future__ import annotations

import sys
import tracemalloc

import pytest

from animatic.plan.scopes import TemplateError, scopes
from animatic.plan.templates import mentions, render
from animatic.spec.section import is_template

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
        ("{{ matrix.look.tone }}", "'tone' is not defined in that mapping", "there are grade"),
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
    with pytest.raises(TemplateError, match="too many steps"):
        render("{% for i in range(99999) %}{{ 'a long line of text that is repeated' }}{% endfor %}", NAMES)


ENDLESS = [
    "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}",
    "{% set x = 'aaaaaaaaaa' %}" + "".join(f"{{% for c{n} in x %}}" for n in range(12)) + "x" + "{% endfor %}" * 12,
    "{% macro f() %}{{ f() ~ f() }}{% endmacro %}{{ f() }}",
    "{{ 'x'.center(1000000000) }}",
    "{{ 'x' | center(1000000000) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '%*d' % (1000000000, 1) }}",
    "{{ '%1000000000d' | format(1) }}",
    "{{ '{:1000000000d}'.format(1) }}",
    "{{ '{:{w}}'.format(1, w=1000000000) }}",
    "{{ ('{0}' ~ '{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}').format(range(100000) | join) }}",
    "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a ~ a %}" * 60 + "{{ a | length }}",
    "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a + a %}" * 60 + "{{ a | length }}",
    "{% set a = [1] %}" + "{% set a = [a, a] %}" * 60 + "{{ a }}",
    "{% set a = (1,) %}" + "{% set a = (a, a) %}" * 60 + "{{ a == a }}",
    "{% set a = {'k': 1} %}" + "{% set a = {'k': a, 'l': a} %}" * 60 + "{{ a }}",
    "{% set a = 9999999 %}" + "{% set a = a * a %}" * 60 + "{{ a }}",
    "{{ range(100000) | map('center', 1000000) | join }}",
    "{% set a = range(100000) | join %}{{ a.replace('1', a) }}",
    "{% set a = range(100000) | join %}{{ a | replace('1', a) }}",
    "{% set a = range(100000) | join %}{{ a | wordwrap(1) }}",
    "{% set a = range(100000) | join %}{{ a.join(a) }}",
    "{{ (1).to_bytes(1000000000, 'big') }}",
    "{{ range(100000) | list | tojson(indent=100000) }}",
    "{{ range(100000) | batch(2) | sum(start=[]) | length }}",
    "{{ range(3) | batch(1000000000, 'x') | list }}",
    "{{ 'a\tb'.expandtabs(1000000000) }}",
    "{% set a %}{% for i in range(100000) %}" + "y" * 5000 + "{% endfor %}{% endset %}{{ a | length }}",
    "{{ range(99999999999) | list }}",
]


@pytest.mark.parametrize("text", ENDLESS, ids=range(len(ENDLESS)))
def test_no_template_takes_for_ever_or_fills_the_memory(text: str) -> None:
    """Each of these would take hours or gigabytes; how long the refusal takes is bounded by the steps that are counted."""
    with pytest.raises(TemplateError):
        render(text, NAMES)


def test_what_a_filter_makes_in_a_loop_counts_before_it_is_kept() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(TemplateError, match="too many steps"):
            render("{{ range(100000) | map('center', 1000000) | join }}", NAMES)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 50_000_000


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ params.city | e }}", "Lisbon"),
        ("{{ ['a', params.city | e] }}", ["a", "Lisbon"]),
        ("{{ ('a', 1) }}", ["a", 1]),
        ("{% for i in range(3) %}{{ loop.index }}/{{ loop.length }} {% endfor %}", "1/3 2/3 3/3 "),
        ("{% set n = namespace(t=0) %}{% for i in range(4) %}{% set n.t = n.t + i %}{% endfor %}{{ n.t }}", "6"),
        ("{{ '%02d' % 7 }}", "07"),
        ("{{ '{:03d}'.format(7) }}", "007"),
        ("{{ 'a,b'.split(',') | map('upper') | list }}", ["A", "B"]),
        ("{% for k, v in {'a': 1}.items() %}{{ k }}{{ v }}{% endfor %}", "a1"),
        ("{% macro twice(x) %}{{ x }}{{ x }}{% endmacro %}{{ twice('ab') }}", "abab"),
        ("{{ [1, 2] + [3] }}", [1, 2, 3]),
        ("{{ params.nope | default('none') }}", "none"),
    ],
)
def test_what_storyboards_need_is_rendered_to_plain_values(text: str, value: object) -> None:
    rendered = render(text, NAMES)
    assert rendered == value
    assert type(rendered) is type(value)
    assert type(rendered) is not list or all(type(item) in {str, int} for item in rendered)


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
