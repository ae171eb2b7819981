from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from animatic.catalog import Catalog
from animatic.errors import DeclarationError, UsageError
from animatic.plan import FileInput, ShotInput, UrlInput, build_plan, destination_of, plan_from_json, plan_to_json
from tests.unit.plan.plan_helpers import MP4, PNG, STARTED, DeclarationOf, PlanOf

CHAIN = """
    teaser:
      shots:
        - {id: dawn, prompt: Dawn, duration: 4}
        - {id: surf, prompt: Surf, start_image: dawn}
        - {id: noir, prompt: Noir, edit_video: surf}
        - {id: wide, prompt: Wide}
"""


def test_a_storyboard_becomes_steps_with_bodies_inputs_and_prices(plan_of: PlanOf) -> None:
    plan = plan_of(CHAIN)
    assert [step.key for step in plan.steps] == ["dawn", "surf", "noir", "wide"]
    dawn, surf, noir, _ = plan.steps
    assert dawn.request.body == {"prompt": "Dawn", "duration": 4}
    assert (dawn.request.model, dawn.request.endpoint) == ("xai/grok-video", "/generate/video/xai/grok-video")
    assert dawn.request.price.usd == Decimal("0.28")
    assert (dawn.request.duration, surf.request.duration) == (4.0, 6.0)
    assert surf.request.body == {"prompt": "Surf", "start_image": None}
    assert surf.request.inputs == (ShotInput(path=("start_image",), media="image", step="dawn", frame="last"),)
    assert noir.request.inputs == (ShotInput(path=("edit_video",), media="video", step="surf", frame=None),)
    assert (surf.depends_on, noir.depends_on) == (("dawn",), ("surf",))
    assert (dawn.retries, dawn.timeout, dawn.take, dawn.number) == (2, 7800.0, 1, 1)
    assert str(dawn.place) == "pipelines.yaml:9:14"
    assert plan.estimated_usd == Decimal("1.54")
    assert plan.unpriced == 0
    assert plan.cuts == ()


def test_steps_stand_after_what_they_need_else_as_in_the_storyboard(plan_of: PlanOf) -> None:
    plan = plan_of("""
        teaser:
          shots:
            - {id: last, prompt: Last, start_image: first}
            - {id: free, prompt: Free}
            - {id: first, prompt: First}
    """)
    assert [(step.key, step.number) for step in plan.steps] == [("free", 2), ("first", 3), ("last", 1)]


def test_references_of_every_form(plan_of: PlanOf, tmp_path: Path) -> None:
    (tmp_path / "refs").mkdir()
    (tmp_path / "refs" / "still.png").write_bytes(PNG)
    (tmp_path / "clip.mp4").write_bytes(MP4)
    plan = plan_of("""
        teaser:
          shots:
            - {id: still, kind: image, prompt: Still, image_urls: [refs/still.png, {url: "https://host.example/a.png?sig=1"}]}
            - {id: dawn, prompt: Dawn, start_image: still, reference_images: [still, {file: refs/still.png}, {shot: late, frame: 2}]}
            - {id: late, prompt: Late, edit_video: clip.mp4}
            - {id: first, prompt: First, start_image: {shot: dawn, frame: first}}
    """)
    still, late, dawn, first = plan.steps
    file, url = still.request.inputs
    assert isinstance(file, FileInput)
    assert (file.path, file.written, file.size, len(file.sha256)) == (("image_urls", 0), "refs/still.png", len(PNG), 64)
    assert Path(file.file) == tmp_path / "refs" / "still.png"
    assert url == UrlInput(path=("image_urls", 1), media="image", url="https://host.example/a.png?sig=1")
    assert still.request.body["image_urls"] == [None, None]
    assert {(given.path, given.frame) for given in dawn.request.inputs if isinstance(given, ShotInput)} == {
        (("start_image",), None),
        (("reference_images", 0), None),
        (("reference_images", 2), 2.0),
    }
    assert dawn.depends_on == ("still", "late")
    assert late.request.duration is None
    assert [given.frame for given in first.request.inputs if isinstance(given, ShotInput)] == ["first"]
    assert still.request.duration is None


def test_a_shot_wins_over_a_file_of_its_name_and_that_is_noted(plan_of: PlanOf, tmp_path: Path) -> None:
    (tmp_path / "dawn").write_bytes(PNG)
    plan = plan_of("""
        teaser:
          shots:
            - {id: dawn, prompt: Dawn}
            - {id: surf, prompt: Surf, start_image: dawn}
            - {id: noir, prompt: Noir, start_image: {file: dawn}}
    """)
    assert plan.step("surf").depends_on == ("dawn",)
    assert "also a file" in plan.step("surf").notes[0]
    assert isinstance(plan.step("noir").request.inputs[0], FileInput)


def test_defaults_are_merged_by_kind_and_a_shot_wins(plan_of: PlanOf) -> None:
    plan = plan_of(
        """
        version: 1
        defaults:
          video: {model: xai/grok-video, resolution: 480p, aspect_ratio: 16:9, duration: 5}
          image: {model: google/nano-banana-pro, aspect_ratio: 1:1}
        pipelines:
          teaser:
            defaults:
              video: {resolution: 720p}
            shots:
              - {id: dawn, prompt: Dawn, aspect_ratio: 9:16, duration: null}
              - {id: still, kind: image, prompt: Still}
              - {id: gulls, prompt: Gulls, model: kling/kling-2.5}
        """,
        head="",
    )
    dawn, still, gulls = plan.steps
    assert dawn.request.body == {"prompt": "Dawn", "aspect_ratio": "9:16", "resolution": "720p"}
    assert still.request.body == {"prompt": "Still", "aspect_ratio": "1:1"}
    assert gulls.request.body == {"prompt": "Gulls", "aspect_ratio": "16:9", "duration": 5}
    assert gulls.notes == ("default 'resolution' left out: kling/kling-2.5 has no such field",)


def test_templates_keep_types_and_rendered_text_becomes_the_type_that_is_due(plan_of: PlanOf) -> None:
    plan = plan_of(
        """
        teaser:
          params:
            seconds: {type: integer, default: 4}
            text: {type: string, default: "5"}
            city: {type: string, default: Lisbon}
          shots:
            - {id: a, title: "{{ shot.id }} of {{ params.city }}", prompt: "{{ params.city }}", duration: "{{ params.seconds }}"}
            - {id: b, prompt: "{{ params.seconds }}", duration: "{{ params.text }}", aspect_ratio: "{{ 16 }}:{{ 9 }}"}
            - {id: c, prompt: "On {{ run.date }}", start_image: "{{ 'a' if params.seconds > 3 else none }}"}
            - {id: d, prompt: D, start_image: "{{ 'a' if params.seconds > 9 else none }}"}
    """
    )
    a, b, c, d = plan.steps
    assert a.title == "a of Lisbon"
    assert a.request.body == {"prompt": "Lisbon", "duration": 4}
    assert b.request.body == {"prompt": "4", "duration": 5, "aspect_ratio": "16:9"}
    assert c.depends_on == ("a",)
    assert c.request.body["prompt"] == "On 2026-11-21"
    assert c.notes == ("uses run.date: made anew when that changes",)
    assert d.request.body == {"prompt": "D"}


def test_parameters_come_typed_or_as_text(plan_of: PlanOf) -> None:
    text = """
        teaser:
          params: {seconds: {type: integer}, city: {type: string, default: Lisbon}}
          shots: [{id: a, prompt: "{{ params.city }}", duration: "{{ params.seconds }}"}]
    """
    assert plan_of(text, params={"seconds": "7"}).params == plan_of(text, params={"seconds": 7}).params == {"seconds": 7, "city": "Lisbon"}
    with pytest.raises(UsageError, match="needs a value for the param 'seconds'"):
        plan_of(text)
    with pytest.raises(UsageError, match="no param 'sconds'"):
        plan_of(text, params={"sconds": 7, "seconds": 1})


def test_shots_that_when_leaves_out_are_not_planned(plan_of: PlanOf) -> None:
    text = """
        teaser:
          params: {long: {type: boolean, default: false}}
          shots:
            - {id: a, prompt: A}
            - {id: b, prompt: B, start_image: a, when: params.long}
            - {id: c, prompt: C, start_image: b, when: "{{ params.long }}"}
          cut: {shots: [a, b]}
    """
    short = plan_of(text)
    assert [step.key for step in short.steps] == ["a"]
    assert short.left_out == ("b", "c")
    assert [cut.steps for cut in short.cuts] == [("a",)]
    assert [step.key for step in plan_of(text, params={"long": True}).steps] == ["a", "b", "c"]


def test_a_matrix_makes_variants_and_equal_requests_one_take(plan_of: PlanOf) -> None:
    plan = plan_of("""
        cutdowns:
          matrix: {ratio: [16:9, 9:16], language: [en, de]}
          shots:
            - {id: still, kind: image, prompt: Still, aspect_ratio: "{{ matrix.ratio }}"}
            - {id: spin, prompt: "Spin, {{ matrix.language }}", start_image: still}
          cut: {}
    """)
    assert [step.key for step in plan.steps[:2]] == ["16x9-en/still", "16x9-en/spin"]
    assert len(plan.steps) == 8
    stills = {step.fingerprint for step in plan.steps if step.shot == "still"}
    assert len(stills) == 2
    assert len({step.fingerprint for step in plan.steps}) == 6
    assert plan.estimated_usd == 2 * Decimal("0.15") + 4 * Decimal("0.42")
    assert plan.steps[1].depends_on == ("16x9-en/still",)
    assert plan.steps[1].variant == {"ratio": "16:9", "language": "en"}
    assert [cut.steps for cut in plan.cuts] == [(f"{name}/spin",) for name in ("16x9-en", "16x9-de", "9x16-en", "9x16-de")]


def test_matrix_values_may_be_templates_of_parameters(plan_of: PlanOf) -> None:
    plan = plan_of("""
        looks:
          params: {city: {type: string, default: Porto}}
          matrix: {seconds: [3, 5], place: ["{{ params.city }}"]}
          shots: [{id: a, prompt: "{{ matrix.place }}", duration: "{{ matrix.seconds }}"}]
    """)
    assert [step.request.body for step in plan.steps] == [{"prompt": "Porto", "duration": 3}, {"prompt": "Porto", "duration": 5}]


def test_a_fallback_keeps_what_its_model_has(plan_of: PlanOf) -> None:
    plan = plan_of("""
        teaser:
          shots:
            - {id: dawn, prompt: Dawn}
            - id: surf
              prompt: Surf
              duration: 12
              resolution: 720p
              start_image: dawn
              fallback: [{model: kling/kling-2.5, duration: 5}, {model: kling/kling-2.5, duration: null, prompt: Other}]
    """)
    surf = plan.step("surf")
    assert [request.model for request in surf.requests] == ["xai/grok-video", "kling/kling-2.5", "kling/kling-2.5"]
    assert surf.requests[1].body == {"prompt": "Surf", "duration": 5, "start_image": None}
    assert surf.requests[2].body == {"prompt": "Other", "start_image": None}
    assert all(len(request.inputs) == 1 for request in surf.requests)
    assert "fallback kling/kling-2.5 has no 'resolution': left out there" in surf.notes


def test_extra_body_is_sent_unchecked_with_a_warning_and_counts_as_given(plan_of: PlanOf) -> None:
    plan = plan_of("""
        teaser:
          shots: [{id: dawn, extra_body: {prompt: Dawn, model: beta, nested: {a: [1]}}}]
    """)
    assert plan.step("dawn").request.body == {"prompt": "Dawn", "model": "beta", "nested": {"a": [1]}}
    assert [(warning.code, warning.severity) for warning in plan.warnings] == [("unchecked", "warning")]


def test_a_fallback_keeps_the_extra_fields_that_its_model_has(plan_of: PlanOf) -> None:
    plan = plan_of("""
        teaser:
          shots:
            - id: dawn
              prompt: Dawn
              extra_body: {seed: 7, brand_new: true}
              fallback: [{model: kling/kling-2.5}]
    """)
    declared, other = plan.step("dawn").requests
    assert declared.body == {"prompt": "Dawn", "seed": 7, "brand_new": True}
    assert other.body == {"prompt": "Dawn", "seed": 7}
    assert plan.step("dawn").notes == ("fallback kling/kling-2.5 has no 'brand_new': left out there",)


def test_unknown_and_old_prices_are_warned_of_once_per_model(plan_of: PlanOf) -> None:
    plan = plan_of("""
        teaser:
          budget_usd: 5
          shots:
            - {id: a, model: kling/kling-2.5, prompt: A}
            - {id: b, model: kling/kling-2.5, prompt: B}
            - {id: c, prompt: C}
    """)
    assert plan.unpriced == 2
    assert plan.estimated_usd == Decimal("0.42")
    assert plan.unknown_price == "block"
    assert [warning.code for warning in plan.warnings if warning.code == "unknown-price"] == ["unknown-price"]


def test_unknown_prices_only_warn_where_there_is_no_budget(plan_of: PlanOf) -> None:
    assert plan_of("t: {shots: [{id: a, prompt: A}]}").unknown_price == "warn"
    assert plan_of("t: {unknown_price: allow, budget_usd: 1, shots: [{id: a, prompt: A}]}").unknown_price == "allow"


def test_only_plans_the_selection_and_what_it_needs(plan_of: PlanOf) -> None:
    plan = plan_of(CHAIN + "      cut: {shots: [dawn, surf]}\n", only="surf")
    assert [step.key for step in plan.steps] == ["dawn", "surf"]
    assert plan.step("dawn").notes == ("planned because a selected shot needs it",)
    assert plan.cuts[0].steps == ("dawn", "surf")
    assert plan_of(CHAIN + "      cut: {}\n", only="surf").cuts == ()
    assert plan.step("surf").fingerprint == plan_of(CHAIN).step("surf").fingerprint


def test_fresh_takes_are_of_the_selection_only(plan_of: PlanOf) -> None:
    plan = plan_of(CHAIN, only="surf", fresh=True, current_take=lambda _: 3, next_take=lambda _: 8)
    assert [(step.key, step.take) for step in plan.steps] == [("dawn", 3), ("surf", 8)]
    assert [step.take for step in plan_of(CHAIN, fresh=True).steps] == [2, 2, 2, 2]


def test_a_new_take_changes_all_that_hangs_on_it(plan_of: PlanOf) -> None:
    before = plan_of(CHAIN)
    dawn = before.step("dawn").base
    after = plan_of(CHAIN, current_take=lambda base: 2 if base == dawn else 1)
    changed = {step.key for step in before.steps if after.step(step.key).fingerprint != step.fingerprint}
    assert changed == {"dawn", "surf", "noir"}
    assert after.step("dawn").base == dawn


def test_reuse_keeps_runs_or_steps_apart(plan_of: PlanOf) -> None:
    def prints(reuse: str, run_id: str) -> list[str]:
        twins = f"t: {{reuse: {reuse}, shots: [{{id: a, prompt: Same}}, {{id: b, prompt: Same}}]}}"
        return [step.fingerprint for step in plan_of(twins, run_id=run_id).steps]

    assert len({*prints("always", "1"), *prints("always", "2")}) == 1
    assert len({*prints("run", "1"), *prints("run", "2")}) == 2
    assert len({*prints("never", "1"), *prints("never", "2")}) == 4


def test_fingerprints_follow_the_content_of_files_not_their_names(plan_of: PlanOf, tmp_path: Path) -> None:
    def fingerprint(name: str, content: bytes) -> str:
        (tmp_path / name).write_bytes(content)
        return plan_of(f"t: {{shots: [{{id: a, prompt: A, start_image: {name}}}]}}").step("a").fingerprint

    assert fingerprint("one.png", PNG) == fingerprint("two.png", PNG)
    assert fingerprint("one.png", PNG) != fingerprint("one.png", PNG + b"!")


def test_the_destination_is_relative_to_the_file_and_overrides_to_the_working_directory(
    plan_of: PlanOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = "t: {shots: [{id: a, prompt: A}]}"
    assert plan_of(one).deliver == str(tmp_path / "out")
    assert plan_of("t: {deliver: ../else, shots: [{id: a, prompt: A}]}").deliver == str(tmp_path.parent / "else")
    assert plan_of("t: {deliver: s3://bucket/x/, shots: [{id: a, prompt: A}]}").deliver == "s3://bucket/x"
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    assert plan_of(one, deliver="here").deliver == str(tmp_path / "work" / "here")


def test_destination_is_known_before_planning(declaration_of: DeclarationOf, tmp_path: Path) -> None:
    spec = declaration_of("t: {shots: [{id: a, prompt: A}]}").pipelines["t"]
    assert destination_of(spec) == str(tmp_path / "out")
    assert destination_of(spec, "s3://other/") == "s3://other"


def test_a_wrong_declaration_is_refused_with_all_its_problems_and_the_text(plan_of: PlanOf) -> None:
    with pytest.raises(DeclarationError) as caught:
        plan_of("t: {shots: [{id: a, prompt: A, duration: 99}, {id: b, prmpt: B}]}")
    assert [problem.code for problem in caught.value.problems] == ["out-of-range", "missing", "unknown-field"]
    assert "prmpt" in caught.value.texts["pipelines.yaml"]


def test_structural_mistakes_refuse_every_plan(plan_of: PlanOf) -> None:
    with pytest.raises(DeclarationError):
        plan_of("t: {shot: [], shots: [{id: a, prompt: A}]}")


def test_an_unknown_pipeline_names_the_nearest(declaration_of: DeclarationOf, catalog: Catalog) -> None:
    declaration = declaration_of(CHAIN)
    with pytest.raises(UsageError) as caught:
        build_plan(declaration, "teasr", catalog, run_id="r", started=STARTED)
    assert caught.value.hint == "did you mean teaser?"


def test_a_seed_page_body_is_planned_as_it_stands(plan_of: PlanOf) -> None:
    plan = plan_of("""
        eagle:
          shots:
            - id: eagle
              model: kling/kling-2.5
              prompt: a majestic eagle soaring over snow-capped mountains at sunrise
              duration: 5
              width: 1280
              height: 720
              fps: 24
              seed: 7
    """)
    body = plan.step("eagle").request.body
    assert {name: body[name] for name in ("duration", "width", "height", "fps", "seed")} == {
        "duration": 5,
        "width": 1280,
        "height": 720,
        "fps": 24,
        "seed": 7,
    }


@pytest.mark.parametrize(
    ("approve", "expected"),
    [
        ("true", "what depends on it is made once a person has approved it"),
        ("{timeout: 48h}", "what depends on it is made once a person has approved it; after 48 h the run stops"),
        (
            "{timeout: 90s, on_timeout: first}",
            "what depends on it is made once a person has approved it; after 90 s it goes on without one",
        ),
        ("{timeout: 30m, on_timeout: stop}", "what depends on it is made once a person has approved it; after 30 min the run stops"),
    ],
)
def test_a_plan_says_what_waits_for_a_person_and_for_how_long(plan_of: PlanOf, approve: str, expected: str) -> None:
    [step] = plan_of(f"t: {{shots: [{{id: a, prompt: Dawn, approve: {approve}}}]}}").steps
    assert expected in step.notes
    back = plan_from_json(plan_to_json(plan_of(f"t: {{shots: [{{id: a, prompt: Dawn, approve: {approve}}}]}}")))
    assert (back.steps[0].approve_within, back.steps[0].on_timeout) == (step.approve_within, step.on_timeout)
