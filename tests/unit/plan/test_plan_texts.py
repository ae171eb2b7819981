"""Templates wherever text stands: what is sent, labelled and written to is never the template itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from animatic.catalog import Catalog
from animatic.errors import DeclarationError, UsageError
from animatic.plan import check_declaration, destination_of, destinations_of
from animatic.plan.labels import deployed
from animatic.plan.printed import render_plan
from animatic.plan.saved import plan_from_json, plan_to_json
from tests.unit.plan.plan_helpers import HEAD, PNG, DeclarationOf, PlanOf

EVENING = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
"""The next day in UTC and Tokyo, the evening before in Los Angeles."""


def test_defaults_of_params_are_rendered_and_what_a_person_gives_is_not(plan_of: PlanOf) -> None:
    text = """
        teaser:
          params:
            city: {default: Lisbon}
            day: {default: "{{ params.city }} on {{ run.date }}"}
          shots: [{id: dawn, prompt: "{{ params.day }}"}]
    """
    head = HEAD.replace("version: 1\n", "version: 1\ntimezone: UTC\n")
    plan = plan_of(text, head=head, started=EVENING)
    assert plan.steps[0].request.body["prompt"] == "Lisbon on 2026-11-22"
    assert plan.params == {"city": "Lisbon", "day": "Lisbon on 2026-11-22"}
    given = plan_of(text, head=head, params={"day": "{{ 7 * 7 }}"})
    assert given.steps[0].request.body["prompt"] == "{{ 7 * 7 }}"


def test_the_params_of_a_schedule_are_rendered_as_prefect_hands_them_over(plan_of: PlanOf) -> None:
    text = """
        teaser:
          params: {day: {default: today}}
          schedule: {interval: 1h, params: {day: "on {{ run.date }} at {{ run.time }}"}}
          shots: [{id: dawn, prompt: "{{ params.day }}"}]
    """
    due = datetime(2026, 11, 21, 6, 5, tzinfo=ZoneInfo("America/Los_Angeles"))
    for handed in ("on {{ run.date }} at {{ run.time }}", "on {{ (run.date) }} at {{ (run.time) }}"):
        plan = plan_of(text, params={"day": handed}, due=due)
        assert plan.steps[0].request.body["prompt"] == "on 2026-11-21 at 06:05"


@pytest.mark.parametrize(("zone", "day", "time"), [("America/Los_Angeles", "2026-11-21", "17:30"), ("Asia/Tokyo", "2026-11-22", "10:30")])
def test_the_day_of_a_run_is_that_of_the_files_time_zone(plan_of: PlanOf, zone: str, day: str, time: str) -> None:
    head = HEAD.replace("version: 1\n", f"version: 1\ntimezone: {zone}\n")
    plan = plan_of('teaser: {shots: [{id: dawn, prompt: "{{ run.date }} {{ run.time }}"}]}', head=head, started=EVENING)
    assert plan.steps[0].request.body["prompt"] == f"{day} {time}"


def test_without_a_time_zone_the_day_is_that_of_this_machine(plan_of: PlanOf, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "America/Los_Angeles")
    time.tzset()
    try:
        plan = plan_of('teaser: {shots: [{id: dawn, prompt: "{{ run.date }}"}]}', started=EVENING)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert plan.steps[0].request.body["prompt"] == "2026-11-21"


def test_description_tags_title_files_and_nested_values_are_rendered(plan_of: PlanOf, tmp_path: Path) -> None:
    (tmp_path / "Porto.png").write_bytes(PNG)
    plan = plan_of(
        """
        teaser:
          title: |
            The town of
            {{ params.city }}
          description: "Town of {{ params.city }}, {{ run.date }}"
          tags: ["{{ params.city }}", "{{ '' }}", daily]
          params: {city: {default: Porto}}
          matrix:
            language: [en]
            include: [{voice: "voice of {{ params.city }}"}]
            exclude: [{voice: "voice of nobody"}]
          shots:
            - id: dawn
              title: "Dawn over {{ params.city }}"
              prompt: "{{ matrix.voice }}"
              start_image: {file: "{{ params.city }}.png"}
              extra_body: {deep: {text: ["{{ params.city }}"]}, kept: null}
        """,
        head=HEAD.replace("version: 1\n", "version: 1\ntimezone: UTC\n"),
    )
    step = plan.steps[0]
    assert plan.title == "The town of Porto"
    assert plan.description == "Town of Porto, 2026-11-21"
    assert plan.tags == ("Porto", "daily")
    assert step.title == "Dawn over Porto"
    assert step.request.body == {
        "prompt": "voice of Porto", "start_image": None, "deep": {"text": ["Porto"]}, "kept": None,
    }  # fmt: skip
    assert [Path(given.file).name for given in step.request.inputs if hasattr(given, "file")] == ["Porto.png"]
    assert "{{" not in repr(plan.steps)


def test_a_file_that_a_required_param_names_is_not_looked_for_before_a_run(declaration_of: DeclarationOf, catalog: Catalog) -> None:
    declaration = declaration_of("""
        teaser:
          params: {city: {type: string}}
          shots: [{id: dawn, prompt: Dawn, start_image: {file: "{{ params.city }}.png"}}]
    """)
    assert check_declaration(declaration, catalog) == ()


def test_a_deployment_is_labelled_with_the_defaults(declaration_of: DeclarationOf) -> None:
    spec = declaration_of("""
        teaser:
          title: "{{ params.city }}"
          description: "Town of {{ params.city }} on {{ run.date }}, {{ params.mood }}"
          tags: ["{{ params.city }}"]
          params: {city: {default: Porto}, mood: {type: string}}
          shots: [{id: dawn, prompt: Dawn}]
    """).pipelines["teaser"]
    assert deployed(spec) == ("Porto", "Town of Porto on (date), mood", ("Porto",))


DELIVER = """
    teaser:
      deliver: "out/{{ params.client }}"
      params: {client: {enum: [acme, beta], default: acme}, free: {default: x}}
      shots: [{id: dawn, prompt: Dawn}]
    other:
      deliver: "out/{{ params.client }}"
      params: {client: {type: string}}
      shots: [{id: dawn, prompt: Dawn}]
"""


def test_deliver_follows_the_params_and_all_its_places_are_known(declaration_of: DeclarationOf, plan_of: PlanOf, tmp_path: Path) -> None:
    assert plan_of(DELIVER, params={"client": "beta"}).deliver == str(tmp_path / "out" / "beta")
    pipelines = declaration_of(DELIVER).pipelines
    assert destination_of(pipelines["teaser"]) == str(tmp_path / "out" / "acme")
    assert destinations_of(pipelines["teaser"]) == (str(tmp_path / "out" / "acme"), str(tmp_path / "out" / "beta"))
    assert destinations_of(pipelines["other"], "/elsewhere") == ("/elsewhere",)
    with pytest.raises(UsageError, match="depends on its params"):
        destinations_of(pipelines["other"])
    with pytest.raises(UsageError, match="is not known"):
        destination_of(pipelines["other"])


@pytest.mark.parametrize("client", ["..", "../..", "a/../../b"])
def test_a_param_does_not_lead_out_of_the_destination(declaration_of: DeclarationOf, client: str) -> None:
    with pytest.raises(UsageError, match="leads out"):
        destination_of(declaration_of(DELIVER).pipelines["other"], None, {"client": client})


def test_a_list_param_is_an_axis(plan_of: PlanOf) -> None:
    text = """
        teaser:
          params: {cities: {type: list, default: [Lisbon, Porto]}}
          matrix: {city: "{{ params.cities }}"}
          shots: [{id: dawn, prompt: "Dawn over {{ matrix.city }}"}]
    """
    assert [step.key for step in plan_of(text).steps] == ["Lisbon/dawn", "Porto/dawn"]
    assert [step.key for step in plan_of(text, params={"cities": "Rome,Bonn,Rome"}).steps] == ["Rome/dawn", "Bonn/dawn"]
    with pytest.raises(DeclarationError) as caught:
        plan_of(text, params={"cities": []})
    assert [problem.message for problem in caught.value.problems] == ["pipeline 'teaser': axis 'city' comes out as an empty list"]


def test_values_of_an_axis_may_be_mappings(plan_of: PlanOf) -> None:
    plan = plan_of("""
        teaser:
          params: {shade: {default: dark}}
          matrix: {product: [{name: Red, hex: f00}, {name: Blue, hex: "{{ params.shade }} 00f"}]}
          shots: [{id: dawn, prompt: "{{ matrix.product.name }} is {{ matrix.product.hex }}"}]
    """)
    assert [step.request.body["prompt"] for step in plan.steps] == ["Red is f00", "Blue is dark 00f"]
    assert [step.variant_name for step in plan.steps] == ["Red", "Blue"]


def test_definitions_and_x_keys_are_read_and_never_interpreted(plan_of: PlanOf) -> None:
    head = """\
version: 1
x-empty:
x-odd: {version: 2, shots: 5, "{{ nope }}": "{{ nope }}"}
definitions:
  look: &look {resolution: 480p}
  list: [&more {duration: 3}]
defaults:
  video: {model: xai/grok-video}
pipelines:
"""
    plan = plan_of("teaser: {shots: [{<<: [*look, *more], id: dawn, prompt: Dawn}]}", head=head)
    assert plan.steps[0].request.body == {"resolution": "480p", "duration": 3, "prompt": "Dawn"}
    assert plan.warnings == ()


@pytest.mark.parametrize("written", ["startImage: null", "camera: null", "slow drift: null", "lens: ~"])
def test_a_name_that_the_model_lacks_is_a_mistake_whatever_its_value(declaration_of: DeclarationOf, catalog: Catalog, written: str) -> None:
    declaration = declaration_of(f"teaser: {{shots: [{{id: dawn, prompt: Dawn, {written}}}]}}")
    assert [problem.severity for problem in check_declaration(declaration, catalog)] == ["error"]


def test_null_drops_a_default_also_one_that_the_model_lacks(plan_of: PlanOf) -> None:
    head = HEAD.replace("{model: xai/grok-video}", "{model: xai/grok-video, resolution: 480p, seed: 7}")
    plan = plan_of("teaser: {shots: [{id: dawn, prompt: Dawn, resolution: null, seed: null}]}", head=head)
    assert plan.steps[0].request.body == {"prompt": "Dawn"}


def test_retries_and_timeout_of_a_pipeline_hold_for_shots_that_set_none(plan_of: PlanOf) -> None:
    plan = plan_of("""
        teaser:
          retries: 0
          timeout: 10m
          shots: [{id: dawn, prompt: Dawn}, {id: surf, prompt: Surf, retries: 3, timeout: 20}]
    """)
    assert [(step.retries, step.timeout) for step in plan.steps] == [(0, 600.0), (3, 20.0)]


def test_a_blank_prompt_is_refused_only_where_it_would_be_sent(plan_of: PlanOf) -> None:
    text = """
        teaser:
          params: {more: {default: ""}}
          shots:
            - {id: dawn, prompt: Dawn}
            - {id: more, prompt: "{{ params.more }} ", when: "{{ params.more != '' }}"}
    """
    assert [step.key for step in plan_of(text).steps] == ["dawn"]
    with pytest.raises(DeclarationError) as caught:
        plan_of(text, params={"more": " "})
    assert [problem.code for problem in caught.value.problems] == ["blank"]


def test_title_and_what_the_page_shows_go_with_a_saved_plan(plan_of: PlanOf) -> None:
    plan = plan_of("teaser: {title: A coast, page: {money: false}, shots: [{id: dawn, prompt: Dawn}]}")
    assert (plan.title, plan.shows_money) == ("A coast", False)
    assert plan_from_json(json.loads(json.dumps(plan_to_json(plan)))) == plan
    older = {key: value for key, value in plan_to_json(plan).items() if key not in {"title", "shows_money"}}
    assert (plan_from_json(older).title, plan_from_json(older).shows_money) == ("", True)
    assert render_plan(plan).splitlines()[1] == "  A coast"


def test_a_title_with_a_mistake_in_its_template_is_refused_at_its_place(plan_of: PlanOf) -> None:
    with pytest.raises(DeclarationError) as caught:
        plan_of('teaser: {title: "{{ params.citty }}", params: {city: {default: x}}, shots: [{id: dawn, prompt: Dawn}]}')
    (problem,) = caught.value.problems
    assert "title: " in problem.message
    assert problem.place is not None
