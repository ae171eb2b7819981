"""Prices: facts of the request looked up in the price list, exactly, and unknown where no row tells."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from animatic.catalog import Catalog, duration_of, is_stale, price_of
from animatic.catalog.model import Field, Model, Price, PriceTable
from tests.present import present

CATALOG = Catalog.load()


@pytest.mark.parametrize(
    ("model", "body", "usd"),
    [
        ("xai/grok-video", {}, "0.42"),  # defaults: 6 s at 720p
        ("xai/grok-video", {"duration": 15, "resolution": "480p"}, "0.75"),
        ("xai/grok-video", {"duration": 2.5}, "0.175"),
        ("google/veo-2", {"duration": 8}, "4.0"),
        ("google/veo-3", {"generate_audio": True, "duration": 4}, "1.68"),
        ("google/veo-3", {"duration": 4}, "0.84"),
        ("google/veo-3.1-fast", {"duration": 6, "resolution": "4K", "generate_audio": True}, "1.89"),
        ("google/veo-3.1", {"duration": 4}, "0.84"),
        ("kling/kling-3.0", {"mode": "pro", "duration": 10, "generate_audio": True}, "3.528"),
        ("kling/kling-o1", {"duration": 5}, "0.588"),
        ("kling/kling-o1", {"duration": 5, "video_reference": {"url": None, "tag": "cat"}}, "0.882"),
        ("bytedance/seedance-2", {"duration": 10, "resolution": "1080p"}, "7.168"),
        ("bytedance/seedance-2", {"duration": 10, "resolution": "1080p", "reference_videos": [None]}, "4.301"),
        ("bytedance/seedance-2", {"duration": 10, "resolution": "1080p", "reference_videos": []}, "7.168"),
        ("lightricks/ltx-video-2.3-22b", {"duration": 20}, "0.7126"),
        ("lightricks/ltx-video-2.3-22b", {"duration": 20, "styles": [{"id": "x", "strength": 1}]}, "0.8014"),
        ("minimax/hailuo-02", {"resolution": "512p", "duration": 10.0}, "0.1575"),
        ("minimax/hailuo-2.3", {"resolution": "1080p", "duration": 10}, "0.5145"),
        ("minimax/hailuo-3", {"duration": 5, "reference_images": [None] * 5}, "0.6825"),
        ("minimax/h3-max", {"resolution": "480p"}, "0.25"),
        ("google/nano-banana-pro", {}, "0.15"),
        ("google/nano-banana-pro", {"resolution": "4K"}, "0.3"),
        ("ideogram/ideogram-3", {"character_reference_images": [None]}, "0.1575"),
        ("ideogram/ideogram-3", {}, "0.063"),
        ("krea/krea-2/large", {}, "0.06"),
        ("krea/krea-2/large", {"image_style_references": [{"url": None}]}, "0.065"),
        ("krea/krea-2/large", {"image_style_references": [{"url": None}], "moodboards": [{"id": "x"}]}, "0.07"),
        ("luma/uni-1", {"style_images": [{"strength": 1}] * 2}, "0.0464"),
        ("xai/grok-imagine-2-edit", {"quality": "low", "resolution": "1K", "image_urls": [None]}, "0.0525"),
    ],
)
def test_the_price_of_a_request_follows_its_facts_and_the_models_defaults(model: str, body: dict[str, Any], usd: str) -> None:
    price = price_of(present(CATALOG.find(model)), body)
    assert price.usd == Decimal(usd)
    assert price.source
    assert price.seen


@pytest.mark.parametrize(
    ("model", "body", "reason"),
    [
        ("kling/kling-2.5", {"duration": 5}, "no price of kling/kling-2.5 is known"),
        ("google/veo-3.1", {"duration": 6}, "fits resolution: 720p, audio: no, duration: 6"),
        ("minimax/h3-max", {"resolution": "1080p"}, "fits resolution: 1080p"),
        ("minimax/h3-max", {"reference_images": [None]}, "with reference_images is not known"),
        ("minimax/hailuo-3", {"reference_images": [None] * 6}, "fits reference images: 6"),
        ("minimax/hailuo-3", {"reference_videos": [None]}, "with reference_videos is not known"),
        ("lightricks/ltx-video-2.3-22b", {"num_frames": 120}, "with num_frames is not known"),
        ("xai/grok-imagine-2", {"resolution": "1K"}, "fits quality: medium"),
        ("luma/uni-1", {"mode": "max"}, "fits mode: max"),
        ("bytedance/seedream-5-pro", {"width": 1024, "height": 1024}, "resolution tier: unset"),
    ],
)
def test_where_no_row_tells_the_price_is_unknown_with_the_reason(model: str, body: dict[str, Any], reason: str) -> None:
    price = price_of(present(CATALOG.find(model)), body)
    assert price.usd is None
    assert reason in price.note


def test_prices_are_decimals_from_end_to_end() -> None:
    for model in CATALOG.models():
        for _, usd in model.price.rows if model.price else ():
            assert isinstance(usd, Decimal)
            assert usd > 0
    grok = present(CATALOG.find("xai/grok-video"))
    assert str(price_of(grok, {"duration": 0.1 + 0.2 + 1}).usd) == "0.091"


@pytest.mark.parametrize("duration", [float("nan"), float("inf"), -1, 0, True, "5"])
def test_a_length_that_is_none_gives_no_price(duration: Any) -> None:
    grok = present(CATALOG.find("xai/grok-video"))
    assert duration_of(grok, {"duration": duration}) is None
    assert price_of(grok, {"duration": duration}).usd is None


def test_a_clip_that_is_edited_without_a_duration_is_an_estimate_and_says_so() -> None:
    price = price_of(present(CATALOG.find("xai/grok-video")), {"edit_video": None})
    assert price.usd == Decimal("0.42")
    assert "estimated" in price.note


def test_every_condition_of_a_price_row_is_a_fact_that_a_request_has() -> None:
    derived = {"audio", "billable_seconds", "character_reference", "duration", "lora", "reference_images", "tier", "video_reference"}
    unreadable = {("bytedance/seedream-5-pro", "resolution_tier")}
    for model in CATALOG.models():
        for when, _ in model.price.rows if model.price else ():
            for fact in when:
                assert fact in derived or fact in model.fields or (model.name, fact) in unreadable


def test_every_price_table_says_where_and_when_it_was_seen() -> None:
    for model in CATALOG.models():
        if model.price is not None:
            assert model.price.source
            date.fromisoformat(model.price.seen)


def test_a_row_matches_a_truth_value_only_by_a_truth_value() -> None:
    table = PriceTable(unit="image", rows=(({"audio": True}, Decimal(2)), ({"quality": 1}, Decimal(1))), complete=True, source="x")
    model = Model(name="a/b", title="B", kind="image", endpoint="/x", fields={"quality": Field(type="number")}, price=table)
    assert price_of(model, {"quality": 1}).usd == 1
    assert price_of(model, {"quality": True}).usd is None
    assert price_of(model, {"generate_audio": 1}).usd is None
    assert price_of(model, {"generate_audio": True}).usd == 2


def test_a_price_is_stale_after_ninety_days_or_without_a_date() -> None:
    known = Price(usd=Decimal(1), seen="2026-08-31")
    assert not is_stale(known, date(2026, 11, 29))
    assert is_stale(known, date(2026, 11, 30))
    assert is_stale(Price(usd=Decimal(1)), date(2026, 11, 30))
    assert not is_stale(Price(usd=None, seen="2020-01-01"), date(2026, 11, 30))
