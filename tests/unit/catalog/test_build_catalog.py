"""Building the committed data from a survey of the API."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from animatic.catalog.codec import DATA, decode_model, encode_model
from tests.present import present
from tools import build_catalog

ROUTE = {
    "endpoint": "/generate/video/acme/reel-1",
    "kind": "video",
    "provider": "acme",
    "model": "reel-1",
    "title": "Reel 1*",
    "fields": {
        "prompt": {"type": "string", "max_length": 10, "required": True},
        "start_image": {"type": "string", "format": "uri", "nullable": True, "required": False},
        "guidance_scale_flux": {"type": "number", "required": False},
    },
    "fields_2026_10": {
        "prompt": {"type": "string", "max_length": 20, "required": True},
        "start_image": {"type": "string", "format": "uri", "nullable": True, "max_length": 1024, "required": False},
        "guidance_scale": {"type": "number", "exclusive_minimum": 0, "default": 2.5, "required": False},
        "effects": {
            "type": "array",
            "items": {"type": "object", "properties": {"asset_url": {"type": "string", "format": "uri"}}, "required": ["asset_url"]},
            "required": False,
        },
    },
    "deprecated_aliases": {"startImage": {"new": "start_image", "sunset": "2026-06-19"}},
    "compute_units": [{"avg_seconds": 60}, {"avg_seconds": 80}, {"cu": 3}],
    "usd": {
        "unit": "second",
        "rows": [{"when": {}, "price": 0.07}],
        "source_url": "https://krea.example",
        "source_kind": "krea-docs",
        "complete": True,
    },
    "first_seen": "openapi-2026",
    "in_openapi_2026_10_03": True,
}


def test_a_surveyed_route_becomes_an_entry() -> None:
    model = build_catalog.build_model(build_catalog.plain(json.loads(json.dumps(ROUTE), parse_float=Decimal)))
    assert (model.name, model.title, model.withdrawn, model.fields_date) == ("acme/reel-1", "Reel 1", None, "2026-10-03")
    assert list(model.fields) == ["prompt", "start_image", "guidance_scale", "effects"]
    assert model.fields["prompt"].max_length == 20
    assert (model.fields["start_image"].media, model.fields["start_image"].nullable) == ("image", True)
    assert model.fields["guidance_scale"].exclusive_minimum == 0
    assert present(present(model.fields["effects"].items).properties)["asset_url"].required
    assert model.removed == {"guidance_scale_flux": "guidance_scale"}
    assert (model.aliases, model.aliases_until) == ({"startImage": "start_image"}, "2026-06-19")
    assert (present(model.price).rows, present(model.price).seen) == ((({}, Decimal("0.07")),), "2026-08-31")
    assert model.typical_seconds == 70
    assert decode_model(encode_model(model)) == model


def test_a_route_that_the_newest_document_lacks_is_withdrawn() -> None:
    model = build_catalog.build_model({**ROUTE, "in_openapi_2026_10_03": False})
    assert model.withdrawn == "absent from Krea's API document of 2026-10-03"


def test_files_are_written_for_people_and_old_ones_disappear(tmp_path: Path) -> None:
    old = tmp_path / "image" / "gone" / "model.json"
    old.parent.mkdir(parents=True)
    old.write_text("{}")
    model = build_catalog.build_model(ROUTE)
    build_catalog.write([model], tmp_path)
    assert not old.exists()
    text = (tmp_path / "video" / "acme" / "reel-1.json").read_text("utf-8")
    assert decode_model(json.loads(text)) == model
    assert '    "prompt": {"type": "string", "required": true, "max_length": 20},\n' in text
    assert json.loads((tmp_path / "index.json").read_text("utf-8"))["models"][0]["name"] == "acme/reel-1"


def test_the_command_says_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert build_catalog.main([]) == 2
    assert "SURVEY.json" in capsys.readouterr().err


def test_the_command_writes_into_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    survey = tmp_path / "survey.json"
    survey.write_text(json.dumps([ROUTE]), "utf-8")
    monkeypatch.setattr(build_catalog, "DATA", tmp_path)
    assert build_catalog.main([str(survey)]) == 0
    assert "1 models" in capsys.readouterr().out
    assert (tmp_path / "index.json").exists()


@pytest.mark.parametrize("path", sorted(DATA.rglob("*.json")), ids=lambda path: path.relative_to(DATA).as_posix())
def test_the_committed_files_have_the_form_that_the_build_writes(path: Path) -> None:
    text = path.read_text("utf-8")
    if path.name in {"curated.json", "descriptions.json"}:
        json.loads(text)
    else:
        assert build_catalog.dumps(json.loads(text)) == text
