"""Decoding right files, and several files together."""

from __future__ import annotations

import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from animatic.errors import UsageError
from animatic.plan import destination_of
from animatic.source import load_text
from animatic.spec import Declaration, PipelineSpec, declare
from animatic.spec.keys import FILE, PIPELINE, SHOT
from animatic.suggest import closest, did_you_mean, nearest, snake

FULL = """\
version: 1
defaults:
  video: {model: xai/grok-video, resolution: 720p, aspect_ratio: 16:9}
deliver: s3://brand-media/storyboards
budget: {per_day_usd: 50, per_month_usd: 500.50}
pipelines:
  coast-teaser:
    description: Three shots.
    params:
      city: {type: string, default: Lisbon, description: Town to show}
      mood: {enum: [golden, noir]}
      days: {type: integer, default: 2, minimum: 1, maximum: 7}
      slow: {default: false}
      rate: {type: number, default: 24.0}
    matrix:
      aspect_ratio: [16:9, 9:16]
      language: [en, de]
      include: [{language: fr, aspect_ratio: 16:9}]
      exclude: [{language: de, aspect_ratio: 9:16}]
    defaults:
      image: {model: google/nano-banana-pro}
    deliver: ./out
    budget_usd: 3.10
    unknown_price: warn
    concurrency: 4
    on_failure: stop
    qc: off
    reuse: run
    tags: [film, coast]
    schedule: {cron: "0 6 * * 1-5", timezone: Europe/Lisbon, params: {mood: noir}, fresh: true}
    shots:
      - id: dawn
        title: Dawn
        prompt: "Aerial of {{ params.city }}"
        duration: 6
      - id: surf
        kind: video
        model: kling/kling-2.5
        start_image: dawn
        fallback: [{model: xai/grok-video, duration: 5, seed: null}]
        retries: 3
        qc: warn
        timeout: 1h30m
        when: "{{ params.slow }}"
        extra_body: {model: inner}
    cut: {shots: [dawn, surf]}
  other:
    shots: [{id: a}]
    cut: {}
"""


def only(text: str) -> PipelineSpec:
    declaration = declared(text)
    assert declaration.problems == ()
    return next(iter(declaration.pipelines.values()))


def declared(*texts: str) -> Declaration:
    return declare([load_text(text, name=f"{number}.yaml") for number, text in enumerate(texts)])


def pipeline(body: str) -> str:
    return f"version: 1\npipelines:\n  p:\n    shots: [{{id: a}}]\n    {body}\n"


def test_a_full_file_is_decoded_without_problems() -> None:
    spec = only(FULL)
    assert (spec.name, spec.description, spec.deliver) == ("coast-teaser", "Three shots.", "./out")
    assert (spec.budget_usd, spec.per_day_usd, spec.per_month_usd) == (Decimal("3.10"), Decimal(50), Decimal("500.50"))
    assert str(spec.budget_usd) == "3.10"
    assert (spec.unknown_price, spec.concurrency, spec.on_failure, spec.reuse) == ("warn", 4, "stop", "run")
    assert (spec.qc, [shot.qc for shot in spec.shots]) == ("off", [None, "warn"])
    assert spec.tags == ("film", "coast")
    assert [defaults.path for defaults in spec.defaults] == [("defaults",), ("pipelines", "coast-teaser", "defaults")]
    assert spec.defaults[0].by_kind["video"]["aspect_ratio"] == "16:9"
    (cut,) = spec.cuts
    assert (cut.name, [entry.shot for entry in cut.shots or ()]) == ("reel", ["dawn", "surf"])


def test_params_carry_type_default_and_limits() -> None:
    params = only(FULL).params
    assert {name: (param.type, param.default, param.required) for name, param in params.items()} == {
        "city": ("string", "Lisbon", False),
        "mood": ("string", None, True),
        "days": ("integer", 2, False),
        "slow": ("boolean", False, False),
        "rate": ("number", 24, False),
    }
    assert (params["days"].minimum, params["days"].maximum, params["mood"].enum) == (1, 7, ("golden", "noir"))


def test_shots_keep_our_keys_apart_from_request_fields() -> None:
    dawn, surf = only(FULL).shots
    assert dawn.fields == {"prompt": "Aerial of {{ params.city }}", "duration": 6}
    assert (dawn.title, dawn.kind, dawn.model, dawn.retries, dawn.timeout) == ("Dawn", None, None, None, None)
    assert surf.fields == {"start_image": "dawn"}
    assert (surf.kind, surf.model, surf.retries, surf.timeout, surf.when) == ("video", "kling/kling-2.5", 3, 5400, "{{ params.slow }}")
    assert surf.fallback[0].model == "xai/grok-video"
    assert surf.fallback[0].fields == {"duration": 5, "seed": None}
    assert surf.extra_body == {"model": "inner"}
    assert surf.path == ("pipelines", "coast-teaser", "shots", 1)


def test_the_matrix_keeps_the_order_of_its_axes() -> None:
    matrix = only(FULL).matrix
    assert matrix is not None
    assert list(matrix.axes.items()) == [("aspect_ratio", ("16:9", "9:16")), ("language", ("en", "de"))]
    assert matrix.include == ({"language": "fr", "aspect_ratio": "16:9"},)
    assert matrix.exclude == ({"language": "de", "aspect_ratio": "9:16"},)


def test_a_cut_without_shots_means_all_of_them() -> None:
    (cut,) = declared(FULL).pipelines["other"].cuts
    assert cut.shots is None


def test_what_a_pipeline_does_not_say_comes_from_its_file() -> None:
    other = declared(FULL).pipelines["other"]
    assert (other.deliver, other.per_day_usd, other.budget_usd) == ("s3://brand-media/storyboards", Decimal(50), None)
    assert (other.on_failure, other.reuse, other.unknown_price, other.matrix) == ("continue", "always", None, None)


def test_files_are_read_together_and_each_keeps_its_own_shared_keys() -> None:
    one = "version: 1\ndeliver: ./a\npipelines: {one: {shots: [{id: x}]}}\n"
    two = "version: 1\npipelines: {two: {shots: [{id: x}]}}\n"
    declaration = declared(one, two)
    assert declaration.problems == ()
    assert {name: spec.deliver for name, spec in declaration.pipelines.items()} == {"one": "./a", "two": None}


def test_a_name_in_two_files_keeps_the_first_and_names_both() -> None:
    text = "version: 1\npipelines: {{coast: {{description: {0}, shots: [{{id: x}}]}}}}\n"
    declaration = declared(text.format("first"), text.format("second"))
    assert declaration.pipelines["coast"].description == "first"
    [problem] = declaration.problems
    assert problem.place is not None
    assert (problem.place.file, problem.related[0][0].file) == ("1.yaml", "0.yaml")


def test_mistakes_of_the_text_and_of_the_content_come_together() -> None:
    declaration = declared("version: 1\npipelines:\n  p:\n    concurrency: 0\n    concurrency: 1\n    shots: [{id: {{ x }} }]\n")
    assert [problem.code for problem in declaration.problems] == ["duplicate-key", "unquoted-template", "type", "name"]


def test_a_shot_with_a_wrong_id_is_kept_under_its_number() -> None:
    declaration = declared("version: 1\npipelines:\n  p:\n    shots: [{id: a}, {id: a, duration: 3}, {prompt: x}, 5, {id: b c}]\n")
    assert [shot.id for shot in declaration.pipelines["p"].shots] == ["a", "a#2", "#3", "#5"]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90", 90), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("2d", 172_800), ("1.5h", 5400), ("'45'", None), ("m", None)],
)
def test_time_spans_are_read_as_people_write_them(written: str, seconds: float | None) -> None:
    spec = declared(f"version: 1\npipelines: {{p: {{shots: [{{id: a, timeout: {written}}}]}}}}\n").pipelines["p"]
    assert spec.shots[0].timeout == seconds


@pytest.mark.parametrize(
    "deliver", ["./out", "out", "/srv/clips", "../clips", "~/clips", "s3://bucket", "s3://bucket/", "s3://my.bucket-1/a/b", "C:/clips"]
)
def test_folders_and_buckets_are_destinations(deliver: str) -> None:
    assert only(pipeline(f"deliver: {deliver}")).deliver == deliver


@pytest.mark.parametrize(
    "deliver",
    [
        "gs://b/x",
        "http://host/x",
        "file:///tmp",
        "s3://",
        "s3:///x",
        "s3://B/x",
        "s3://b..c/x",
        "s3://bucket//x",
        "s3://bucket/../x",
        "S3://bucket",
    ],
)
def test_other_destinations_are_refused(deliver: str) -> None:
    [problem] = declared(pipeline(f"deliver: {deliver}")).problems
    assert problem.code == "deliver"


@pytest.mark.parametrize("amount", ["0", "3", "3.00", "0.015", "1e2", "0x10"])
def test_money_is_exactly_what_was_written(amount: str) -> None:
    budget = only(pipeline(f"budget_usd: {amount}")).budget_usd
    assert budget == Decimal(16 if amount == "0x10" else amount)


@pytest.mark.parametrize("amount", ["-1", "true", ".nan", ".inf", "3 USD", "'3'", "[3]", "~"])
def test_other_amounts_are_refused(amount: str) -> None:
    [problem] = declared(pipeline(f"budget_usd: {amount}")).problems
    assert problem.code == "type"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("approve: true", (True, None, "stop")),
        ("pick: approve", (True, None, "stop")),
        ("approve: {timeout: 48h}", (True, 172_800, "stop")),
        ("approve: {timeout: 90, on_timeout: first}", (True, 90, "first")),
        ("approve: {timeout: 1d12h, on_timeout: stop}, pick: approve", (True, 129_600, "stop")),
    ],
)
def test_how_long_a_person_has_and_what_follows(written: str, expected: tuple[bool, float | None, str]) -> None:
    declaration = declared(f"version: 1\npipelines: {{p: {{shots: [{{id: a, prompt: Aerial, {written}}}]}}}}\n")
    assert not declaration.problems
    [shot] = declaration.pipelines["p"].shots
    assert (shot.approve, shot.approve_within, shot.on_timeout) == expected


def test_no_level_both_has_a_key_and_advises_against_it() -> None:
    for level in (FILE, PIPELINE, SHOT):
        assert not set(level.known) & level.advice.keys()


def test_names_are_compared_without_humps_and_dashes() -> None:
    assert snake("budgetUsd") == "budget_usd"
    assert nearest("onFailure", PIPELINE.known)[0] == "on_failure"
    assert nearest("concurency", PIPELINE.known) == ("concurrency",)
    assert did_you_mean("zzz", ("a", "b")) == "known here: a, b"


def test_the_closest_name_is_a_slip_of_the_word_or_begins_with_it() -> None:
    assert closest("startImage", ("end_image", "start_image")) == "start_image"
    assert closest("dura", ("prompt", "duration")) == "duration"
    assert closest("1080p", ("480p", "720p")) is None


@pytest.mark.parametrize("deliver", ["s3://Bad_Bucket/x", "gs://bucket/x", "S3://bucket", "s3://bucket/a//b"])
def test_a_bad_destination_is_answered_alike_in_the_file_and_on_the_command_line(deliver: str) -> None:
    declaration = declared(f"version: 1\npipelines: {{p: {{deliver: '{deliver}', shots: [{{id: a}}]}}}}\n")
    [problem] = declaration.problems
    with pytest.raises(UsageError) as caught:
        destination_of(declaration.pipelines["p"], deliver)
    assert problem.message.removeprefix("pipeline 'p': ") in caught.value.message
    assert problem.hint == caught.value.hint


def test_problems_of_many_prompts_are_found_in_reasonable_time() -> None:
    shots = "".join(f"      - id: s{number}\n        prompt: Shot #{number}\n" for number in range(3000))
    started = time.perf_counter()
    problems = declared(f"version: 1\npipelines:\n  p:\n    shots:\n{shots}").problems
    assert len(problems) == 3000
    assert time.perf_counter() - started < 10


def test_a_prompt_in_a_comment_or_quotes_is_not_warned_about(tmp_path: Path) -> None:
    text = pipeline("# prompt: Shot #3\n    description: x").replace("id: a", "id: a, prompt: 'Shot #3'")
    assert declared(text).problems == ()


@pytest.mark.parametrize("value", [None, [], {}, "x", 5, True, [None], [[]], {"a": None}])
@pytest.mark.parametrize("key", PIPELINE.known)
def test_any_value_at_any_key_is_answered(key: str, value: Any) -> None:
    import json

    body = {"shots": [{"id": "a"}], key: value}
    declaration = declared(json.dumps({"version": 1, "pipelines": {"p": body}}))
    assert "p" in declaration.pipelines
    assert all(problem.place for problem in declaration.problems)


def test_deliver_says_how_objects_are_put() -> None:
    text = """
version: 1
deliver: {to: s3://brand-media/films/, sse: "aws:kms", kms_key: alias/film, cache_control: "public, max-age=60"}
pipelines:
  one: {shots: [{id: x}]}
  two: {deliver: {to: ./two}, shots: [{id: x}]}
"""
    pipelines = declared(text).pipelines
    assert pipelines["one"].deliver == "s3://brand-media/films?sse=aws:kms&kms_key=alias/film&cache_control=public, max-age%3D60"
    assert pipelines["two"].deliver == "./two"


@pytest.mark.parametrize(("count", "taken"), [(99, "07-s7"), (100, "007-s7")])
def test_a_cut_may_not_have_the_name_of_a_clip_however_many_digits_that_has(count: int, taken: str) -> None:
    shots = "\n".join(f"      - {{id: s{number}, prompt: Dawn}}" for number in range(1, count + 1))
    text = f"version: 1\npipelines:\n  teaser:\n    cuts: {{07-s7: {{}}, 007-s7: {{}}}}\n    shots:\n{shots}\n"
    found = [problem.message for problem in declare([load_text(text)]).problems]
    assert found == [f"pipeline 'teaser': cut '{taken}' would be the file {taken}.mp4, as the clip of shot 's7' is"]
