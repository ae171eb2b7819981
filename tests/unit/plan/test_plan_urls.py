"""URLs at which Krea will not find what the field takes are a warning."""

from __future__ import annotations

from pathlib import Path

import pytest

from animatic.catalog.model import Media
from animatic.cli import main
from animatic.plan.urls import doubt_about


@pytest.mark.parametrize(
    ("url", "media", "said"),
    [
        ("http://localhost:8000/a.png", "image", "Krea cannot reach localhost"),
        ("http://127.0.0.1/a.png", "image", "Krea cannot reach 127.0.0.1"),
        ("http://nas.local/a.png", "image", "Krea cannot reach nas.local"),
        ("https://www.dropbox.com/s/abc/a.png?dl=0", "image", "leads to a page"),
        ("https://drive.google.com/file/d/abc/view", "image", "leads to a page"),
        ("https://cdn.example/a.mp4?sig=1", "image", "by its name, a.mp4 is a clip; the field takes an image"),
        ("https://cdn.example/a%20b.JPEG", "video", "by its name, a b.JPEG is an image"),
    ],
)
def test_what_speaks_against_a_url_is_said(url: str, media: Media, said: str) -> None:
    doubt = doubt_about(url, media)
    assert doubt is not None
    assert said in doubt[0]


@pytest.mark.parametrize(
    ("url", "media"),
    [
        ("https://cdn.example/a.png", "image"),
        ("https://cdn.example/a.mp4", "video"),
        ("https://cdn.example/a.mp4", "any"),
        ("https://cdn.example/a", "image"),
        ("https://cdn.example/a.php?x=b.mp4", "image"),
        ("https://www.dropbox.com/s/abc/a.png?dl=1", "image"),
    ],
)
def test_nothing_speaks_against_others(url: str, media: Media) -> None:
    assert doubt_about(url, media) is None


def test_validate_warns_at_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pipelines.yaml").write_text(
        "version: 1\npipelines:\n  p:\n    shots:\n"
        "      - {id: a, model: xai/grok-video, prompt: A, start_image: 'http://localhost:8000/a.png'}\n"
    )
    with pytest.raises(SystemExit) as leaving:
        main(["validate"])
    assert leaving.value.code == 0
    assert "pipelines.yaml:5:64: warning: shot 'a' of 'p': start_image: Krea cannot reach localhost" in capsys.readouterr().err


def test_a_plan_shows_no_secret_of_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pipelines.yaml").write_text(
        "version: 1\ndeliver: ./out\npipelines:\n  p:\n    shots:\n"
        "      - {id: a, model: xai/grok-video, prompt: A, start_image: 'https://mara:hunter2@cdn.example/a.png?sig=f00d'}\n"
    )
    for words in (["plan"], ["validate"]):
        with pytest.raises(SystemExit):
            main(words)
    said = capsys.readouterr()
    assert "https://cdn.example/a.png (start_image)" in said.out
    assert not [secret for secret in ("hunter2", "f00d", "mara") if secret in said.out + said.err]
