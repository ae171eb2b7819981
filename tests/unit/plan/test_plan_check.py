from __future__ import annotations

import pytest

from animatic.catalog import Catalog
from animatic.errors import UsageError
from animatic.plan import check_declaration, examine
from tests.unit.plan.plan_helpers import DeclarationOf


def test_size_is_counted(declaration_of: DeclarationOf, catalog: Catalog) -> None:
    found = examine(
        declaration_of("""
            one:
              matrix: {language: [en, de, fr]}
              shots:
                - {id: a, prompt: "{{ matrix.language }}"}
                - {id: b, prompt: B, start_image: a, reference_images: [a]}
            two: {shots: [{id: a, prompt: A}]}
        """),
        catalog,
    )
    assert found.problems == ()
    assert (found.pipelines, found.shots, found.steps, found.edges) == (2, 3, 7, 1)


def test_values_that_only_a_run_knows_are_not_checked(declaration_of: DeclarationOf, catalog: Catalog) -> None:
    declaration = declaration_of("""
        one:
          params:
            ratio: {type: string}
            seconds: {type: integer}
            engine: {type: string}
            picture: {type: string}
            mood: {type: string, enum: [golden, noir]}
          shots:
            - {id: a, prompt: A, aspect_ratio: "{{ params.ratio }}", duration: "{{ params.seconds * 9 }}"}
            - {id: b, prompt: B, model: "{{ params.engine }}"}
            - {id: c, prompt: C, start_image: "{{ params.picture }}", reference_images: ["refs/{{ params['picture'] }}.png"]}
            - {id: d, prompt: D, start_image: b, when: "params.seconds > 3"}
            - {id: e, prompt: E, resolution: "{{ params.mood }}"}
            - {id: f, prompt: F, resolution: "{{ matrix.size }}"}
          matrix: {size: ["{{ params.ratio }}"]}
    """)
    problems = check_declaration(declaration, catalog)
    assert [problem.message for problem in problems] == [
        "shot 'e' of 'one': resolution 'golden' is not a value of xai/grok-video (480p, 720p)"
    ]


def test_shots_that_the_defaults_leave_out_are_checked_all_the_same(declaration_of: DeclarationOf, catalog: Catalog) -> None:
    declaration = declaration_of("""
        one:
          params: {long: {type: boolean, default: false}}
          shots: [{id: a, prompt: A}, {id: b, prompt: B, duration: 99, when: params.long}]
    """)
    assert [problem.code for problem in check_declaration(declaration, catalog)] == ["out-of-range"]


def test_one_pipeline_can_be_checked_alone(declaration_of: DeclarationOf, catalog: Catalog) -> None:
    declaration = declaration_of("good: {shots: [{id: a, prompt: A}]}\nbad: {shots: [{id: a, prompt: A, duration: 99}]}\n")
    assert check_declaration(declaration, catalog, pipeline="good") == ()
    assert len(check_declaration(declaration, catalog)) == 1
    with pytest.raises(UsageError):
        check_declaration(declaration, catalog, pipeline="god")


def test_a_mistake_of_the_files_defaults_is_said_once(declaration_of: DeclarationOf, catalog: Catalog) -> None:
    declaration = declaration_of(
        """
        version: 1
        defaults: {video: {model: xai/grok-video, resolution: 8k, durations: 3}}
        pipelines:
          one: {shots: [{id: a, prompt: A}, {id: b, prompt: B}]}
          two: {matrix: {x: [1, 2]}, shots: [{id: c, prompt: "{{ matrix.x }}"}]}
        """,
        head="",
    )
    assert [problem.code for problem in check_declaration(declaration, catalog)] == ["not-in-enum", "unknown-field"]


def test_defaults_that_no_shot_uses_are_checked(declaration_of: DeclarationOf, catalog: Catalog) -> None:
    declaration = declaration_of(
        """
        version: 1
        defaults: {video: {model: xai/grok-video}, image: {model: google/nano-banana-por}, enhance: {model: xai/grok-video}}
        pipelines: {one: {shots: [{id: a, prompt: A}]}}
        """,
        head="",
    )
    assert [problem.message for problem in check_declaration(declaration, catalog)] == [
        "default model for image: there is no model 'google/nano-banana-por'",
        "default model for enhance: xai/grok-video is a video model",
    ]


def test_a_frame_of_a_clip_whose_length_another_clip_decides_is_not_judged(declaration_of: DeclarationOf, catalog: Catalog) -> None:
    declaration = declaration_of("""
        one:
          shots:
            - {id: a, prompt: A, duration: 15}
            - {id: b, prompt: B, edit_video: a}
            - {id: c, prompt: C, start_image: {shot: b, frame: 12}}
            - {id: d, prompt: D, start_image: {shot: a, frame: 16}}
    """)
    assert [problem.message for problem in check_declaration(declaration, catalog)] == [
        "shot 'd' of 'one': start_image asks for the frame at 16 s; shot 'a' lasts 15 s"
    ]


def test_structural_problems_come_first_and_the_rest_with_them(declaration_of: DeclarationOf, catalog: Catalog) -> None:
    declaration = declaration_of("one: {shots: [{id: a, prompt: A, pick: bset, duration: 99}]}")
    codes = [problem.code for problem in check_declaration(declaration, catalog)]
    assert codes == ["type", "out-of-range"]
