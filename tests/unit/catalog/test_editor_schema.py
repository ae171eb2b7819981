"""The JSON Schema that editors use: valid itself, small, and of the same mind as the language."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from animatic.catalog import Catalog
from animatic.catalog.model import Field
from animatic.schema.editor import declaration_schema
from animatic.schema.fields import loosest
from animatic.source import load
from animatic.spec import keys
from tests.present import present
from tests.unit.catalog.request_schema import model_schema

CATALOG = Catalog.load()
SCHEMA = declaration_schema(CATALOG)
CUT = SCHEMA["definitions"]["cut"]
VALIDATOR = Draft7Validator(SCHEMA)
EXAMPLE = """\
version: 1
defaults:
  video: {model: xai/grok-video, resolution: 720p, aspect_ratio: 16:9}
  image: {model: google/nano-banana-pro}
profiles:
  draft:
    video: {model: bytedance/seedance-2-fast, resolution: 480p, aspect_ratio: null, fallback: [{model: kling/kling-2.5, duration: 5}]}
    image: {model: google/nano-banana, fallback: null}
deliver: ./out
budget: {per_day_usd: 20, per_month_usd: 200.50}
pipelines:
  coast-teaser:
    description: Three shots of a coastal town.
    params:
      city: {type: string, default: Lisbon, description: Town to show}
      mood: {enum: [golden, noir], default: golden}
      length: {type: integer, minimum: 1, maximum: 15, default: 6}
    budget_usd: 3.00
    unknown_price: warn
    concurrency: 4
    on_failure: stop
    qc: off
    reuse: run
    tags: [teaser]
    schedule: {cron: "0 6 * * 1-5", timezone: Europe/Lisbon, params: {city: Porto}, fresh: true}
    shots:
      - id: dawn
        title: Dawn
        prompt: "Aerial of {{ params.city }} at dawn"
        duration: "{{ params.length }}"
        retries: 1
        qc: warn
        timeout: 1h30m
        when: "{{ params.mood == 'golden' }}"
      - {id: surf, prompt: Surf, start_image: dawn, resolution: null}
      - {id: regrade, model: xai/grok-video, prompt: Regrade, edit_video: {shot: surf}, reference_images: [refs/a.png, {file: refs/b.png}]}
      - {id: still, kind: image, prompt: Hero still, image_urls: ["https://x.example/a.png", {url: "https://x.example/b.png"}]}
      - id: spin
        model: kling/kling-3.0
        prompt: Dolly
        mode: "{{ params.mood }}"
        start_image: {shot: dawn, frame: 2.5}
        end_image: {shot: dawn, frame: first}
        fallback: [{model: kling/kling-2.5, duration: 5, end_image: null}, {model: veo, duration: 8}]
      - {id: big, model: topaz/standard-enhance, image_url: still, width: 4000, height: 4000, extra_body: {model: CGI}}
    cut: {shots: [dawn, surf]}
  formats:
    matrix: {aspect_ratio: [16:9, 9:16], n: [1, 2], include: [{aspect_ratio: 1:1}], exclude: [{n: 2}]}
    schedules: [{interval: 6h}, {rrule: "FREQ=WEEKLY;BYDAY=MO", active: false, slug: weekly, profile: draft}]
    shots:
      - {id: a, model: "{{ params.model }}", prompt: x, duration: 30}
"""


def read(tmp_path: Path, text: str) -> Any:
    path = tmp_path / "pipelines.yaml"
    path.write_text(text, "utf-8")
    return load(path).data


def shot(**fields: Any) -> dict[str, Any]:
    return {"version": 1, "pipelines": {"p": {"shots": [{"id": "a", **fields}]}}}


def test_the_schema_is_valid_small_and_always_the_same() -> None:
    Draft7Validator.check_schema(SCHEMA)
    text = json.dumps(SCHEMA, indent=2)
    assert len(text) < 700_000
    assert json.dumps(declaration_schema(Catalog.load()), indent=2) == text


def test_no_definition_is_missing_or_left_over() -> None:
    text = json.dumps(SCHEMA)
    used = {part.partition('"')[0] for part in text.split("#/definitions/")[1:]}
    assert used == set(SCHEMA["definitions"])


def test_a_file_that_uses_the_whole_language_passes(tmp_path: Path) -> None:
    text = EXAMPLE.replace(", {model: veo, duration: 8}", "")
    assert [error.message for error in VALIDATOR.iter_errors(read(tmp_path, text))] == []


def test_an_unknown_model_is_an_error(tmp_path: Path) -> None:
    assert list(VALIDATOR.iter_errors(read(tmp_path, EXAMPLE)))


@pytest.mark.parametrize(
    "data",
    [
        shot(model="xai/grok-video", prompt="x", duration=20),
        shot(model="xai/grok-video", prompt="x", duration="long"),
        shot(model="xai/grok-video", prompt="x", resolution="8K"),
        shot(model="xai/grok-video", prompt="x", promt="x"),
        shot(model="xai/grok-video", prompt="x", startImage="dawn"),
        shot(model="xai/grok-video", prompt="x", reference_images="dawn"),
        shot(model="xai/grok-video", prompt="x", edit_video={"shot": "dawn", "frame": "last"}),
        shot(model="xai/grok-video", prompt="x", start_image={"shoot": "dawn"}),
        shot(model="xai/grok-video", prompt="x", generate_audio=True),
        shot(model="xai/grok-vidio", prompt="x"),
        shot(prompt="x", nonsense=1),
        shot(prompt="x", kind="image", duration=5),
        shot(kind="film"),
        shot(retries=-1),
        shot(timeout="soon"),
        shot(takes=99),
        shot(qc="remake"),
        shot(model="xai/grok-video", fallback=[{"prompt": "x"}]),
        shot(model="xai/grok-video", fallback=[{"model": "google/veo-3", "duration": 5}]),
        {"version": 1, "pipelines": {"p": {"shots": [{"prompt": "x"}]}}},
        {"version": 2, "pipelines": {"p": {"shots": [{"id": "a"}]}}},
        {"pipelines": {"p": {"shots": [{"id": "a"}]}}},
        {"version": 1, "pipelines": {}},
        {"version": 1, "pipelines": {"p": {"shots": [{"id": "a"}], "schedule": {}}}},
        {"version": 1, "pipelines": {"p": {"shots": [{"id": "a"}], "schedule": {"cron": "x", "interval": 5}}}},
        {"version": 1, "pipelines": {"p": {"shots": [{"id": "a"}], "schedule": {"cron": "x"}, "schedules": []}}},
        {"version": 1, "pipelines": {"p": {"shots": [{"id": "a"}], "cut": {"music": "x.mp3"}}}},
        {"version": 1, "pipelines": {"p": {"shots": [{"id": "a"}], "cut": {"transition": {"dissolve": 1}}}}},
        {"version": 1, "pipelines": {"p": {"shots": [{"id": "a"}], "cut": {"shots": [{"shot": "a", "trim": [1]}]}}}},
        {"version": 1, "pipelines": {"p": {"shots": [{"id": "a"}], "cut": {}, "cuts": {"wide": {}}}}},
        {"version": 1, "pipelines": {"p": {"shots": [{"id": "a"}]}}, "defaults": {"video": {"image_urls": []}}},
        {"version": 1, "pipelines": {"p": {"shots": [{"id": "a"}]}}, "defaults": {"video": {"model": "google/nano-banana"}}},
        {"version": 1, "pipelines": {"p": {"shots": [{"id": "a"}]}}, "profiles": {"draft": {"video": {"model": "google/nano-banana"}}}},
        {"version": 1, "pipelines": {"p": {"shots": [{"id": "a"}]}}, "profiles": {"draft": {"video": {"resolutoin": "480p"}}}},
        {"version": 1, "pipelines": {"p": {"shots": [{"id": "a"}]}}, "profiles": {"draft": {"video": {"fallback": [{"duration": 5}]}}}},
        {"version": 1, "pipelines": {"p": {"shots": [{"id": "a"}]}}, "profiles": {"my draft": {"video": {"resolution": "480p"}}}},
        {"version": 1, "pipelines": {"p": {"shots": [{"id": "a"}]}}, "profiles": {"draft": {"resolution": "480p"}}},
    ],
)
def test_mistakes_are_marked(data: Any) -> None:
    assert list(VALIDATOR.iter_errors(data)), data


@pytest.mark.parametrize(
    ("level", "schema"),
    [
        (keys.FILE, SCHEMA),
        (keys.BUDGET, SCHEMA["properties"]["budget"]),
        (keys.PIPELINE, SCHEMA["definitions"]["pipeline"]),
        (keys.SHOT, SCHEMA["definitions"]["shot"]),
        (keys.PARAM, SCHEMA["definitions"]["param"]),
        (keys.SCHEDULE, SCHEMA["definitions"]["schedule"]),
        (keys.CUT, CUT),
        (keys.CUT_SHOT, CUT["properties"]["shots"]["anyOf"][0]["items"]["anyOf"][1]),
        (keys.SOUND, CUT["properties"]["sound"]),
        (keys.BED, CUT["properties"]["sound"]["properties"]["bed"]["anyOf"][1]),
        (keys.VOICE, CUT["properties"]["sound"]["properties"]["voice"]["anyOf"][0]["items"]),
    ],
)
def test_the_keys_are_those_that_the_language_supports(level: keys.Level, schema: dict[str, Any]) -> None:
    assert set(schema["properties"]) == set(level.known)


def test_every_field_of_every_model_is_offered_under_its_model() -> None:
    branches = {
        item["if"]["properties"]["model"]["const"]: item["then"]
        for item in SCHEMA["definitions"]["shot"]["allOf"]
        if "const" in item["if"].get("properties", {}).get("model", {})
    }
    assert set(branches) == set(CATALOG.names())
    for model in CATALOG.models():
        assert set(branches[model.name]["properties"]) == set(model.fields) | set(keys.SHOT.known)


def test_completion_names_every_model_with_its_title_working_ones_first() -> None:
    listed = SCHEMA["definitions"]["model"]["anyOf"][0]
    assert len(listed["enum"]) == len(listed["enumDescriptions"]) == 119
    gone = [present(CATALOG.listing(name)).withdrawn for name in listed["enum"]]
    assert gone == sorted(gone)
    assert listed["enumDescriptions"][listed["enum"].index("xai/grok-video")] == "Grok Imagine (video)"


@pytest.mark.parametrize("name", CATALOG.names())
def test_the_schema_of_every_model_is_valid_and_takes_a_typical_body(name: str) -> None:
    schema = model_schema(present(CATALOG.find(name)))
    Draft7Validator.check_schema(schema)
    body = {field: item.default for field, item in present(CATALOG.find(name)).fields.items() if item.has_default}
    errors = [error for error in Draft7Validator(schema).iter_errors(body) if error.validator != "required"]
    assert errors == []


def test_the_loosest_field_takes_what_any_of_them_takes() -> None:
    first = Field(type="number", minimum=1, maximum=15, default=6, has_default=True)
    second = Field(type="integer", enum=(5, 20), default=5, has_default=True)
    merged = loosest([first, second])
    assert (merged.type, merged.minimum, merged.maximum, merged.enum, merged.has_default) == ("number", 1, 20, None, False)
    assert loosest([Field(type="string", enum=("a",)), Field(type="string", enum=("b",), nullable=True)]).enum == ("a", "b")
    assert loosest([Field(type="string", max_length=5), Field(type="string")]).max_length is None
    assert loosest([Field(type="string"), Field(type="boolean")]).type == "any"
    assert loosest([first, first]) is first
