"""``models``: lists, filters and describes models, and refreshes them from Krea."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.unit.cli.conftest import GOOD, Verb


def test_models_are_listed_and_filtered(animatic: Verb) -> None:
    said = animatic("models", "--takes", "edit_video")
    assert said.out.splitlines()[0].split() == ["MODEL", "KIND", "SECONDS", "RATIOS", "REQUEST", "PRICE", "TAKES"]
    assert "xai/grok-video " in said.out
    assert "models, as of" in said.err
    listed = animatic("models", "--kind", "video", "--max-price", "0.50", "--json").json
    assert isinstance(listed, dict)
    assert all(model["kind"] == "video" and model["usd"] <= 0.5 for model in listed["models"])
    assert any(model["name"] == "xai/grok-video" for model in listed["models"])


def test_several_kinds_mean_any_of_them_and_every_other_filter_narrows(animatic: Verb) -> None:
    def names(*options: str) -> set[str]:
        listed = animatic("models", "--json", *options).json
        assert isinstance(listed, dict)
        return {model["name"] for model in listed["models"]}

    video, image = names("--kind", "video"), names("--kind", "image")
    assert video
    assert image
    assert not video & image
    assert names("--kind", "video", "--kind", "image") == video | image
    fields = ("--takes", "start_image", "--takes", "end_image")
    assert names(*fields) == names("--takes", "start_image") & names("--takes", "end_image")
    assert names("--kind", "video", "--kind", "image", *fields) == names(*fields) & (video | image)
    assert "xai/grok-video" in names("xai/grok-video", "--kind", "video")
    refused = animatic("models", "xai/grok-video", "--kind", "image")
    assert (refused.code, "no model takes all of that" in refused.err) == (2, True)


def test_one_model_is_described(animatic: Verb) -> None:
    said = animatic("models", "xai/grok-video")
    assert "POST /generate/video/xai/grok-video" in said.out
    assert "start_image" in said.out
    described = animatic("models", "xai/grok-video", "--json").json
    assert isinstance(described, dict)
    assert described["fields"]["duration"]["maximum"] == 15


@pytest.fixture
def krea() -> Iterator[str]:
    """Serve an OpenAPI document with one route on this machine."""
    body = {
        "type": "object",
        "required": ["prompt"],
        "properties": {"prompt": {"type": "string"}, "duration": {"type": "number", "maximum": 99}},
    }
    pricing = {"type": "fixed", "unit": "second", "currency": "USD", "price_points": [{"amount": "0.11", "dimensions": {}}]}
    operation = {"requestBody": {"content": {"application/json": {"schema": body}}}, "x-krea-pricing": pricing}
    document = {"openapi": "3.1.0", "info": {"title": "Krea"}, "paths": {"/generate/video/xai/grok-video": {"post": operation}}}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = json.dumps(document).encode()
            self.send_response(200 if self.path == "/openapi.json" else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_models_are_refreshed_from_krea_and_the_next_plan_uses_them(animatic: Verb, krea: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KREA_API_URL", krea)
    said = animatic("models", "--refresh", "--max-price", "1", "--kind", "video")
    assert said.code == 0
    assert "~ xai/grok-video" in said.err
    assert "(refreshed)" in said.err
    monkeypatch.delenv("KREA_API_URL")
    Path("pipelines.yaml").write_text(GOOD.replace("duration: 4, start_image: dawn", "duration: 40"), encoding="utf-8")
    said = animatic("plan")
    assert "$4.40" in said.out
    assert said.code == 3
