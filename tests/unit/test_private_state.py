"""Local state is its owner's alone, however open the umask is."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from animatic.cli.output import keep_traceback
from animatic.cli.up import only_one
from animatic.engine.workdir import working_folder
from animatic.files import make_private
from animatic.prefect import server
from animatic.simulator import launch


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "state" / "animatic"
    monkeypatch.setenv("ANIMATIC_HOME", str(home))
    return home


def permissions(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def open_to_others(home: Path) -> list[str]:
    """Everything below that others could come to, folder by folder."""
    if not permissions(home) & 0o077:
        return []
    return [str(home)] + [str(path) for path in home.iterdir() if path.is_dir() and permissions(path) & 0o077]


def test_whatever_makes_the_state_folder_makes_it_private(home: Path) -> None:
    def work() -> None:
        with working_folder(home):
            pass

    def up() -> None:
        with only_one(home):
            pass

    def simulate() -> None:
        launch.start(home / "simulator").stop()

    for make in (work, up, simulate, lambda: keep_traceback(ValueError()), lambda: server.running(home)):
        make()
        assert open_to_others(home.parent) == [], make
        shutil.rmtree(home.parent)


def test_a_state_folder_that_was_there_stays_as_it_is_and_what_is_in_it_is_closed(home: Path) -> None:
    (home / "prefect").mkdir(parents=True)
    (home / "mine").mkdir()
    assert permissions(home / "prefect") == 0o755
    server.running(home)
    assert permissions(home) == 0o755
    assert permissions(home / "prefect") == 0o700
    assert permissions(home / "mine") == 0o755


def test_a_folder_with_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="directory"):
        make_private(tmp_path / "file" / "state")
