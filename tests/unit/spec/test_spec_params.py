"""Values for params: from a command line, from JSON, from a schedule."""

from __future__ import annotations

from typing import Any

import pytest

from animatic.plan.scopes import TemplateError, scopes
from animatic.plan.templates import render
from animatic.source import load_text
from animatic.spec import PipelineSpec, coerce_params, declare
from animatic.spec.values import shielded, templates_of

SPEC = """\
version: 1
pipelines:
  p:
    params:
      city: {type: string}
      days: {type: integer, default: 2, minimum: 1, maximum: 7}
      rate: {type: number, default: 0.5}
      rain: {type: boolean, default: false}
      mood: {enum: [golden, noir], default: golden}
    shots: [{id: a}]
"""
CITY = {"city": "Porto"}


@pytest.fixture(scope="module")
def spec() -> PipelineSpec:
    return declare([load_text(SPEC)]).pipelines["p"]


def test_defaults_fill_in_what_is_not_given(spec: PipelineSpec) -> None:
    values, problems = coerce_params(spec, CITY)
    assert problems == ()
    assert values == {"city": "Porto", "days": 2, "rate": 0.5, "rain": False, "mood": "golden"}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("days", "3", 3),
        ("days", " +3 ", 3),
        ("days", "3.0", 3),
        ("rate", "2.5", 2.5),
        ("rate", "2", 2),
        ("rate", "1e1", 10),
        ("rain", "true", True),
        ("rain", "No", False),
        ("rain", "1", True),
        ("mood", "noir", "noir"),
        ("city", "007", "007"),
        ("city", "true", "true"),
        ("city", "", ""),
    ],
)
def test_command_line_texts_are_read_by_type(spec: PipelineSpec, name: str, text: str, value: object) -> None:
    values, problems = coerce_params(spec, CITY | {name: text}, text=True)
    assert problems == ()
    assert values[name] == value
    assert type(values[name]) is type(value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("days", "x"),
        ("days", "2.5"),
        ("days", "0"),
        ("days", "8"),
        ("days", ""),
        ("rate", "nan"),
        ("rate", "inf"),
        ("rain", "maybe"),
        ("mood", "gold"),
    ],
)
def test_texts_that_do_not_fit_are_named_with_the_declaration(spec: PipelineSpec, name: str, text: str) -> None:
    values, [problem] = coerce_params(spec, CITY | {name: text}, text=True)
    assert name not in values
    assert f"param '{name}' must be" in problem.message
    assert problem.related[0][0].file == "pipelines.yaml"


@pytest.mark.parametrize(
    ("name", "value"),
    [("days", "3"), ("days", True), ("days", 2.5), ("rate", None), ("rain", "true"), ("rain", 1), ("city", 5), ("mood", ["noir"])],
)
def test_typed_values_are_not_guessed_at(spec: PipelineSpec, name: str, value: Any) -> None:
    _, [problem] = coerce_params(spec, CITY | {name: value})
    assert problem.code == "param"


def test_whole_floats_are_whole_numbers(spec: PipelineSpec) -> None:
    values, problems = coerce_params(spec, CITY | {"days": 5.0, "rate": 2.0})
    assert problems == ()
    assert (repr(values["days"]), repr(values["rate"])) == ("5", "2")


def test_unknown_and_missing_params_are_reported_together(spec: PipelineSpec) -> None:
    values, problems = coerce_params(spec, {"ctiy": "Porto"}, text=True)
    assert [problem.code for problem in problems] == ["unknown-param", "missing-param"]
    assert problems[0].hint == "did you mean city?"
    assert problems[1].hint is not None
    assert "--param city=" in problems[1].hint
    assert "city" not in values


def test_a_pipeline_without_params_says_so() -> None:
    spec = declare([load_text("version: 1\npipelines: {p: {shots: [{id: a}]}}\n")]).pipelines["p"]
    _, [problem] = coerce_params(spec, {"x": 1})
    assert problem.hint == "this pipeline has no params"


LISTS = """\
version: 1
pipelines:
  p:
    params:
      cities: {type: list, default: [Lisbon]}
      sizes: {enum: [1, 2, 3], type: list, default: [1]}
      names: {type: list}
    shots: [{id: a}]
"""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Rome,Bonn", ["Rome", "Bonn"]),
        (" Rome , São Paulo ", ["Rome", "São Paulo"]),
        ('["a, b", "c"]', ["a, b", "c"]),
        ("Rome", ["Rome"]),
        ("", []),
    ],
)
def test_a_list_is_read_from_commas_or_json(text: str, value: list[str]) -> None:
    spec = declare([load_text(LISTS)]).pipelines["p"]
    values, problems = coerce_params(spec, {"names": text, "sizes": "1,3"}, text=True)
    assert problems == ()
    assert values == {"cities": ["Lisbon"], "sizes": [1, 3], "names": value}


@pytest.mark.parametrize(("name", "text"), [("sizes", "1,4"), ("sizes", "one"), ("names", "[1,"), ("names", "[1, 2]")])
def test_a_list_of_other_things_is_refused(name: str, text: str) -> None:
    spec = declare([load_text(LISTS)]).pipelines["p"]
    _, [problem] = coerce_params(spec, {"names": "x", name: text}, text=True)
    assert problem.code == "param"


TEMPLATES = """\
version: 1
pipelines:
  p:
    params: {day: {default: "{{ run.date }}"}, city: {default: Lisbon}}
    schedule: {interval: 1h, params: {day: "on {{ run.date }}"}}
    shots: [{id: a}]
"""


def test_only_templates_of_the_file_itself_are_templates() -> None:
    spec = declare([load_text(TEMPLATES)]).pipelines["p"]
    assert templates_of(spec, "day") == {"{{ run.date }}", "{{ (run.date) }}", "on {{ run.date }}", "on {{ (run.date) }}"}
    assert templates_of(spec, "city") == frozenset()


@pytest.mark.parametrize(
    "text", ["{{ run.date }}", "a {{params.city}} b {{ run.date }}", "{{ run.date | upper }}", "{% if x %}{{ y }}{% endif %}", "none"]
)
def test_a_shielded_template_means_the_same_and_is_none_to_prefect(text: str) -> None:
    from prefect.utilities.templating import apply_values

    assert apply_values(shielded(text), {}) == shielded(text)
    names = scopes(params={"city": "Lisbon"}, run={"date": "2026-11-27"})
    try:
        expected = render(text, names)
    except TemplateError as error:
        expected = error.message
    try:
        found = render(shielded(text), names)
    except TemplateError as error:
        found = error.message
    assert found == expected
