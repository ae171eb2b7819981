"""The cast: who must look the same fills the field that each model has for it, is known by content, and is told where it changed."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from animatic.catalog import Catalog
from animatic.plan import Plan, check_declaration, plan_from_json, plan_to_json, render_plan
from animatic.plan.cast_report import cast_of
from animatic.plan.check import examine
from animatic.plan.difference import diff_plans, step_changes
from animatic.plan.draw import edge_labels
from animatic.plan.model import FileInput, ShotInput, UrlInput
from tests.unit.plan.plan_helpers import MP4, PNG, DeclarationOf, PlanOf

HEAD = """version: 1
defaults:
  video: {model: xai/grok-video}
  image: {model: google/nano-banana-pro}
cast:
  mara: {images: [mara-sheet, refs/side.png], prompt: "Mara, {{ params.age }}, red raincoat"}
  kiosk: {images: "https://files.test/kiosk.png"}
  words: {prompt: "a crowd in {{ matrix.town }}"}
pipelines:
"""
FILM = """
  p:
    params: {age: {type: integer, default: 34}}
    matrix: {town: [Porto, Braga], ratio: ["16:9", "9:16"]}
    shots:
      - {id: mara-sheet, kind: image, prompt: "Sheet of {{ cast.mara }}"}
      - id: opens
        cast: [mara, kiosk]
        prompt: "{{ cast.mara }} opens"
        aspect_ratio: "{{ matrix.ratio }}"
        reference_images: [refs/own.png]
      - {id: walks, cast: [kiosk], prompt: "{{ cast.words }}", aspect_ratio: "{{ matrix.ratio }}"}
      - {id: sea, prompt: The sea}
"""


@pytest.fixture(autouse=True)
def refs(tmp_path: Path) -> Path:
    (tmp_path / "refs").mkdir()
    for name in ("side", "own"):
        (tmp_path / "refs" / f"{name}.png").write_bytes(PNG + name.encode())
    (tmp_path / "film.mp4").write_bytes(MP4)
    return tmp_path / "refs"


def film_of(plan_of: PlanOf, text: str = FILM, head: str = HEAD) -> Plan:
    return plan_of(text, head=head)


def requests(plan: Plan) -> dict[str, Any]:
    return {step.shot: step.request for step in plan.steps}


def one_shot(plan_of: PlanOf, shot: str, cast: str) -> Any:
    return plan_of(f"p:\n  cast: {cast}\n  shots:\n    - {shot}\n").steps[-1]


def prints(plan: Plan) -> dict[str, str]:
    return {step.key: step.fingerprint for step in plan.steps}


def test_members_stand_behind_what_the_shot_names_itself_and_every_input_knows_its_member(plan_of: PlanOf) -> None:
    plan = film_of(plan_of)
    opens = plan.step("Porto-16x9/opens")
    assert opens.cast == ("mara", "kiosk")
    assert opens.depends_on == ("Porto-16x9/mara-sheet",)
    assert opens.request.body["reference_images"] == [None, None, None, None]
    own, sheet, side, kiosk = opens.request.inputs
    assert isinstance(own, FileInput)
    assert isinstance(sheet, ShotInput)
    assert isinstance(side, FileInput)
    assert isinstance(kiosk, UrlInput)
    assert [item.member for item in opens.request.inputs] == [None, "mara", "mara", "kiosk"]
    assert (own.written, sheet.step, sheet.frame, side.written) == ("refs/own.png", "Porto-16x9/mara-sheet", None, "refs/side.png")
    assert kiosk.url == "https://files.test/kiosk.png"
    assert [item.path for item in opens.request.inputs] == [("reference_images", index) for index in range(4)]
    assert (plan.step("Porto-16x9/sea").cast, plan.step("Porto-16x9/sea").depends_on) == ((), ())


def test_a_members_words_are_templates_of_their_own(plan_of: PlanOf) -> None:
    plan = film_of(plan_of)
    assert plan.step("Braga-9x16/opens").request.body["prompt"] == "Mara, 34, red raincoat opens"
    assert plan.step("Braga-9x16/walks").request.body["prompt"] == "a crowd in Braga"
    assert plan.step("Porto-9x16/walks").request.body["prompt"] == "a crowd in Porto"


def test_a_sheet_is_made_once_for_all_variants_that_share_it(plan_of: PlanOf) -> None:
    made = {step.fingerprint for step in film_of(plan_of).steps if step.shot == "mara-sheet"}
    assert len(made) == 1


@pytest.mark.parametrize(
    ("change", "stale"),
    [
        (lambda text, head: (text.replace('"Sheet of', '"Another sheet of'), head), {"mara-sheet", "opens"}),
        (lambda text, head: (text, head.replace("refs/side.png", "refs/own.png")), {"opens"}),
        (lambda text, head: (text, head.replace("test/kiosk.png", "test/kiosk2.png")), {"opens", "walks"}),
        (lambda text, head: (text, head.replace("red raincoat", "blue raincoat")), {"mara-sheet", "opens"}),
        (lambda text, head: (text, head.replace("a crowd in", "a queue in")), {"walks"}),
        (lambda text, head: (text.replace("[mara, kiosk]", "[kiosk, mara]"), head), {"opens"}),
        (lambda text, head: (text.replace("mara", "ana"), head.replace("mara", "ana")), set[str]()),
        (lambda text, head: (text, head.replace("cast:\n", "# the people\ncast:\n")), set[str]()),
    ],
    ids=["sheet", "file", "url", "words", "quoted words", "order", "name", "comment"],
)
def test_exactly_the_users_of_what_changed_are_stale(plan_of: PlanOf, change: Any, stale: set[str]) -> None:
    before = film_of(plan_of)
    after = film_of(plan_of, *change(FILM, HEAD))
    old, new = ([(step.shot, step.fingerprint) for step in plan.steps] for plan in (before, after))
    changed = {one[0] for one, other in zip(old, new, strict=True) if one[1] != other[1]}
    assert {name.replace("ana-sheet", "mara-sheet") for name in changed} == stale


def test_the_bytes_of_a_file_are_what_a_member_is_known_by(plan_of: PlanOf, refs: Path) -> None:
    before = film_of(plan_of)
    (refs / "side.png").write_bytes(PNG + b"another")
    after = film_of(plan_of)
    stale = {key for key, found in prints(after).items() if prints(before)[key] != found}
    assert {key.partition("/")[2] for key in stale} == {"opens"}
    key = "Porto-16x9/opens"
    assert step_changes(before.step(key), after.step(key)) == ("mara's sheet changed",)
    assert f"{key}: mara's sheet changed" in diff_plans(before, after)


def test_a_sheet_that_a_shot_makes_is_told_apart_by_its_fingerprint(plan_of: PlanOf) -> None:
    before, after = film_of(plan_of), film_of(plan_of, FILM.replace('"Sheet of', '"Other sheet of'))
    key = "Braga-16x9/opens"
    assert step_changes(before.step(key), after.step(key), prints(before), prints(after)) == ("mara's sheet changed",)
    assert step_changes(before.step(key), before.step(key), prints(before), prints(before)) == ()


def test_who_comes_and_goes_is_told(plan_of: PlanOf) -> None:
    key = "Porto-16x9/opens"
    before = film_of(plan_of).step(key)

    def change(old: str, new: str, head: str = HEAD) -> tuple[str, ...]:
        return step_changes(before, film_of(plan_of, FILM.replace(old, new), head).step(key))

    assert change("[mara, kiosk]", "[mara]") == ("cast: kiosk is gone",)
    assert change("[mara, kiosk]", "[kiosk, mara]") == ("cast: its order is kiosk, mara",)
    other = HEAD.replace("[mara-sheet, refs/side.png]", "refs/side.png")
    assert change("", "", other) == ("mara's sheet changed: mara-sheet, refs/side.png -> refs/side.png",)
    assert step_changes(film_of(plan_of, FILM.replace("[mara, kiosk]", "[mara]")).step(key), before) == ("cast: kiosk is new",)


@pytest.mark.parametrize(
    ("shot", "field", "value"),
    [
        ("{id: a, prompt: A tram, cast: [old-mara]}", "reference_images", [None, None]),
        ("{id: a, model: google/nano-banana-pro, prompt: A tram, cast: [old-mara]}", "image_urls", [None, None]),
        (
            "{id: a, model: ideogram/ideogram-3, prompt: A tram, width: 1024, height: 1024, cast: [old-mara]}",
            "character_reference_images",
            [None, None],
        ),
        (
            "{id: a, model: bytedance/seedream-5-pro, prompt: A tram, width: 1024, height: 1024, cast: [old-mara]}",
            "style_images",
            [{"url": None, "strength": 0.5}] * 2,
        ),
        (
            "{id: a, model: krea/krea-2/medium, prompt: A tram, aspect_ratio: '1:1', resolution: 1K, cast: [old-mara]}",
            "image_style_references",
            [{"url": None, "strength": 0.5}] * 2,
        ),
        (
            "{id: a, model: kling/kling-o1, prompt: A tram, cast: [old-mara]}",
            "element_references",
            [{"images": [None, None], "tag": "old_mara"}],
        ),
        (
            "{id: a, model: runway/gen-4-image, prompt: A tram, cast: [old-mara]}",
            "reference_images",
            [{"url": None, "tag": "old_mara"}, {"url": None, "tag": "old_mara_2"}],
        ),
    ],
)
def test_each_model_is_given_its_own_shape(plan_of: PlanOf, shot: str, field: str, value: list[Any]) -> None:
    step = one_shot(plan_of, shot, "{old-mara: {images: [refs/side.png, refs/own.png], strength: 0.5}}")
    assert step.request.body[field] == value
    assert [item.member for item in step.request.inputs] == ["old-mara", "old-mara"]
    left_out = [note for note in step.notes if "strength" in note]
    assert bool(left_out) == ("strength" not in str(value))


def test_styles_are_members_too_and_a_strength_that_must_be_there_is_one(plan_of: PlanOf) -> None:
    shot = "{id: a, model: bfl/flux-1-dev, prompt: A tram, styles: [{id: own, strength: 2}], cast: [mara, grain, bare]}"
    step = one_shot(plan_of, shot, "{mara: {images: refs/own.png}, grain: {style: s-1, strength: 0.8}, bare: {style: s-2}}")
    assert step.request.body["styles"] == [{"id": "own", "strength": 2}, {"id": "s-1", "strength": 0.8}, {"id": "s-2", "strength": 1.0}]
    assert step.request.body["style_images"] == [{"url": None, "strength": 1.0}]
    assert step.cast == ("mara", "grain", "bare")


def test_tags_fit_their_rules_whatever_members_are_called(plan_of: PlanOf) -> None:
    names = ["jo", "7of9", "a-very-long-name-indeed", "a-very-long-name-indeed-2", "Mara"]
    cast = "{" + ", ".join(f"{name}: {{images: refs/own.png}}" for name in names) + "}"
    step = one_shot(plan_of, f"{{id: a, model: kling/kling-o1, prompt: A tram, cast: [{', '.join(names)}]}}", cast)
    tags = [item["tag"] for item in step.request.body["element_references"]]
    assert tags == ["jo_", "of9", "a_very_long_name", "a_very_long_na_2", "mara"]


def test_defaults_give_a_cast_and_null_takes_it_away(plan_of: PlanOf) -> None:
    plan = plan_of(
        """
p:
  cast: {mara: {images: refs/own.png, prompt: Mara}}
  shots:
    - {id: inherits, prompt: A tram}
    - {id: without, prompt: "{{ cast.mara }}", cast: null}
    - {id: nobody, prompt: A tram, cast: []}
    - {id: still, kind: image, prompt: A tram}
""",
        head=HEAD.partition("cast:")[0].replace("grok-video", "grok-video, cast: [mara]") + "pipelines:\n",
    )
    assert {step.shot: step.cast for step in plan.steps} == {"inherits": ("mara",), "without": (), "nobody": (), "still": ()}
    assert requests(plan)["without"].body == {"prompt": "Mara"}
    assert not any("left out" in note for step in plan.steps for note in step.notes)


def test_names_may_come_from_the_matrix_and_from_params(plan_of: PlanOf) -> None:
    plan = plan_of("""
        p:
          params: {others: {type: list, default: [kiosk, tram]}}
          matrix: {hero: [mara, ana, nobody]}
          cast:
            mara: {images: refs/own.png}
            ana: {images: refs/side.png}
            kiosk: {images: "https://files.test/k.png"}
            tram: {images: "https://files.test/t.png"}
          shots:
            - {id: one, prompt: A tram, cast: ["{{ '' if matrix.hero == 'nobody' else matrix.hero }}", kiosk]}
            - {id: list, prompt: A tram, cast: "{{ params.others }}"}
        """)
    assert [step.cast for step in plan.steps if step.shot == "one"] == [("mara", "kiosk"), ("ana", "kiosk"), ("kiosk",)]
    assert {step.cast for step in plan.steps if step.shot == "list"} == {("kiosk", "tram")}


def test_images_may_be_a_param_that_is_a_list(plan_of: PlanOf) -> None:
    plan = plan_of("""
        p:
          params: {pictures: {type: list, default: [refs/own.png, refs/side.png]}}
          cast: {mara: {images: "{{ params.pictures }}"}, kiosk: {images: ["{{ params.pictures }}", "https://files.test/k.png"]}}
          shots: [{id: a, prompt: A tram, cast: [mara, kiosk]}]
        """)
    assert [item.member for item in plan.steps[0].request.inputs] == ["mara", "mara", "kiosk", "kiosk", "kiosk"]


def test_a_pipelines_member_wins_over_the_files(plan_of: PlanOf) -> None:
    head = HEAD.replace("params.age", "run.date")
    text = "  p:\n    cast: {mara: {images: refs/own.png, prompt: Ana}}\n    shots: [{id: a, prompt: '{{ cast.mara }}', cast: [mara]}]\n"
    (step,) = plan_of(text, head=head).steps
    assert (step.request.body["prompt"], [item.member for item in step.request.inputs]) == ("Ana", ["mara"])


def test_a_fallback_goes_without_only_where_it_says_so(plan_of: PlanOf) -> None:
    cast = "{mara: {images: refs/own.png}}"
    shot = "{id: a, prompt: A tram, duration: 5, cast: [mara], fallback: [{model: kling/kling-2.5, cast: null}, {model: minimax/h3-max}]}"
    step = one_shot(plan_of, shot, cast)
    declared, without, other = step.requests
    assert [len(request.inputs) for request in (declared, without, other)] == [1, 0, 1]
    assert (without.body.keys() & {"reference_images", "cast"}, other.body["reference_images"]) == (set(), [None])


def test_saved_plans_keep_the_cast(plan_of: PlanOf) -> None:
    plan = film_of(plan_of)
    assert plan_from_json(plan_to_json(plan)) == plan
    older = plan_to_json(plan)
    for step in older["steps"]:
        del step["cast"]
        for item in (item for request in step["requests"] for item in request["inputs"]):
            del item["member"]
    assert all(step.cast == () for step in plan_from_json(older).steps)


def test_the_plan_says_who_is_in_it(plan_of: PlanOf) -> None:
    plan = film_of(plan_of)
    shown = render_plan(plan)
    assert "mara (mara-sheet, refs/side.png) in 1 shot, kiosk (https://files.test/kiosk.png) in 2 shots" in shown
    assert "mara-sheet (mara), refs/own.png (reference_images[0]), refs/side.png (mara), https://files.test/kiosk.png (kiosk)" in shown
    assert list(edge_labels(plan.step("Porto-16x9/opens"))) == [("Porto-16x9/mara-sheet", "mara")]
    assert [(member.name, member.shots) for member in cast_of(plan)] == [("mara", ("opens",)), ("kiosk", ("opens", "walks"))]


def test_members_are_counted_once(declaration_of: DeclarationOf, catalog: Catalog) -> None:
    second = FILM.replace("  p:", "  q:").replace("shots:", "cast: {words: {prompt: many}}\n    shots:")
    declaration = declaration_of(FILM + second, head=HEAD)
    assert not [problem for problem in check_declaration(declaration, catalog) if problem.severity == "error"]
    assert examine(declaration, catalog).members == 4


def test_what_a_run_decides_on_is_not_judged_before(declaration_of: DeclarationOf, catalog: Catalog) -> None:
    declaration = declaration_of("""
        p:
          params: {who: {type: string}, seconds: {type: string}}
          cast:
            mara: {images: "refs/{{ params.who }}.png", prompt: "{{ params.seconds }}"}
          shots:
            - {id: a, prompt: A tram, cast: [mara]}
            - {id: b, prompt: A tram, cast: ["{{ params.who }}"]}
            - {id: c, prompt: A tram, duration: "{{ cast.mara }}"}
        """)
    assert check_declaration(declaration, catalog) == ()


def test_a_member_that_is_wrong_is_told_once_however_many_shots_take_it(declaration_of: DeclarationOf, catalog: Catalog) -> None:
    shots = "\n".join(f"    - {{id: s{number}, prompt: A tram, cast: [mara]}}" for number in range(50))
    text = "p:\n  matrix: {n: [1, 2]}\n  cast: {mara: {images: [film.mp4, refs/gone.png]}}\n  shots:\n" + shots + "\n"
    problems = check_declaration(declaration_of(text), catalog)
    assert [problem.message.partition(": ")[0] for problem in problems] == ["cast member 'mara'"] * 2


def test_a_picture_in_the_text_is_refused_as_everywhere(declaration_of: DeclarationOf, catalog: Catalog) -> None:
    data = "data:image/png;base64," + base64.b64encode(PNG).decode()
    text = f"p:\n  cast: {{mara: {{images: '{data}'}}}}\n  shots: [{{id: a, prompt: A tram, cast: [mara]}}]\n"
    (problem,) = check_declaration(declaration_of(text), catalog)
    assert problem.code == "reference"


def test_a_profile_may_do_without_the_cast_or_with_another(plan_of: PlanOf) -> None:
    profiles = "profiles:\n  draft: {video: {model: kling/kling-2.5, cast: null}}\n  few: {video: {cast: [kiosk]}}\npipelines:\n"
    head = HEAD.replace("pipelines:\n", profiles)
    opens = {name: plan_of(FILM, head=head, profile=name).step("Porto-16x9/opens") for name in ("draft", "few", None)}
    assert {name: step.cast for name, step in opens.items()} == {"draft": (), "few": ("kiosk",), None: ("mara", "kiosk")}
    assert opens["draft"].depends_on == ()
    assert [item.member for item in opens["few"].request.inputs] == [None, "kiosk"]


@pytest.mark.parametrize(
    ("default", "shot", "profile", "idle"),
    [
        (", cast: [kiosk]", "", "null", False),
        ("", "", "null", True),
        (", cast: [kiosk]", "", "[kiosk]", True),
        ("", ", cast: [kiosk]", "[mara]", False),
        (", cast: [kiosk]", ", cast: null", "null", True),
    ],
)
def test_a_profile_that_changes_no_cast_is_told(
    declaration_of: DeclarationOf, catalog: Catalog, default: str, shot: str, profile: str, idle: bool
) -> None:
    declaration = declaration_of(
        f"""version: 1
defaults: {{video: {{model: xai/grok-video{default}}}}}
cast:
  mara: {{images: refs/own.png, prompt: Mara}}
  kiosk: {{images: refs/own.png, prompt: A kiosk}}
profiles: {{other: {{video: {{cast: {profile}}}}}}}
pipelines:
  p:
    shots: [{{id: a, prompt: "{{{{ cast.mara }}}} and {{{{ cast.kiosk }}}}"{shot}}}]
""",
        head="",
    )
    codes = [problem.code for problem in check_declaration(declaration, catalog)]
    assert codes == (["no-effect"] if idle else [])
