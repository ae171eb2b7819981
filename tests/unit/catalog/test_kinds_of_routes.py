"""What the committed catalogue knows of each kind: how many routes, what comes out of them, what they take, what they cost."""

from __future__ import annotations

import subprocess
import sys
import timeit
from collections import Counter
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from animatic.catalog import Catalog, price_of
from animatic.catalog.browse import describe, elsewhere, taker
from animatic.catalog.codec import DATA
from animatic.catalog.model import YIELDS, media_fields, yields
from animatic.catalog.price import duration_of
from animatic.plan import check_declaration
from animatic.spec import load_declaration
from tests.present import present

CATALOG = Catalog.load()
LIVE = [model for model in CATALOG.models() if not model.withdrawn]


def test_the_live_routes_are_those_of_the_newest_document() -> None:
    assert Counter(model.kind for model in LIVE) == {"video": 41, "image": 34, "enhance": 18, "3d": 10, "audio": 5}
    assert {model.fields_date for model in LIVE} == {"2026-10-09"}
    assert len(CATALOG.names()) - len(LIVE) == 11


def test_each_enhancer_gives_back_what_it_takes() -> None:
    made = Counter(yields(model) for model in LIVE if model.kind == "enhance")
    assert made == {"video": 9, "image": 9}
    for model in LIVE:
        if model.kind == "enhance":
            source = {"video": "video_url", "image": "image_url"}[yields(model)]
            assert model.fields[source].required
            assert media_fields(model)[source] == yields(model)


def test_every_result_has_models_that_make_it() -> None:
    assert {yields(model) for model in LIVE} == set(YIELDS)


def test_fields_that_take_sound_are_told_from_others() -> None:
    takers = {model.name: [name for name, media in media_fields(model).items() if media == "audio"] for model in LIVE}
    found = {name: fields for name, fields in takers.items() if fields}
    assert found["alibaba/wan-2.5"] == ["audio_url"]
    assert {name for name, fields in found.items() if fields == ["reference_audios[]"]} >= {"alibaba/wan-3.0", "minimax/h3-max"}
    assert not any("any" in media_fields(model).values() for model in LIVE if model.kind in {"audio", "3d", "enhance"})


@pytest.mark.parametrize("name", ["elevenlabs/tts", "microsoft/trellis-2", "topaz/video-upscale", "krea/enhance"])
def test_a_price_that_nobody_knows_is_unknown_and_not_nothing(name: str) -> None:
    price = price_of(present(CATALOG.find(name)), {"prompt": "x"})
    assert price.usd is None
    assert price.note


@pytest.mark.parametrize(
    ("name", "body", "usd"),
    [
        ("minimax/h3-max-turbo", {}, "0.05"),
        ("minimax/h3-max-turbo", {"resolution": "1080p", "duration": 10}, "0.2"),
        ("alibaba/wan-3.0", {"resolution": "480p", "duration": 4}, "0.3"),
        ("alibaba/wan-3.0", {"reference_images": [None, None]}, "0.75"),
    ],
)
def test_prices_that_were_found_last_have_their_day_and_source(name: str, body: dict[str, object], usd: str) -> None:
    price = price_of(present(CATALOG.find(name)), body)
    assert (price.usd, price.seen) == (Decimal(usd), "2026-09-15")
    assert "x-krea-pricing" in price.source


def test_what_references_to_clips_and_sound_add_is_unknown() -> None:
    model = present(CATALOG.find("alibaba/wan-3.0"))
    assert price_of(model, {"reference_audios": [None]}).usd is None


def test_the_length_of_music_is_read_in_milliseconds() -> None:
    assert duration_of(present(CATALOG.find("elevenlabs/music")), {"music_length_ms": 12500}) == Decimal("12.5")
    assert duration_of(present(CATALOG.find("elevenlabs/tts")), {}) is None


def test_alternatives_to_an_enhancer_make_the_same() -> None:
    clips, stills = present(CATALOG.find("topaz/astra")), present(CATALOG.find("topaz/bloom-enhance"))
    assert elsewhere(CATALOG, clips, "image_url") is None
    assert "'prompt' is a field of" in present(elsewhere(CATALOG, clips, "prompt"))
    assert present(taker(CATALOG, stills, "creativity", -3, {"creativity": -3})).startswith("magnific/creative-enhance")
    assert "Takes a clip and gives one back." in describe(clips)
    assert "Takes a picture and gives one back." in describe(stills)


def test_models_that_refuse_what_krea_does_not_host_are_known() -> None:
    assert {model.name for model in LIVE if model.hosted_only} == {"bfl/flux-1-kontext-dev", "bytedance/seedream-4"}


def test_loading_the_catalogue_reads_no_entry_however_many_there_are() -> None:
    code = (
        "import sys, pathlib; read = []; real = pathlib.Path.read_text\n"
        "pathlib.Path.read_text = lambda self, *a, **k: (read.append(self.name), real(self, *a, **k))[1]\n"
        "from animatic.catalog import Catalog; catalog = Catalog.load(); catalog.find('elevenlabs/tts'); print(*read)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["index.json", "tts.json", "descriptions.json"]


STORYBOARD = """
version: 1
defaults: {video: {model: xai/grok-video, resolution: 480p}, audio: {model: elevenlabs/tts}}
pipelines:
  coast: {shots: [{id: dawn, prompt: Dawn, duration: 4}, {id: vo, kind: audio, prompt: Good morning}]}
"""


def test_a_check_of_a_file_reads_the_entries_of_its_models_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pipelines.yaml").write_text(STORYBOARD)
    read: list[str] = []
    real = Path.read_text

    def recorded(self: Path, *args: Any, **kwargs: Any) -> str:
        if DATA in self.parents:
            read.append(self.relative_to(DATA).as_posix())
        return real(self, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", recorded)
    assert check_declaration(load_declaration((tmp_path / "pipelines.yaml",)), Catalog.load()) == ()
    assert {name for name in read if "/" in name} == {"video/xai/grok-video.json", "audio/elevenlabs/tts.json"}


def test_finding_a_model_costs_no_more_among_twenty_times_as_many() -> None:
    """The index alone grows with the routes: a start reads one file of a line per route, and finding is a look into a mapping."""
    listed = {model.name: model for model in CATALOG.models()}
    many = {f"{name}-{number}": model for number in range(20) for name, model in listed.items()} | listed
    few, crowded = (Catalog.of(models, date="x") for models in (listed, many))
    seconds = [min(timeit.repeat(partial(catalog.find, "elevenlabs/tts"), number=2000, repeat=5)) for catalog in (few, crowded)]
    assert seconds[1] < 3 * seconds[0]
