"""Profiles: whose values win, what is left out, what is told where, and that takes of drafts and finals are each their own."""

from __future__ import annotations

from decimal import Decimal

import pytest

from animatic.catalog import Catalog
from animatic.errors import DeclarationError, UsageError
from animatic.plan import check_declaration, diff_plans, plan_from_json, plan_to_json
from tests.unit.plan.plan_helpers import DeclarationOf, PlanOf

HEAD = """\
version: 1
defaults:
  video: {model: bytedance/seedance-2, resolution: 720p, aspect_ratio: 16:9}
  image: {model: google/nano-banana-pro}
profiles:
  draft: {video: {model: bytedance/seedance-2-fast, resolution: 480p}}
  low: {video: {resolution: 480p}}
  spare: {video: {resolution: 480p, fallback: [{model: bytedance/seedance-2-fast, duration: 4}]}}
  alone: {video: {resolution: 480p, fallback: null}}
  bare: {video: {aspect_ratio: null}}
  grok: {video: {model: xai/grok-video}}
pipelines:
"""
COAST = """
coast:
  shots:
    - {id: still, kind: image, prompt: Hero}
    - {id: dawn, prompt: Dawn, duration: 6, start_image: still}
    - {id: surf, prompt: Surf, duration: 5, start_image: dawn, resolution: 720p, seed: 7}
  cut: {}
"""
SPARE = """
coast:
  shots:
    - {id: dawn, prompt: Dawn, duration: 5, seed: 3, fallback: [{model: kling/kling-2.5, aspect_ratio: 1:1}, {model: xai/grok-video}]}
"""


def test_a_profile_wins_over_defaults_and_shots_field_by_field(plan_of: PlanOf) -> None:
    plan = plan_of(COAST, head=HEAD, profile="low")
    assert plan.profile == "low"
    assert plan.step("surf").request.body == {
        "resolution": "480p", "aspect_ratio": "16:9", "prompt": "Surf", "duration": 5, "start_image": None, "seed": 7,
    }  # fmt: skip
    assert plan.step("still").request == plan_of(COAST, head=HEAD).step("still").request


def test_another_model_takes_what_it_has_and_the_rest_is_named(plan_of: PlanOf) -> None:
    draft, grok = (plan_of(COAST, head=HEAD, profile=name).step("surf") for name in ("draft", "grok"))
    assert (draft.request.model, draft.request.body["seed"], draft.notes) == ("bytedance/seedance-2-fast", 7, ())
    assert "seed" not in grok.request.body
    assert grok.notes == ("profile 'grok': 'seed' left out: xai/grok-video has no such field",)


def test_null_in_a_profile_drops_what_a_default_says(plan_of: PlanOf) -> None:
    assert "aspect_ratio" not in plan_of(COAST, head=HEAD, profile="bare").step("surf").request.body


def test_a_value_that_no_shot_of_the_kind_can_take_is_left_out_and_named(plan_of: PlanOf) -> None:
    head = HEAD.replace("low: {video: {resolution: 480p}}", "low: {video: {resolution: 480p, movement_amplitude: small}}")
    step = plan_of(COAST, head=head, profile="low").step("surf")
    assert step.notes == ("profile 'low': 'movement_amplitude' left out: bytedance/seedance-2 has no such field",)


def test_prices_are_those_of_the_request_under_the_profile(plan_of: PlanOf) -> None:
    grok, written = plan_of(COAST, head=HEAD, profile="grok"), plan_of(COAST, head=HEAD)
    assert grok.step("dawn").request.price.usd == Decimal("0.42")
    price = written.step("dawn").request.price.usd
    assert price is not None
    assert price > 1


def test_the_shots_fallbacks_stay_and_take_the_profiles_values(plan_of: PlanOf) -> None:
    declared, kling, grok = plan_of(SPARE, head=HEAD, profile="low").step("dawn").requests
    assert (declared.model, declared.body["resolution"]) == ("bytedance/seedance-2", "480p")
    assert (kling.model, kling.body) == ("kling/kling-2.5", {"aspect_ratio": "1:1", "prompt": "Dawn", "duration": 5, "seed": 3})
    assert (grok.body["resolution"], grok.price.usd) == ("480p", Decimal("0.25"))


def test_a_fallback_is_made_of_the_shot_as_it_is_written_not_of_what_the_profiles_model_leaves_of_it(plan_of: PlanOf) -> None:
    declared, kling, _ = plan_of(SPARE, head=HEAD, profile="grok").step("dawn").requests
    assert "seed" not in declared.body
    assert kling.body["seed"] == 3


def test_a_profile_may_name_the_fallbacks_or_none(plan_of: PlanOf) -> None:
    spare = plan_of(SPARE, head=HEAD, profile="spare").step("dawn").requests
    assert [(request.model, request.body["duration"], request.body["resolution"]) for request in spare[1:]] == [
        ("bytedance/seedance-2-fast", 4, "480p")
    ]
    assert len(plan_of(SPARE, head=HEAD, profile="alone").step("dawn").requests) == 1


def test_drafts_and_finals_are_takes_of_their_own_and_stay_what_they_are(plan_of: PlanOf) -> None:
    written, draft = plan_of(COAST, head=HEAD), plan_of(COAST, head=HEAD, profile="draft")
    again = plan_of(COAST, head=HEAD, profile="draft")
    assert [step.fingerprint for step in again.steps] == [step.fingerprint for step in draft.steps]
    assert written.step("still").fingerprint == draft.step("still").fingerprint
    assert written.step("dawn").fingerprint != draft.step("dawn").fingerprint
    # chained: the draft of surf starts from the draft of dawn
    low = plan_of(COAST.replace("prompt: Dawn", "prompt: Dusk"), head=HEAD, profile="draft")
    assert low.step("surf").fingerprint != draft.step("surf").fingerprint


def test_templates_of_a_profile_see_params_matrix_and_the_shot(plan_of: PlanOf) -> None:
    head = HEAD.replace("low: {video: {", 'low: {video: {prompt: "{{ shot.id }} in {{ params.city }}, {{ matrix.language }}", ')
    text = "coast:\n  params: {city: {default: Faro}}\n  matrix: {language: [en, de]}\n  shots: [{id: dawn, prompt: Dawn}]\n"
    assert plan_of(text, head=head, profile="low").step("de/dawn").request.body["prompt"] == "dawn in Faro, de"


def test_a_saved_plan_keeps_its_profile_and_two_profiles_differ(plan_of: PlanOf) -> None:
    draft = plan_of(COAST, head=HEAD, profile="draft")
    assert plan_from_json(plan_to_json(draft)) == draft
    assert "profile: none -> 'draft'" in diff_plans(plan_of(COAST, head=HEAD), draft)
    old = {key: value for key, value in plan_to_json(draft).items() if key != "profile"}
    assert plan_from_json(old).profile is None


@pytest.mark.parametrize(("name", "hint"), [("drfat", "did you mean draft?"), ("x", "known here: draft, low, spare, alone, bare, grok")])
def test_an_unknown_profile_is_answered_with_the_nearest(plan_of: PlanOf, name: str, hint: str) -> None:
    with pytest.raises(UsageError) as refused:
        plan_of(COAST, head=HEAD, profile=name)
    assert (refused.value.message, refused.value.hint) == (f"there is no profile '{name}'", hint)


def test_a_profile_where_the_file_has_none_is_refused(plan_of: PlanOf) -> None:
    with pytest.raises(UsageError, match="no profile 'draft'"):
        plan_of("coast: {shots: [{id: dawn, prompt: Dawn}]}", profile="draft")


def test_what_a_profile_breaks_is_an_error_at_its_line_in_the_plan_too(plan_of: PlanOf) -> None:
    head = HEAD.replace("grok: {video: {model: xai/grok-video}}", "grok: {video: {model: kling/kling-2.5}}")
    with pytest.raises(DeclarationError) as refused:
        plan_of(COAST, head=head, profile="grok")
    problem, *others = (found for found in refused.value.problems if found.severity == "error")
    assert not others
    assert problem.place is not None
    assert (problem.place.line, problem.place.column) == (11, 25)
    assert problem.message == "profile 'grok': shot 'dawn' of 'coast': duration 6 is not a value of kling/kling-2.5 (5, 10)"
    assert [place.line for place, _ in problem.related] == [17]


def test_a_storyboard_that_is_wrong_as_written_is_refused_under_any_profile(plan_of: PlanOf) -> None:
    head = HEAD.replace("low: {video: {resolution: 480p}}", "low: {video: {duration: 5}}")
    with pytest.raises(DeclarationError) as refused:
        plan_of(COAST.replace("duration: 6", "duration: 60"), head=head, profile="low")
    assert [problem.message for problem in refused.value.problems] == [
        "shot 'dawn' of 'coast': duration 60 is out of range for bytedance/seedance-2 (4 to 15)"
    ]


def test_a_profile_that_changes_nothing_of_the_pipeline_is_a_warning_of_its_plan(plan_of: PlanOf, declaration_of: DeclarationOf) -> None:
    text = COAST + "stills: {shots: [{id: one, kind: image, prompt: One}]}\n"
    plan = plan_of("stills: {shots: [{id: one, kind: image, prompt: One}]}\n", head=HEAD, profile="low")
    assert [(warning.message, warning.severity) for warning in plan.warnings] == [("profile 'low' changes nothing of 'stills'", "warning")]
    # of the file as a whole it does change something
    assert not [problem for problem in check_declaration(declaration_of(text, head=HEAD), Catalog.load()) if problem.code == "no-effect"]


def test_a_profile_for_enhancers_of_clips_leaves_those_of_stills_as_they_are_and_says_so(plan_of: PlanOf) -> None:
    head = HEAD.replace("low: {video: {resolution: 480p}}", "low: {enhance: {model: bytedance/seedvr-2}}")
    plan = plan_of(
        """
        coast:
          shots:
            - {id: clip, prompt: A, duration: 5}
            - {id: still, kind: image, prompt: A bottle}
            - {id: better, model: topaz/video-upscale, video_url: clip}
            - {id: larger, model: krea/enhance, image_url: still}
        """,
        head=head,
        profile="low",
    )
    assert plan.step("better").request.model == "bytedance/seedvr-2"
    assert plan.step("larger").request.model == "krea/enhance"
    assert "profile 'low' leaves it as it is: bytedance/seedvr-2 makes clips, krea/enhance stills" in plan.step("larger").notes
