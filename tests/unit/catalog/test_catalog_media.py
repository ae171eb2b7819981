"""Media fields: every URI field of every model, at any depth, with the media that it takes."""

from __future__ import annotations

import pytest

from animatic.catalog import Catalog, media_fields
from animatic.catalog.model import MEDIA_BY_FIELD, media_of

CATALOG = Catalog.load()


def test_the_table_of_names_is_total_over_the_catalogue() -> None:
    used = {pattern: media for model in CATALOG.models() for pattern, media in media_fields(model).items()}
    assert {pattern: MEDIA_BY_FIELD.get(pattern) for pattern in used} == used


def test_only_the_effects_of_seedance_take_any_media() -> None:
    free = {(model.name, pattern) for model in CATALOG.models() for pattern, media in media_fields(model).items() if media == "any"}
    assert {pattern for _, pattern in free} == {"effects[].asset_url"}


@pytest.mark.parametrize(
    ("pattern", "media"),
    [("reference_images[]", "image"), ("intro_video", "video"), ("voice_url", "audio"), ("mask_of_sky", "image"), ("thing[].uri", "any")],
)
def test_a_name_that_is_new_is_read_by_its_words(pattern: str, media: str) -> None:
    assert media_of(pattern) == media
