"""Scenes: what a shot says of the part of the storyboard that it belongs to, for people alone."""

from __future__ import annotations

import pytest

from animatic.errors import DeclarationError
from tests.unit.plan.plan_helpers import PlanOf

TWO = """
    film:
      params: {{place: {{type: string, default: HARBOUR}}}}
      shots:
        - {{id: dawn, prompt: Dawn{dawn}}}
        - {{id: surf, prompt: Surf, start_image: dawn{surf}}}
"""


def test_a_scene_is_told_and_changes_no_take(plan_of: PlanOf) -> None:
    plain = plan_of(TWO.format(dawn="", surf=""))
    plan = plan_of(TWO.format(dawn=', scene: "1 EXT. {{ params.place }} - DAWN"', surf=', scene: "2"'))
    assert [step.scene for step in plan.steps] == ["1 EXT. HARBOUR - DAWN", "2"]
    assert [step.scene for step in plain.steps] == [None, None]
    assert [step.fingerprint for step in plan.steps] == [step.fingerprint for step in plain.steps]
    assert "scene" not in plan.steps[0].request.body


@pytest.mark.parametrize(
    ("scene", "message"),
    [
        ("12", "scene must be text, and it is the number 12"),
        ('" "', "scene must be text"),
        ('"{{ params.plaice }}"', "scene: params.plaice is not defined"),
    ],
)
def test_what_is_no_scene_is_refused_at_its_place(plan_of: PlanOf, scene: str, message: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        plan_of(TWO.format(dawn=f", scene: {scene}", surf=""))
    (problem,) = refused.value.problems
    assert message in problem.message
    assert problem.place is not None
    assert problem.place.line == TWO[: TWO.index("dawn")].count("\n") + 6


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\ndefaults: {video: {model: xai/grok-video, scene: B}}\npipelines: {film: {shots: [{id: a, prompt: A}]}}\n",
        "version: 1\npipelines: {f: {shots: [{id: a, prompt: A, model: xai/grok-video, fallback: [{model: kling/kling-3, scene: B}]}]}}\n",
    ],
)
def test_a_scene_belongs_to_a_shot_alone(plan_of: PlanOf, text: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        plan_of(text, head="")
    assert any("scene" in problem.message for problem in refused.value.problems)
