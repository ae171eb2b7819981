"""Every model, parameter and value that Krea's text-to-video guide and its Grok Imagine page document can be sent."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from animatic.catalog import Catalog, Finding, check_body
from tests.present import present

CATALOG = Catalog.load()
GUIDE = {"prompt": "a majestic eagle", "duration": 5, "width": 1280, "height": 720, "fps": 24}
URL = "https://krea.example/a.png"


def errors(name: str, body: dict[str, Any]) -> list[Finding]:
    return [finding for finding in check_body(present(CATALOG.find(name)), body, skip_references=False) if finding.severity == "error"]


def warnings(name: str, body: dict[str, Any]) -> set[str | int]:
    return {finding.path[0] for finding in check_body(present(CATALOG.find(name)), body) if finding.severity == "warning"}


def test_the_guides_own_request_passes() -> None:
    assert errors("kling/kling-2.5", GUIDE) == []


@pytest.mark.parametrize(
    ("field", "values", "refused"),
    [
        (
            "duration",
            [5, 10],
            [2.9, 3, 7, 11],
        ),  # the guide says 3 to 10, and both copies of the schema 5 or 10: others Krea answers with 400
        ("width", [256, 1280, 1920], [255, 1921]),
        ("height", [256, 720, 1080], [255, 1081]),
        ("fps", [12, 24, 30], [25, 60]),
        ("seed", [0, 42], ["x"]),
        ("model", ["kling-2.5"], [5]),
    ],
)
def test_every_parameter_of_the_guide_is_taken_within_its_range(field: str, values: list[Any], refused: list[Any]) -> None:
    for value in values:
        assert errors("kling/kling-2.5", {**GUIDE, field: value}) == [], value
    for value in refused:
        assert errors("kling/kling-2.5", {**GUIDE, field: value}), value


def test_what_only_the_guide_documents_comes_with_a_warning() -> None:
    assert warnings("kling/kling-2.5", {**GUIDE, "seed": 1, "model": "x"}) == {"width", "height", "fps", "seed", "model"}
    assert warnings("kling/kling-2.5", {"prompt": "x", "duration": 10, "aspect_ratio": "1:1"}) == set()


def test_none_of_what_only_the_guide_documents_has_a_default_that_would_be_sent() -> None:
    fields = present(CATALOG.find("kling/kling-2.5")).fields
    assert not any(fields[name].has_default for name in ("width", "height", "fps", "seed", "model"))


def test_every_value_of_the_grok_imagine_page_is_taken_without_a_warning() -> None:
    ratios = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3")
    for duration, resolution, ratio in itertools.product((1, 6, 15), ("480p", "720p"), ratios):
        body = {
            "prompt": "x" * 4096,
            "start_image": URL,
            "start_video": None,
            "duration": duration,
            "resolution": resolution,
            "aspect_ratio": ratio,
            "reference_images": [URL] * 7,
            "edit_video": URL,
        }
        assert list(check_body(present(CATALOG.find("xai/grok-video")), body, skip_references=False)) == []


def test_the_grok_imagine_page_has_no_further_fields_and_these_retired_names() -> None:
    model = present(CATALOG.find("xai/grok-video"))
    assert set(model.fields) == {
        "prompt",
        "start_image",
        "start_video",
        "duration",
        "resolution",
        "aspect_ratio",
        "reference_images",
        "edit_video",
    }
    assert model.aliases == {
        "startImage": "start_image",
        "startVideo": "start_video",
        "aspectRatio": "aspect_ratio",
        "referenceImages": "reference_images",
        "editVideo": "edit_video",
    }
    assert model.aliases_until == "2026-06-19"
    assert (model.fields["duration"].default, model.fields["resolution"].default) == (6, "720p")
