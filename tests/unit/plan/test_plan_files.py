"""Reference files: what is taken, what is refused before anything is sent, and how they are hashed."""

from __future__ import annotations

import hashlib
import os
import zlib
from pathlib import Path

import pytest
from PIL import Image

from animatic.cli import main
from animatic.limits import MAX_UPLOAD_BYTES
from animatic.plan.files import BadFileError, inspect


def test_content_is_hashed_once_per_version_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "still.png"
    for content in (b"\x89PNG\r\n\x1a\n first", b"\x89PNG\r\n\x1a\n second one"):
        file.write_bytes(content)
        local = inspect(file, "still.png")
        assert local.size == len(content)
        assert local.sha256 == hashlib.sha256(content).hexdigest()


def test_a_file_beyond_the_upload_limit_is_refused_unread(tmp_path: Path) -> None:
    file = tmp_path / "big.mp4"
    with file.open("wb") as sparse:
        sparse.truncate(MAX_UPLOAD_BYTES + 1)
    with pytest.raises(BadFileError, match=r"has 75.0 MB; Krea takes up to 75.0 MB"):
        inspect(file, "big.mp4")


def grow(png: Path, size: int) -> None:
    """Bring a PNG to the size with a private chunk of zeros, which every reader skips, before its end."""
    content = png.read_bytes()
    body, end = content[:-12], content[-12:]
    padding = size - len(content) - 12
    head = padding.to_bytes(4) + b"prVt"
    check = zlib.crc32(bytes(padding), zlib.crc32(b"prVt")).to_bytes(4)
    with png.open("wb") as file:
        file.write(body + head)
        file.seek(padding, os.SEEK_CUR)
        file.write(check + end)


@pytest.mark.parametrize("verb", [["validate"], ["run", "teaser", "--simulate"]], ids=["validate", "run"])
def test_a_still_of_77_million_bytes_is_an_error_at_its_line_and_nothing_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: list[str]
) -> None:
    """77,000,000 bytes are more than 75 MB but less than 75 MiB: Krea may read its limit either way."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    Image.new("RGB", (64, 64)).save("big.png")
    grow(Path("big.png"), 77_000_000)
    with Image.open("big.png") as image:
        image.load()
    Path("pipelines.yaml").write_text(
        "version: 1\n"
        "defaults:\n"
        "  video: {model: xai/grok-video, resolution: 480p, duration: 1}\n"
        "pipelines:\n"
        "  teaser:\n"
        "    shots:\n"
        "      - {id: first, prompt: One}\n"
        "      - {id: second, prompt: Two, start_image: big.png}\n",
        encoding="utf-8",
    )
    with pytest.raises(SystemExit) as leaving:
        main(verb)
    assert leaving.value.code == 2
    told = "".join(capsys.readouterr())
    assert "pipelines.yaml:8:" in told
    assert "big.png has 77.0 MB; Krea takes up to 75.0 MB per file" in told
    assert sorted(path.name for path in folder.iterdir()) == ["big.png", "pipelines.yaml"], "no run has begun"


def test_a_named_pipe_is_not_opened(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    with pytest.raises(BadFileError, match="is not a file"):
        inspect(pipe, "pipe.png")


def test_a_file_that_vanishes_or_has_an_impossible_name_is_a_mistake_not_a_crash(tmp_path: Path) -> None:
    for name in ("gone.png", "x" * 5000, "nul\0.png"):
        with pytest.raises(BadFileError):
            inspect(tmp_path / name, name)
