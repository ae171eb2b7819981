"""Checking a request body: what is found, in which words, at which place, and how fast."""

from __future__ import annotations

import time
from typing import Any

import pytest

from animatic.catalog import Catalog, Finding, check_body
from animatic.catalog.model import Field, Model, Rule
from tests.present import present

CATALOG = Catalog.load()
GROK = present(CATALOG.find("xai/grok-video"))


def found(model: Model | str, body: dict[str, Any], **options: Any) -> list[Finding]:
    known = present(CATALOG.find(model)) if isinstance(model, str) else model
    return list(check_body(known, body, catalog=CATALOG, **options))


def only(model: Model | str, body: dict[str, Any], **options: Any) -> Finding:
    findings = found(model, body, **options)
    assert len(findings) == 1, findings
    return findings[0]


def made(**fields: Field) -> Model:
    return Model(name="a/b", title="B", kind="video", endpoint="/generate/video/a/b", fields=fields)


def test_a_body_within_all_limits_has_no_findings() -> None:
    body = {
        "prompt": "dawn",
        "duration": 15,
        "resolution": "480p",
        "aspect_ratio": "9:16",
        "start_image": None,
        "reference_images": [None] * 7,
    }
    assert found(GROK, body) == []


@pytest.mark.parametrize(
    ("model", "body", "path", "code", "message", "hint"),
    [
        (
            "xai/grok-video",
            {"duration": 20},
            ("duration",),
            "out-of-range",
            "duration 20 is out of range for xai/grok-video (1 to 15)",
            "use 15, or a model that goes longer: lightricks/ltx-video-2.3-22b (20)",
        ),
        (
            "xai/grok-video",
            {"duration": 0.5},
            ("duration",),
            "out-of-range",
            "duration 0.5 is out of range for xai/grok-video (1 to 15)",
            "use 1",
        ),
        (
            "google/veo-3.1",
            {"duration": 7},
            ("duration",),
            "not-in-enum",
            "duration 7 is not a value of google/veo-3.1 (4, 6, 8)",
            "use 6 or 8, or a model that takes 7: alibaba/wan-3.0 (7)",
        ),
        (
            "xai/grok-video",
            {"resolution": "1080p"},
            ("resolution",),
            "not-in-enum",
            "resolution '1080p' is not a value of xai/grok-video (480p, 720p)",
            "a model that takes '1080p': alibaba/wan-3.0",
        ),
        (
            "google/veo-3.1",
            {"resolution": "4k"},
            ("resolution",),
            "not-in-enum",
            "resolution '4k' is not a value of google/veo-3.1 (720p, 1080p, 4K)",
            "did you mean '4K'?",
        ),
        (
            "xai/grok-video",
            {"resolution": 1080},
            ("resolution",),
            "wrong-type",
            "resolution must be text, not 1080",
            "use one of 480p, 720p",
        ),
        (
            "xai/grok-video",
            {"duration": "6"},
            ("duration",),
            "wrong-type",
            "duration must be a number, not text '6'",
            "write it without quotes: 6",
        ),
        (
            "xai/grok-video",
            {"duration": "6s"},
            ("duration",),
            "wrong-type",
            "duration must be a number, not text '6s'",
            "write the number alone: 6",
        ),
        (
            "xai/grok-video",
            {"duration": True},
            ("duration",),
            "wrong-type",
            "duration must be a number, not true",
            "write a number such as 5",
        ),
        (
            "xai/grok-video",
            {"duration": float("inf")},
            ("duration",),
            "wrong-type",
            "duration must be a finite number",
            "write a number such as 5",
        ),
        (
            "xai/grok-video",
            {"prompt": None},
            ("prompt",),
            "wrong-type",
            "prompt must not be null for xai/grok-video",
            "leave the key out, or give it a value",
        ),
        ("xai/grok-video", {"prompt": 2026}, ("prompt",), "wrong-type", "prompt must be text, not 2026", 'write it in quotes: "2026"'),
        (
            "xai/grok-video",
            {"prompt": "x" * 4100},
            ("prompt",),
            "too-long",
            "prompt is 4100 characters long, xai/grok-video takes at most 4096",
            "shorten it by 4",
        ),
        ("google/nano-banana-pro", {"prompt": ""}, ("prompt",), "too-short", "prompt is empty", "write at least 3"),
        (
            "google/nano-banana-pro",
            {"prompt": "ab"},
            ("prompt",),
            "too-short",
            "prompt is 2 characters long, google/nano-banana-pro needs at least 3",
            "write at least 3",
        ),
        (
            "xai/grok-video",
            {"reference_images": [None] * 9},
            ("reference_images",),
            "too-many",
            "reference_images has 9 items, xai/grok-video takes at most 7",
            "take 2 out",
        ),
        (
            "xai/grok-video",
            {"reference_images": "dawn"},
            ("reference_images",),
            "wrong-type",
            "reference_images must be a list, not text 'dawn'",
            "write a list: [dawn]",
        ),
        (
            "google/veo-3.1",
            {"generate_audio": "yes"},
            ("generate_audio",),
            "wrong-type",
            "generate_audio must be true or false, not text 'yes'",
            "write true or false, without quotes",
        ),
        (
            "alibaba/wan-3.0",
            {"duration": 5.5},
            ("duration",),
            "wrong-type",
            "duration must be a whole number, not 5.5",
            "use 5 or 6",
        ),
        ("xai/grok-video", {"promt": "x"}, ("promt",), "unknown-field", "xai/grok-video has no field 'promt'", "did you mean 'prompt'?"),
        (
            "xai/grok-video",
            {"start-image": None},
            ("start-image",),
            "unknown-field",
            "xai/grok-video has no field 'start-image'",
            "did you mean 'start_image'?",
        ),
        (
            "xai/grok-video",
            {"startImage": None},
            ("startImage",),
            "retired-name",
            "'startImage' was retired by Krea on 2026-06-19; the field of xai/grok-video is 'start_image'",
            "write start_image; `animatic fix` rewrites all retired names",
        ),
        (
            "alibaba/wan-3.0",
            {"startImage": None},
            ("startImage",),
            "retired-name",
            "'startImage' was retired by Krea; the field of alibaba/wan-3.0 is 'start_image'",
            "write start_image; `animatic fix` rewrites all retired names",
        ),
        (
            "bfl/flux-1-dev",
            {"guidance_scale_flux": 3},
            ("guidance_scale_flux",),
            "removed-field",
            "bfl/flux-1-dev no longer takes 'guidance_scale_flux': the field is gone from Krea's API",
            "write guidance_scale instead",
        ),
        (
            "kling/kling-2.5",
            {"mode": "pro"},
            ("mode",),
            "removed-field",
            "kling/kling-2.5 no longer takes 'mode': the field is gone from Krea's API",
            "leave it out; 'mode' is a field of kling/kling-3.0",
        ),
        (
            "kling/kling-o1",
            {"style_references": [{"url": None, "tag": "My Tag"}]},
            ("style_references", 0, "tag"),
            "bad-format",
            "style_references[0].tag 'My Tag' has a form that kling/kling-o1 refuses",
            "a lower-case letter first, then lower-case letters, digits, _ and -",
        ),
        (
            "kling/kling-o1",
            {"style_references": [{"url": None}]},
            ("style_references", 0, "tag"),
            "missing",
            "style_references[0] needs a 'tag' for kling/kling-o1",
            "add tag",
        ),
        (
            "kling/kling-o1",
            {"element_references": [{"images": [], "tag": "cup"}]},
            ("element_references", 0, "images"),
            "too-few",
            "element_references[0].images has 0 items, kling/kling-o1 needs at least 1",
            "add 1",
        ),
        (
            "bytedance/seedance-2",
            {"effects": [{"id": "7", "name": "rain", "asset_url": None, "asset_type": "image"}]},
            ("effects", 0, "id"),
            "bad-format",
            "effects[0].id '7' is not a UUID",
            "copy the id from Krea as it stands",
        ),
        (
            "minimax/h3-max-camera-controls",
            {"start_image": None, "camera_trajectory": [{"time": 0, "distance": 0, "azimuth": 0, "elevation": 0}] * 2},
            ("camera_trajectory", 0, "distance"),
            "out-of-range",
            "camera_trajectory[0].distance 0 is out of range for minimax/h3-max-camera-controls (more than 0)",
            "use more than 0",
        ),
        (
            "kling/kling-1",
            {"camera_control": {"type": "simpel"}},
            ("camera_control", "type"),
            "not-in-enum",
            (
                "camera_control.type 'simpel' is not a value of kling/kling-1"
                " (simple, down_back, forward_up, right_turn_forward, left_turn_forward)"
            ),
            "did you mean 'simple'?",
        ),
        (
            "kling/kling-1",
            {"camera_control": {"type": "simple", "config": {"zoom": 11}}},
            ("camera_control", "config", "zoom"),
            "out-of-range",
            "camera_control.config.zoom 11 is out of range for kling/kling-1 (-10 to 10)",
            "use 10",
        ),
    ],
)
def test_each_mistake_is_named_with_its_place_and_what_to_do(
    model: str, body: dict[str, Any], path: tuple[str | int, ...], code: str, message: str, hint: str | None
) -> None:
    finding = found(model, {"prompt": "three words", **body})[0]
    assert (finding.path, finding.code, finding.message, finding.hint, finding.severity) == (path, code, message, hint, "error")


def test_all_mistakes_are_found_in_the_order_of_the_body_and_what_is_missing_last() -> None:
    body = {"duration": 99, "promt": "x", "resolution": "8K", "reference_images": [None] * 8}
    assert [finding.code for finding in found(GROK, body)] == ["out-of-range", "unknown-field", "not-in-enum", "too-many", "missing"]


def test_a_missing_required_field_is_found_at_its_key() -> None:
    finding = only(
        "minimax/h3-max-camera-controls",
        {"prompt": "x", "camera_trajectory": [{"time": 0, "distance": 1, "azimuth": 0, "elevation": 0}] * 2},
    )
    assert (finding.path, finding.code, finding.on_key) == (("start_image",), "missing", True)
    assert finding.message == "minimax/h3-max-camera-controls requires 'start_image'"


def test_a_required_field_that_clashes_with_our_own_key_is_sent_by_extra_body() -> None:
    body = {"image_url": None, "width": 100, "height": 100}
    finding = only("topaz/standard-enhance", body)
    assert "extra_body" in present(finding.hint)
    assert "Standard V2" in present(finding.hint)
    assert found("topaz/standard-enhance", body, besides={"model"}) == []


def test_an_unknown_field_names_the_models_that_have_it() -> None:
    finding = only(GROK, {"prompt": "x", "generate_audio": True})
    assert present(finding.hint).startswith("'generate_audio' is a field of alibaba/wan-2.5, ")
    assert present(finding.hint).endswith("to send it all the same, write it under extra_body")


def test_an_unknown_field_of_no_model_lists_what_the_model_takes() -> None:
    finding = only(GROK, {"prompt": "x", "zzz": True})
    assert "the model takes prompt, start_image, start_video, duration" in present(finding.hint)


def test_a_retired_name_of_a_removed_field_says_that_the_field_is_gone() -> None:
    finding = only("alibaba/wan-2.5", {"prompt": "x", "startVideo": None})
    assert (finding.code, finding.path) == ("removed-field", ("startVideo",))
    assert "no longer takes 'startVideo'" in finding.message


def test_the_model_that_is_named_instead_does_not_depend_on_defaults_it_lacks() -> None:
    finding = only(GROK, {"prompt": "x", "resolution": "720p", "aspect_ratio": "16:9", "duration": 20})
    assert finding.hint == "use 15, or a model that goes longer: lightricks/ltx-video-2.3-22b (20)"


def test_without_a_catalogue_hints_name_no_other_model() -> None:
    findings = list(check_body(GROK, {"prompt": "x", "duration": 20}))
    assert findings[0].hint == "use 15"


def test_an_integer_may_be_written_with_a_point() -> None:
    assert found("alibaba/wan-3.0", {"prompt": "x", "duration": 5.0}) == []


def test_a_nullable_field_takes_null_and_others_do_not() -> None:
    assert found("krea/krea-2/large", {"prompt": "x", "aspect_ratio": "1:1", "resolution": "1K", "seed": None}) == []
    assert only(GROK, {"prompt": "x", "duration": None}).code == "wrong-type"


def test_references_are_skipped_unless_asked_for() -> None:
    body = {"prompt": "x", "start_image": {"shot": "dawn"}, "reference_images": [object(), None], "edit_video": 7}
    assert found(GROK, body) == []
    codes = [(finding.path, finding.code) for finding in found(GROK, body, skip_references=False)]
    assert codes == [
        (("start_image",), "wrong-type"),
        (("reference_images", 0), "wrong-type"),
        (("reference_images", 1), "wrong-type"),
        (("edit_video",), "wrong-type"),
    ]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://x.example/a.png", None),
        ("dawn", "bad-format"),
        ("https://x.example/" + "a" * 1024, "too-long"),
        ("ftp://x/a", "bad-format"),
    ],
)
def test_resolved_references_are_checked_as_urls(url: str, code: str | None) -> None:
    findings = found(GROK, {"prompt": "x", "start_image": url}, skip_references=False)
    assert [finding.code for finding in findings] == ([code] if code else [])


def test_a_union_takes_any_of_its_forms() -> None:
    assert found("kling/kling-1", {"prompt": "x", "camera_control": {"type": "down_back", "config": None}}) == []
    assert found("kling/kling-1", {"prompt": "x", "camera_control": {"type": "simple", "config": {"pan": 1}}}) == []
    assert only("kling/kling-1", {"prompt": "x", "camera_control": "zoom"}).code == "wrong-type"
    assert only("kling/kling-1", {"prompt": "x", "camera_control": {}}).code == "missing"


def test_an_unknown_key_inside_is_a_warning_and_an_error_where_krea_forbids_it() -> None:
    body = {"prompt": "x", "camera_control": {"type": "simple", "config": {"zom": 1}}}
    finding = only("kling/kling-1", body)
    assert (finding.severity, finding.code, finding.hint) == ("warning", "unknown-key", "did you mean 'zoom'?")
    closed = made(config=Field(type="object", properties={"zoom": Field(type="number")}, closed=True))
    assert only(closed, {"config": {"zom": 1}}).severity == "error"


def test_a_deprecated_field_is_a_warning() -> None:
    finding = only("bytedance/seedance-2", {"prompt": "x", "generate_audio": False})
    assert (finding.severity, finding.code) == ("warning", "deprecated-field")


def test_fields_that_do_not_go_together_are_a_warning() -> None:
    model = Model(
        name="a/b",
        title="B",
        kind="image",
        endpoint="/generate/image/a/b",
        fields={"image_urls": Field(type="array"), "style_images": Field(type="array")},
        rules=(Rule(fields=("image_urls", "style_images"), message="style_images is ignored when image_urls is set"),),
    )
    finding = only(model, {"image_urls": [None], "style_images": [{}]})
    assert (finding.severity, finding.code, finding.path) == ("warning", "no-effect", ("style_images",))
    assert found(model, {"image_urls": [None], "style_images": []}) == []
    assert found(model, {"style_images": [{}]}) == []


def test_nano_banana_carries_the_rule_about_style_images() -> None:
    assert [rule.fields for rule in present(CATALOG.find("google/nano-banana-pro")).rules] == [("image_urls", "style_images")]


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        (Field(type="number", multiple_of=0.1), [0.3, 1, 0.7], [0.35]),
        (Field(type="number", exclusive_minimum=0, exclusive_maximum=1), [0.5], [0, 1]),
        (Field(type="integer", multiple_of=8), [16, 16.0], [12]),
        (Field(type="boolean", enum=(True,)), [True], [False, 1]),
        (Field(type="any", enum=(None,)), [None], [0, False, ""]),
        (Field(type="any"), ["x", 1, None, [], {}], [float("nan")]),
        (Field(type="string", format="uuid"), ["3c90c3cc-0d44-4b50-8888-8dd25736052a"], ["3c90", 5]),
        (Field(type="array", items=Field(type="integer"), min_items=1), [[1]], [[], ["x"], 1]),
        (Field(type="object", properties={}), [{"a": 1}], [[]]),
        (Field(type="string", enum=("a",), nullable=True), ["a", None], ["b"]),
    ],
)
def test_limits_hold_whatever_the_type(field: Field, good: list[Any], bad: list[Any]) -> None:
    model = made(value=field)
    for value in good:
        assert found(model, {"value": value}) == [], value
    for value in bad:
        assert found(model, {"value": value}), value


def test_ten_thousand_checks_of_a_typical_body_take_less_than_a_third_of_a_second() -> None:
    body = {"prompt": "Aerial at dawn", "duration": 6, "resolution": "720p", "aspect_ratio": "16:9", "start_image": None}
    times = []
    for _ in range(3):
        start = time.perf_counter()
        for _ in range(10_000):
            list(check_body(GROK, body))
        times.append(time.perf_counter() - start)
    assert min(times) < 0.3


def test_compiled_checks_do_not_pile_up() -> None:
    from animatic.catalog import check

    for number in range(check._MAX_COMPILED + 10):
        list(check_body(made(value=Field(type="integer", minimum=number)), {"value": number}))
    assert len(check._compiled) <= check._MAX_COMPILED
