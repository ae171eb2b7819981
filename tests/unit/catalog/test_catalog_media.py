"""Media fields: every URI field of every model, at any depth, with the media that it takes."""

from __future__ import annotations

import pytest

from animatic.catalog import Catalog, media_fields, media_places
from animatic.catalog.model import TABLE, media_of
from tests.present import present

CATALOG = Catalog.load()


def test_the_table_of_names_is_total_over_the_catalogue() -> None:
    used = {pattern: media for model in CATALOG.models() for pattern, media in media_fields(model).items()}
    assert {pattern: TABLE.get(pattern) for pattern in used} == used


def test_only_the_effects_of_seedance_take_any_media() -> None:
    free = {(model.name, pattern) for model in CATALOG.models() for pattern, media in media_fields(model).items() if media == "any"}
    assert {pattern for _, pattern in free} == {"effects[].asset_url"}


@pytest.mark.parametrize(
    ("pattern", "media"),
    [("reference_images[]", "image"), ("intro_video", "video"), ("voice_url", "audio"), ("mask_of_sky", "image"), ("thing[].uri", "any")],
)
def test_a_name_that_is_new_is_read_by_its_words(pattern: str, media: str) -> None:
    assert media_of(pattern) == media


def test_places_of_a_body_are_found_at_any_depth_in_order() -> None:
    body = {
        "prompt": "x",
        "end_image": {"shot": "dawn"},
        "element_references": [{"images": ["a.png", None], "tag": "cup"}, {"tag": "saucer"}],
        "video_reference": {"url": "v", "tag": "cat"},
        "unknown": "https://x.example",
    }
    places = list(media_places(present(CATALOG.find("kling/kling-o1")), body))
    assert places == [
        (("end_image",), {"shot": "dawn"}, "image"),
        (("element_references", 0, "images", 0), "a.png", "image"),
        (("element_references", 0, "images", 1), None, "image"),
        (("video_reference", "url"), "v", "video"),
    ]


def test_containers_of_the_wrong_type_are_left_to_the_check() -> None:
    body = {"reference_images": "dawn", "effects": [{"asset_url": "x"}, 5], "start_image": "dawn"}
    places = list(media_places(present(CATALOG.find("bytedance/seedance-2")), body))
    assert places == [(("effects", 0, "asset_url"), "x", "any"), (("start_image",), "dawn", "image")]
