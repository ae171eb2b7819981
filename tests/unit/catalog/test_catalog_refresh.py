"""Refreshing: what a live document changes, what stays, and that nothing is half done."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Never

import pytest

from animatic.catalog import Catalog, price_of
from animatic.catalog.model import KINDS, Kind
from animatic.catalog.refresh import diff, merge, refresh
from animatic.catalog.store import REFRESHED
from animatic.errors import UsageError
from tests.present import present
from tests.unit.catalog.request_schema import model_schema

TODAY = date(2026, 12, 24)
BUILT_IN = Catalog.load()
BEFORE = {model.name: model for model in BUILT_IN.models()}


def schema_of(name: str, **changes: Any) -> dict[str, Any]:
    """Return a model's schema as Krea would write it, with changed fields (None: gone)."""
    schema = model_schema(BEFORE[name])
    properties = {**schema["properties"], **changes}
    return {**schema, "properties": {key: value for key, value in properties.items() if value is not None}}


def document(**routes: Any) -> dict[str, Any]:
    paths = {}
    for name, item in routes.items():
        schema, more = item if isinstance(item, tuple) else (item, {})
        paths[BEFORE[name].endpoint if name in BEFORE else f"/generate/video/{name}"] = {
            "post": {"summary": name, "requestBody": {"content": {"application/json": {"schema": schema}}}, **more}
        }
    return {"openapi": "3.1.0", "paths": paths}


def everything() -> dict[str, Any]:
    return document(**{name: schema_of(name) for name in BEFORE})


def test_a_document_that_says_the_same_changes_nothing_but_the_date(tmp_path: Path) -> None:
    changes = refresh(everything(), tmp_path, today=TODAY)
    details = [detail for lines in changes.changed.values() for detail in lines if detail != "is back"]
    assert (changes.added, changes.withdrawn, details) == ((), (), [])
    catalog = Catalog.load(tmp_path)
    assert (catalog.origin, catalog.date, catalog.names()) == ("refreshed", "2026-12-24", BUILT_IN.names())
    for model in catalog.models():
        assert model.price == BEFORE[model.name].price
        assert model.aliases == BEFORE[model.name].aliases
        assert model.fields.keys() == BEFORE[model.name].fields.keys()


def test_a_second_refresh_with_the_same_document_changes_nothing(tmp_path: Path) -> None:
    refresh(everything(), tmp_path, today=TODAY)
    changes = refresh(everything(), tmp_path, today=TODAY)
    assert not changes
    assert str(changes) == "no changes"


def test_new_gone_and_changed_limits_fields_and_prices_are_told(tmp_path: Path) -> None:
    routes: dict[str, Any] = {name: schema_of(name) for name in BEFORE if name != "google/veo-2"}
    routes["xai/grok-video"] = (
        schema_of(
            "xai/grok-video",
            duration={"type": "number", "minimum": 1, "maximum": 20, "default": 6},
            edit_video=None,
            loop={"type": "boolean"},
        ),
        {
            "x-krea-pricing": {
                "type": "fixed",
                "unit": "request",
                "currency": "USD",
                "price_points": [{"amount": "0.6", "dimensions": {"duration": 6}}],
            }
        },
    )
    routes["xai/grok-video-3"] = {"type": "object", "properties": {"prompt": {"type": "string"}}}
    changes = refresh(document(**routes), tmp_path, today=TODAY)
    assert changes.added == ("xai/grok-video-3",)
    assert changes.withdrawn == ("google/veo-2",)
    assert changes.changed["xai/grok-video"] == (
        "edit_video: gone",
        "loop: new",
        "duration: maximum 15 -> 20",
        "price: $0.05 to $0.07 per second -> $0.60 per generation",
    )
    assert "~ xai/grok-video" in str(changes)
    catalog = Catalog.load(tmp_path)
    grok = present(catalog.find("xai/grok-video"))
    assert price_of(grok, {}).usd == Decimal("0.6")
    assert price_of(grok, {}).seen == "2026-12-24"
    assert price_of(grok, {"duration": 7}).usd is None
    assert "edit_video" in grok.removed
    assert present(catalog.find("google/veo-2")).withdrawn == "absent from Krea's API document of 2026-12-24"
    assert present(catalog.find("google/veo-2")).price == BEFORE["google/veo-2"].price


def test_a_price_that_the_document_lacks_stays_with_its_own_date() -> None:
    after, _ = merge(everything(), BEFORE, today=TODAY)
    assert present(after["xai/grok-video"].price).seen == "2026-08-31"
    assert after["xai/grok-video"].fields_date == "2026-12-24"


def test_a_price_that_cannot_be_read_is_unknown_rather_than_old() -> None:
    routes = {"xai/grok-video": (schema_of("xai/grok-video"), {"x-krea-pricing": {"type": "metered"}})}
    after, skipped = merge(document(**routes), BEFORE, today=TODAY)
    assert after["xai/grok-video"].price is None
    assert any("price" in reason for reason in skipped)


def test_a_route_that_cannot_be_read_keeps_its_entry() -> None:
    routes = {"xai/grok-video": {"properties": {"x": {"type": "money"}}}, "google/veo-2": schema_of("google/veo-2")}
    after, skipped = merge(document(**routes), BEFORE, today=TODAY)
    assert after["xai/grok-video"] == BEFORE["xai/grok-video"]
    assert len(skipped) == 1


def test_decisions_hold_until_the_document_says_otherwise() -> None:
    guide = ("width", "height", "fps", "seed", "model")
    plain = dict.fromkeys(guide)
    after, _ = merge(document(**{"kling/kling-2.5": schema_of("kling/kling-2.5", **plain)}), BEFORE, today=TODAY)
    kling = after["kling/kling-2.5"]
    assert kling.fields["fps"].caution
    assert "fps" not in kling.removed
    known = {**plain, "fps": {"type": "number", "enum": [24, 60]}}
    after, _ = merge(document(**{"kling/kling-2.5": schema_of("kling/kling-2.5", **known)}), BEFORE, today=TODAY)
    kling = after["kling/kling-2.5"]
    assert (kling.fields["fps"].enum, kling.fields["fps"].caution) == ((24, 60), "")


@pytest.mark.parametrize(
    "garbage", [None, {}, {"openapi": "3.1.0", "paths": {}}, {"openapi": "3.1.0", "paths": {"/generate/video/a/b": {"post": {}}}}]
)
def test_a_document_that_is_refused_changes_nothing(tmp_path: Path, garbage: Any) -> None:
    refresh(everything(), tmp_path, today=TODAY)
    before = (tmp_path / REFRESHED).read_bytes()
    with pytest.raises(UsageError):
        refresh(garbage, tmp_path, today=TODAY)
    assert (tmp_path / REFRESHED).read_bytes() == before


def test_a_write_that_fails_leaves_the_old_catalogue_and_no_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refresh(everything(), tmp_path, today=TODAY)
    before = (tmp_path / REFRESHED).read_bytes()

    def fail(self: Path, target: object) -> Never:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        refresh(everything(), tmp_path, today=TODAY)
    assert [path.name for path in (tmp_path / REFRESHED).parent.iterdir()] == [REFRESHED.name]
    assert (tmp_path / REFRESHED).read_bytes() == before


def test_differences_inside_lists_objects_and_forms_are_told() -> None:
    kling, seedance = BEFORE["kling/kling-1"], BEFORE["bytedance/seedance-2"]
    routes = document(
        **{
            "bytedance/seedance-2": schema_of(
                "bytedance/seedance-2",
                reference_images={"type": "array", "maxItems": 4, "items": {"type": "string", "format": "uri"}},
                effects={"type": "array", "items": {"type": "object", "properties": {"id": {"type": "string"}}}},
            ),
            "kling/kling-1": schema_of(
                "kling/kling-1",
                camera_control={"oneOf": [{"type": "object", "properties": {"type": {"const": "simple"}}}, {"type": "boolean"}]},
            ),
        }
    )
    after, _ = merge(routes, BEFORE, today=TODAY)
    changed = diff({"k": kling, "s": seedance}, {"k": after["kling/kling-1"], "s": after["bytedance/seedance-2"]}, date="x").changed
    assert "reference_images: max_items 9 -> 4" in changed["s"]
    assert "reference_images[]: max_length 1024 -> none" in changed["s"]
    assert "effects[].name: gone" in changed["s"]
    assert "effects[].id: required true -> false" in changed["s"]
    assert "camera_control: 5 -> 2 forms" in changed["k"]
    assert "camera_control (form 1).config: gone" in changed["k"]


def seed(default: int | None) -> dict[str, Any]:
    return {"type": "number"} | ({} if default is None else {"default": default})


def test_a_seed_that_is_drawn_anew_at_every_fetch_is_no_change_and_no_default(tmp_path: Path) -> None:
    names = ("bfl/flux-1-dev", "topaz/bloom-enhance", "xai/grok-video")
    first = document(**{name: schema_of(name, seed=seed(3114443573 if name != "topaz/bloom-enhance" else 1337)) for name in names})
    refresh(first, tmp_path, today=TODAY)
    catalog = Catalog.load(tmp_path)
    assert not present(catalog.find("bfl/flux-1-dev")).fields["seed"].has_default
    assert not present(catalog.find("xai/grok-video")).fields["seed"].has_default
    assert present(catalog.find("topaz/bloom-enhance")).fields["seed"].default == 1337
    second = document(**{name: schema_of(name, seed=seed(1513805061)) for name in names})
    assert not refresh(second, tmp_path, today=TODAY)
    assert not present(Catalog.load(tmp_path).find("topaz/bloom-enhance")).fields["seed"].has_default


@pytest.mark.parametrize("kind", KINDS)
def test_a_refresh_keeps_new_routes_of_every_kind(kind: Kind, tmp_path: Path) -> None:
    live = everything()
    live["paths"][f"/generate/{kind}/acme/next"] = {
        "post": {"requestBody": {"content": {"application/json": {"schema": {"properties": {"prompt": {"type": "string"}}}}}}}
    }
    changes = refresh(live, tmp_path, today=TODAY)
    assert (changes.added, changes.skipped) == (("acme/next",), ())
    catalog = Catalog.load(tmp_path)
    assert present(catalog.find("acme/next")).kind == kind
    assert {each: len(catalog.names(each)) for each in KINDS} == {each: len(BUILT_IN.names(each)) + (each == kind) for each in KINDS}


def test_the_price_of_a_kind_that_has_no_footage_is_due_once(tmp_path: Path) -> None:
    pricing = {"x-krea-pricing": {"type": "fixed", "unit": "request", "currency": "USD", "price_points": [{"amount": "0.3"}]}}
    refresh(document(**{name: (schema_of(name), pricing) for name in ("elevenlabs/tts", "microsoft/trellis-2")}), tmp_path, today=TODAY)
    for name in ("elevenlabs/tts", "microsoft/trellis-2"):
        model = present(Catalog.load(tmp_path).find(name))
        assert (present(model.price).unit, price_of(model, {"prompt": "x"}).usd) == ("generation", Decimal("0.3"))
