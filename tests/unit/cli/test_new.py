"""``new``: writes a file that can be run, and never over another."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Verb


def test_new_writes_a_file_that_validates_and_never_over_another(animatic: Verb) -> None:
    before = Path("pipelines.yaml").read_text()
    said = animatic("new")
    assert said.code == 2
    assert Path("pipelines.yaml").read_text() == before
    assert animatic("new", "my-board", "--file", "board.yaml").code == 0
    assert animatic("validate", "--file", "board.yaml").out == "1 pipeline, 2 shots, 1 edge: no errors\n"
    assert animatic("plan", "my-board", "--file", "board.yaml").code == 0


def test_new_works_where_files_cannot_be_linked(animatic: Verb, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.EPERM, "not here")

    monkeypatch.setattr(os, "link", no_links)
    assert animatic("new", "my-board", "--file", "board.yaml").code == 0
    assert animatic("validate", "--file", "board.yaml").code == 0
    assert animatic("new", "my-board", "--file", "board.yaml").code == 2


def test_new_makes_no_folders(animatic: Verb) -> None:
    said = animatic("new", "my-board", "--file", "boards/board.yaml")
    assert (said.code, "cannot write boards/board.yaml" in said.err) == (2, True)
    assert not Path("boards").exists()
