"""The folder of a run: its own while it runs, gone afterwards, swept when its process died."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from animatic.engine.workdir import working_folder
from animatic.errors import StorageError


def test_it_is_gone_at_the_end(tmp_path: Path) -> None:
    with working_folder(tmp_path) as folder:
        (folder / "clip.mp4").write_bytes(b"x")
    assert list((tmp_path / "work").iterdir()) == []


def test_two_runs_keep_out_of_each_others_way(tmp_path: Path) -> None:
    with working_folder(tmp_path) as one, working_folder(tmp_path) as other:
        assert one != other
        assert one.is_dir()


def test_what_a_killed_process_left_is_swept_by_the_next_run(tmp_path: Path) -> None:
    script = f"""
import os, signal
from pathlib import Path
from animatic.engine.workdir import working_folder
with working_folder(Path({str(tmp_path)!r})) as folder:
    (folder / "clip.mp4").write_bytes(b"x")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script], check=False)
    assert len(list((tmp_path / "work").iterdir())) == 1
    with working_folder(tmp_path) as folder:
        assert list((tmp_path / "work").iterdir()) == [folder]


def test_a_home_that_cannot_be_written_is_an_error_with_advice(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(StorageError, match="ANIMATIC_HOME"), working_folder(tmp_path / "state"):
        pass
