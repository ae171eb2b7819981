"""Local state is its owner's alone, however open the umask is."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from animatic.cli.output import keep_traceback
from animatic.cli.up import only_one
from animatic.engine.workdir import working_folder
from animatic.errors import UsageError
from animatic.files import make_private
from animatic.home import part_of
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


def test_a_state_folder_that_was_there_and_open_to_others_is_closed(home: Path) -> None:
    (home / "prefect").mkdir(parents=True)
    (home / "mine").mkdir()
    assert (permissions(home), permissions(home / "prefect")) == (0o755, 0o755)
    server.running(home)
    assert (permissions(home), permissions(home / "prefect")) == (0o700, 0o700)
    assert permissions(home / "mine") == 0o755, "nobody can come to it"
    home.chmod(0o770)
    with working_folder(home):
        assert permissions(home) == 0o700


def test_a_state_folder_of_somebody_else_is_refused_with_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir(parents=True)
    monkeypatch.setattr(os, "geteuid", lambda: home.stat().st_uid + 1)
    with pytest.raises(UsageError, match="belongs to somebody else, and others can look into it") as refused:
        part_of(home, "work")
    assert refused.value.hint == "set ANIMATIC_HOME to a folder of your own that can be written"
    assert (permissions(home), list(home.iterdir())) == (0o755, [])
    assert keep_traceback(ValueError()).parent == Path(tempfile.gettempdir()), "the report of a failure is written all the same"


def test_where_everybodys_files_lie_stays_open_and_takes_no_state(home: Path) -> None:
    home.mkdir(parents=True)
    home.chmod(0o1777)
    with pytest.raises(UsageError, match="everybody's files lie there"), working_folder(home):
        raise AssertionError
    assert permissions(home) == 0o1777


def test_a_home_folder_is_not_closed_but_what_we_make_in_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    tmp_path.chmod(0o755)
    assert permissions(part_of(tmp_path, "work")) == 0o700
    assert permissions(tmp_path) == 0o755


def test_a_folder_with_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="directory"):
        make_private(tmp_path / "file" / "state")
