from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

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


def test_a_named_pipe_is_not_opened(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    with pytest.raises(BadFileError, match="is not a file"):
        inspect(pipe, "pipe.png")


def test_a_file_that_vanishes_or_has_an_impossible_name_is_a_mistake_not_a_crash(tmp_path: Path) -> None:
    for name in ("gone.png", "x" * 5000, "nul\0.png"):
        with pytest.raises(BadFileError):
            inspect(tmp_path / name, name)
