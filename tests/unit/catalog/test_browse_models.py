"""Listing and describing models for people and tools."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from animatic.catalog import Catalog
from animatic.catalog.browse import as_dict, describe
from animatic.catalog.choose import Wish, row, select
from animatic.catalog.codec import decode_model
from tests.present import present

CATALOG = Catalog.load()


def test_models_are_selected_by_kind_field_and_price() -> None:
    assert len(select(CATALOG)) == 119
    assert {item.kind for item in select(CATALOG, Wish(kinds=("image",)))} == {"image"}
    editors = [item.name for item in select(CATALOG, Wish(takes=("edit_video",)))]
    assert editors == ["xai/grok-video"]
    cheap = select(CATALOG, Wish(kinds=("video",), max_price=Decimal("0.42")))
    assert "xai/grok-video" in [item.name for item in cheap]
    assert all(item.usd is not None and item.usd <= Decimal("0.42") for item in cheap)


def test_a_row_says_what_a_choice_needs() -> None:
    grok = row(present(CATALOG.find("xai/grok-video")))
    assert (grok.usd, grok.prices, grok.durations) == (Decimal("0.42"), "$0.05 to $0.07 per second", "1 to 15")
    assert (grok.seconds, "9:16" in grok.ratios) == ({"minimum": 1, "maximum": 15}, True)
    assert grok.takes == ("start_image", "start_video", "reference_images[]", "edit_video")
    assert row(present(CATALOG.find("kling/kling-1"))).withdrawn == "absent from Krea's API document of 2026-10-03"


def test_a_request_is_fitted_and_priced_and_the_cheapest_comes_first() -> None:
    """Ten seconds, portrait, from a start image: every model that can, each with what that would cost."""
    wish = Wish(kinds=("video",), takes=("start_image",), values={"duration": 10}, ratio="9:16")
    found = select(CATALOG, wish, sort="price")
    assert {"xai/grok-video", "kling/kling-2.5"} <= {item.name for item in found}
    assert next(item.usd for item in found if item.name == "xai/grok-video") == Decimal("0.70"), "ten seconds at $0.07"
    prices = [item.usd for item in found if item.usd is not None]
    assert prices == sorted(prices)
    assert all(item.usd is None for item in found[len(prices) :]), "unknown prices come last"
    for item in found:
        model = present(CATALOG.find(item.name))
        assert {"start_image", "duration"} <= model.fields.keys()
    cheaper = select(CATALOG, Wish(**{**vars_of(wish), "max_price": Decimal("0.70")}))
    assert {item.name for item in cheaper} == {item.name for item in found if item.usd is not None and item.usd <= Decimal("0.70")}
    narrower = select(CATALOG, Wish(takes=("start_image", "end_image")))
    assert {item.name for item in narrower} == {
        model.name for model in CATALOG.models() if {"start_image", "end_image"} <= model.fields.keys()
    }


def vars_of(wish: Wish) -> dict[str, Any]:
    return {name: getattr(wish, name) for name in ("kinds", "takes", "values", "ratio", "max_price", "name")}


def test_a_page_names_fields_limits_prices_and_retired_names() -> None:
    page = describe(present(CATALOG.find("xai/grok-video")))
    for text in (
        "xai/grok-video  Grok Imagine (video)",
        "POST /generate/video/xai/grok-video",
        "A shot's cast: pictures in reference_images (at most 7).",
        "[1 to 15; default 6]",
        "[480p, 720p; default 720p]",
        "list of image",
        "[at most 7 items]",
        "$0.07  resolution 720p",
        "startImage (now start_image)",
    ):
        assert text in page


@pytest.mark.parametrize("name", CATALOG.names())
def test_every_model_has_a_page_that_names_every_field(name: str) -> None:
    model = present(CATALOG.find(name))
    page = describe(model)
    assert all(field in page for field in model.fields)
    assert not any(line != line.rstrip() for line in page.splitlines())


@pytest.mark.parametrize("name", CATALOG.names())
def test_every_model_can_be_given_as_json(name: str) -> None:
    model = present(CATALOG.find(name))
    data = json.loads(json.dumps(as_dict(model)))
    assert decode_model(data) == model


def test_every_field_of_every_model_has_a_description() -> None:
    bare = {(model.name, name) for model in CATALOG.models() for name, field in model.fields.items() if not field.description}
    assert bare == set()
