from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from animatic.plan.files import MOST_BYTES, BadFileError, inspect, sniff


@pytest.mark.parametrize(
    ("head", "name", "media", "accepted"),
    [
        (b"\xff\xd8\xff\xe0", "JPEG", "image", True),
        (b"\x89PNG\r\n\x1a\n", "PNG", "image", True),
        (b"RIFF\0\0\0\0WEBPVP8 ", "WebP", "image", True),
        (b"\0\0\0\x18ftypheic", "HEIC", "image", True),
        (b"\0\0\0\x18ftypavif", "AVIF", "image", False),
        (b"\0\0\0\x18ftypqt  ", "MOV", "video", True),
        (b"\0\0\0\x18ftypmp42", "MP4", "video", True),
        (b"\0\0\0\x18ftypM4A ", "AAC in MP4", "audio", False),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "MOV", "video", True),
        (b"\x1a\x45\xdf\xa3....webm", "WebM", "video", True),
        (b"\x1a\x45\xdf\xa3....matroska", "Matroska", "video", False),
        (b"RIFF\0\0\0\0WAVEfmt ", "WAV", "audio", True),
        (b"RIFF\0\0\0\0AVI LIST", "AVI", "video", False),
        (b"ID3\x04", "MP3", "audio", True),
        (b"\xff\xfb\x90\x64", "MP3", "audio", True),
        (b"GIF89a", "GIF", "image", False),
        (b"%PDF-1.7", "PDF", "any", False),
    ],
)
def test_format_is_told_by_the_first_bytes(head: bytes, name: str, media: str, accepted: bool) -> None:
    kind = sniff(head)
    assert kind is not None
    assert (kind.name, kind.media, kind.accepted) == (name, media, accepted)


@pytest.mark.parametrize("head", [b"", b"hello", b"<svg xmlns", b"\xff\xff\xff\xff", b"RIFF\0\0\0\0xxxx"])
def test_no_media_is_no_format(head: bytes) -> None:
    assert sniff(head) is None


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
        sparse.truncate(MOST_BYTES + 1)
    with pytest.raises(BadFileError, match="up to 75 MB"):
        inspect(file, "big.mp4")


def test_a_named_pipe_is_not_opened(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    with pytest.raises(BadFileError, match="is not a file"):
        inspect(pipe, "pipe.png")


def test_a_file_that_vanishes_or_has_an_impossible_name_is_a_mistake_not_a_crash(tmp_path: Path) -> None:
    for name in ("gone.png", "x" * 5000, "nul\0.png"):
        with pytest.raises(BadFileError):
            inspect(tmp_path / name, name)
