"""Reference files: what is taken, what is refused before anything is sent, and how they are hashed."""

from __future__ import annotations

import hashlib
import os
import unicodedata
import zlib
from pathlib import Path

import pytest
from PIL import Image

from animatic.cli import main
from animatic.limits import MAX_PICTURE_BYTES, MAX_UPLOAD_BYTES
from animatic.plan.files import BadFileError, inspect
from animatic.plan.references import BadReferenceError, BaseFolder, parse


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
        sparse.write(b"\0\0\0\x18ftypisom")
        sparse.truncate(MAX_UPLOAD_BYTES + 1)
    with pytest.raises(BadFileError, match=r"has 75.0 MB; Krea takes up to 75.0 MB"):
        inspect(file, "big.mp4")


@pytest.mark.parametrize("format_", ["GIF", "BMP", "TIFF", "AVIF"])
def test_pictures_of_other_formats_are_taken_with_a_note(tmp_path: Path, format_: str) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "a", format_)
    assert inspect(tmp_path / "a", "a").note("a") == f"a is {format_}, which Krea does not take: it is uploaded as PNG or JPEG"


def test_what_is_uploaded_as_it_is_needs_no_note(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    assert inspect(tmp_path / "a.png", "a.png").note("a.png") is None


def test_a_picture_beyond_the_upload_limit_is_made_smaller_and_one_beyond_all_reason_is_not(tmp_path: Path) -> None:
    picture = tmp_path / "big.png"
    Image.new("RGB", (64, 64)).save(picture)
    grow(picture, 77_000_000)
    note = inspect(picture, "big.png").note("big.png")
    assert note == "big.png has 77.0 MB, Krea takes 75.0 MB: it is uploaded as a smaller JPEG"
    with picture.open("r+b") as sparse:
        sparse.truncate(MAX_PICTURE_BYTES + 1)
    with pytest.raises(BadFileError, match=r"has 500.0 MB"):
        inspect(picture, "big.png")


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
def test_a_clip_of_77_million_bytes_is_an_error_at_its_line_and_nothing_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: list[str]
) -> None:
    """77,000,000 bytes are more than 75 MB but less than 75 MiB: Krea may read its limit either way."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with Path("big.mp4").open("wb") as file:
        file.write(b"\0\0\0\x18ftypisom")
        file.truncate(77_000_000)
    Path("pipelines.yaml").write_text(
        "version: 1\n"
        "defaults:\n"
        "  video: {model: xai/grok-video, resolution: 480p, duration: 1}\n"
        "pipelines:\n"
        "  teaser:\n"
        "    shots:\n"
        "      - {id: first, prompt: One}\n"
        "      - {id: second, prompt: Two, edit_video: big.mp4}\n",
        encoding="utf-8",
    )
    with pytest.raises(SystemExit) as leaving:
        main(verb)
    assert leaving.value.code == 2
    told = "".join(capsys.readouterr())
    assert "pipelines.yaml:8:" in told
    assert "big.mp4 has 77.0 MB; Krea takes up to 75.0 MB per file" in told
    assert sorted(path.name for path in folder.iterdir()) == ["big.mp4", "pipelines.yaml"], "no run has begun"


def test_a_named_pipe_is_not_opened(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    with pytest.raises(BadFileError, match="is not a file"):
        inspect(pipe, "pipe.png")


def test_a_file_that_vanishes_or_has_an_impossible_name_is_a_mistake_not_a_crash(tmp_path: Path) -> None:
    for name in ("gone.png", "x" * 5000, "nul\0.png"):
        with pytest.raises(BadFileError):
            inspect(tmp_path / name, name)


def test_a_name_in_another_form_of_unicode_is_said_to_look_the_same(tmp_path: Path) -> None:
    """macOS takes a name's letters and accents apart; a copy of such a folder on Linux has another name that nobody can tell by eye."""
    (tmp_path / unicodedata.normalize("NFD", "café.png")).write_bytes(b"x")
    with pytest.raises(BadReferenceError) as refused:
        parse(unicodedata.normalize("NFC", "café.png"), shots=(), folder=BaseFolder.read(tmp_path))
    assert "another form of Unicode" in (refused.value.hint or "")
