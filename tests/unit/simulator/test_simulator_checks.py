"""The simulator's own reading of a request body."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from animatic.catalog import Catalog
from animatic.catalog.model import Field, Model
from animatic.simulator.checks import MediaPlace, media_places, mistakes

INNER = Field(
    type="object",
    closed=True,
    properties={"url": Field(type="string", media="image", required=True), "strength": Field(type="number", minimum=-1, maximum=1)},
)
MODEL = Model(
    name="x/y",
    title="Y",
    kind="video",
    endpoint="/generate/video/x/y",
    fields={
        "prompt": Field(type="string", required=True, min_length=2, max_length=5, pattern="^[a-z]"),
        "duration": Field(type="number", minimum=1, maximum=15),
        "steps": Field(type="integer", exclusive_minimum=0),
        "mode": Field(type="string", enum=("std", "pro")),
        "loud": Field(type="boolean"),
        "start_image": Field(type="string", media="image", nullable=True),
        "images": Field(type="array", min_items=1, max_items=2, items=Field(type="string", media="image")),
        "styles": Field(type="array", items=INNER),
        "either": Field(type="any", one_of=(Field(type="string", enum=("auto",)), INNER)),
    },
)


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"duration": 15},
        {"steps": 5.0},
        {"mode": "pro", "loud": False},
        {"start_image": None},
        {"start_image": "https://a.example/x.png", "images": ["http://127.0.0.1/a"]},
        {"styles": [{"url": "https://a.example/x", "strength": -1}]},
        {"either": "auto"},
        {"either": {"url": "https://a.example/x"}},
    ],
)
def test_good_bodies_pass(extra: dict[str, Any]) -> None:
    assert list(mistakes(MODEL, {"prompt": "abc", **extra})) == []


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ({"startImage": "x"}, "unrecognized keys: startImage"),
        ({"prompt": "a"}, "prompt: too short"),
        ({"prompt": "abcdef"}, "prompt: too long"),
        ({"prompt": "Abc"}, "prompt: does not match"),
        ({"prompt": 5}, "prompt: expected string, received number"),
        ({"duration": 16}, "duration: must be at most 15"),
        ({"duration": 0.5}, "duration: must be at least 1"),
        ({"duration": "5"}, "duration: expected number, received string"),
        ({"duration": True}, "duration: expected number, received boolean"),
        ({"duration": None}, "duration: expected number, received null"),
        ({"duration": float("nan")}, "duration: expected number"),
        ({"steps": 5.5}, "steps: expected integer"),
        ({"steps": 0}, "steps: must be greater than 0"),
        ({"mode": "Pro"}, "mode: expected one of std, pro"),
        ({"loud": 1}, "loud: expected boolean"),
        ({"start_image": "refs/a.png"}, "start_image: expected an absolute http"),
        ({"start_image": "data:image/png;base64,AA"}, "start_image: expected an absolute http"),
        ({"start_image": "https://[bad"}, "start_image: expected an absolute http"),
        ({"images": []}, "images: too few"),
        ({"images": ["https://a.example/x"] * 3}, "images: too many"),
        ({"images": ["https://a.example/x", "x"]}, r"images\[1\]: expected an absolute"),
        ({"styles": [{"strength": 0}]}, r"styles\[0\]\.url: required"),
        ({"styles": [{"url": "https://a.example/x", "weight": 1}]}, r"styles\[0\]: unrecognized keys: weight"),
        ({"either": "never"}, "either: matches none"),
    ],
)
def test_each_mistake_is_told_with_its_place(extra: dict[str, Any], says: str) -> None:
    found = list(mistakes(MODEL, {"prompt": "abc", **extra}))
    assert len(found) == 1
    assert re.search(says, found[0])


def test_all_mistakes_are_told_together() -> None:
    assert len(list(mistakes(MODEL, {"duration": 99, "mode": "x", "more": 1}))) == 4


def test_a_body_is_an_object() -> None:
    assert list(mistakes(MODEL, [])) == ["body: expected object"]


def test_media_places_are_found_at_any_depth() -> None:
    body = {
        "prompt": "abc",
        "images": ["https://a.example/1"],
        "styles": [{"url": "https://a.example/2"}],
        "either": {"url": "https://a.example/3"},
    }
    assert list(media_places(MODEL, body)) == [
        MediaPlace(("images", 0), "https://a.example/1", "image"),
        MediaPlace(("styles", 0, "url"), "https://a.example/2", "image"),
        MediaPlace(("either", "url"), "https://a.example/3", "image"),
    ]


def test_the_documented_model_takes_what_its_page_shows(catalog: Catalog) -> None:
    model = catalog.find("xai/grok-video")
    assert model is not None
    body = json.loads('{"prompt": "Surf", "duration": 15, "resolution": "480p", "aspect_ratio": "2:3", "start_image": null}')
    assert list(mistakes(model, body)) == []
    assert list(mistakes(model, {**body, "resolution": "1080p"}))
