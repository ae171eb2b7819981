"""The catalogue: what it holds, how names are found, what a start costs, and what damaged data do to it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from animatic.catalog import Catalog
from animatic.catalog.codec import DATA, DamagedError, decode_model, encode_model
from animatic.catalog.model import KINDS
from animatic.catalog.refresh import save
from animatic.catalog.store import REFRESHED
from tests.present import present

CATALOG = Catalog.load()


def test_every_model_of_the_index_can_be_read_and_agrees_with_it() -> None:
    assert len(CATALOG.names()) == 119
    for model in CATALOG.models():
        listing = CATALOG.listing(model.name)
        assert listing is not None
        assert (model.kind, model.endpoint, model.title) == (listing.kind, listing.endpoint, listing.title)
        assert model.endpoint == f"/generate/{model.kind}/{model.name}"
        assert (model.withdrawn is not None) == listing.withdrawn
        assert {"prompt", "image_url", "video_url"} & model.fields.keys()


def test_no_data_file_is_left_over() -> None:
    files = {path.relative_to(DATA).as_posix() for path in DATA.rglob("*.json") if path.parent != DATA}
    assert files == {f"{model.kind}/{model.name}.json" for model in CATALOG.models()}


def test_names_are_filtered_by_kind() -> None:
    kinds = {kind: CATALOG.names(kind) for kind in KINDS}
    assert {kind: len(names) for kind, names in kinds.items()} == {"video": 48, "image": 38, "audio": 5, "3d": 10, "enhance": 18}
    assert sum(map(len, kinds.values())) == len(CATALOG.names())
    assert "xai/grok-video" in kinds["video"]
    assert "krea/krea-2/large" in kinds["image"]
    assert "topaz/standard-enhance" in kinds["enhance"]
    assert "elevenlabs/tts" in kinds["audio"]
    assert "meshy/meshy-7" in kinds["3d"]


@pytest.mark.parametrize("name", CATALOG.names())
def test_the_stored_form_loses_nothing(name: str) -> None:
    model = present(CATALOG.find(name))
    assert decode_model(encode_model(model)) == model


def test_an_unknown_model_is_none() -> None:
    assert CATALOG.find("xai/nothing") is None
    assert CATALOG.listing("xai/nothing") is None


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("grok-video", "xai/grok-video"),
        ("/generate/video/xai/grok-video", "xai/grok-video"),
        ("XAI/Grok-Video", "xai/grok-video"),
        ("xai/grok_video", "xai/grok-video"),
        ("xai/grokvideo", "xai/grok-video"),
        ("klng/kling-2.5", "kling/kling-2.5"),
        ("kling 2.5", "kling/kling-2.5"),
        ("nano-banana-pro", "google/nano-banana-pro"),
        ("krea-2/large", "krea/krea-2/large"),
    ],
)
def test_the_nearest_name_is_the_one_meant(written: str, meant: str) -> None:
    assert CATALOG.nearest(written)[0] == meant


def test_nothing_is_near_to_nonsense() -> None:
    assert CATALOG.nearest("qqqqqqqqqqqq") == ()


def test_models_that_were_switched_off_are_known_with_what_replaces_them() -> None:
    gone = CATALOG.sunset("bytedance/seedance-1.0-lite")
    assert gone is not None
    assert (gone.date, gone.replacement) == ("2026-04-27", "bytedance/seedance-1.0-pro-fast")
    assert CATALOG.find(present(gone.replacement)) is not None
    assert CATALOG.sunset("sora-2") is not None
    assert CATALOG.sunset("xai/grok-video") is None


def test_entries_are_read_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    real = Path.read_text

    def recorded(self: Path, *args: Any, **kwargs: Any) -> str:
        read.append(self.name)
        return real(self, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", recorded)
    catalog = Catalog.load()
    assert read == ["index.json"]
    catalog.find("xai/grok-video")
    catalog.find("xai/grok-video")
    assert read.count("grok-video.json") == 1


def test_importing_the_catalogue_is_cheap() -> None:
    heavy = {"jsonschema", "pydantic", "yaml", "httpx", "prefect", "rich", "asyncio"}
    code = f"import sys, animatic.catalog; print(*({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_the_built_in_catalogue_says_where_it_is_from(tmp_path: Path) -> None:
    catalog = Catalog.load(tmp_path)
    assert (catalog.origin, catalog.date, catalog.warning) == ("built in", "2026-11-25", None)


def refreshed(state: Path, day: str = "2027-01-01") -> Path:
    model = present(CATALOG.find("xai/grok-video"))
    return save({model.name: replace(model, title="Newer")}, state, date=day)


def test_refreshed_data_win_over_the_built_in_ones(tmp_path: Path) -> None:
    refreshed(tmp_path)
    catalog = Catalog.load(tmp_path)
    assert (catalog.origin, catalog.date, catalog.warning) == ("refreshed", "2027-01-01", None)
    assert catalog.names() == ("xai/grok-video",)
    assert present(catalog.find("xai/grok-video")).title == "Newer"


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[:-200],
        lambda text: text.replace("Newer", "Older"),
        lambda text: text.replace('"version": 1', '"version": 2'),
        lambda text: text.replace('"date"', '"day"'),
        lambda text: "[]\n[]\n",
        lambda text: "not json\nat all\n",
        lambda text: text + text,
    ],
    ids=["empty", "cut", "altered", "another version", "without date", "lists", "not JSON", "doubled"],
)
def test_damaged_refreshed_data_are_ignored_and_named(tmp_path: Path, damage: Callable[[str], str]) -> None:
    path = refreshed(tmp_path)
    path.write_text(damage(path.read_text("utf-8")), "utf-8")
    catalog = Catalog.load(tmp_path)
    assert catalog.origin == "built in"
    assert len(catalog.names()) == 119
    assert str(path) in present(catalog.warning)
    assert "damaged" in present(catalog.warning)


def test_refreshed_data_that_cannot_be_read_are_ignored(tmp_path: Path) -> None:
    (tmp_path / REFRESHED).mkdir(parents=True)
    assert "damaged" in present(Catalog.load(tmp_path).warning)


def test_refreshed_data_older_than_the_package_are_ignored(tmp_path: Path) -> None:
    refreshed(tmp_path, date(2026, 1, 1).isoformat())
    catalog = Catalog.load(tmp_path)
    assert catalog.origin == "built in"
    assert "older" in present(catalog.warning)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "smell"},
        {"fields": {"prompt": {"type": "text"}}},
        {"fields": {"prompt": {"type": "string", "media": "smell"}}},
        {"fields": None},
        {"price": {"unit": "hour", "rows": [], "complete": True}},
        {"price": {"unit": "second", "rows": [{"when": {}, "usd": "cheap"}], "complete": True}},
        {"price": {"unit": "second", "rows": [{"when": {}, "usd": "-1"}], "complete": True}},
        {"price": {"unit": "second", "rows": [{"when": {}, "usd": "NaN"}], "complete": True}},
    ],
)
def test_an_entry_of_another_form_is_refused(change: dict[str, Any]) -> None:
    data = encode_model(present(CATALOG.find("xai/grok-video")))
    with pytest.raises(DamagedError):
        decode_model({**data, **change})
