"""Files of a project that a worker's Python would take for its own are named where it is deployed."""

from __future__ import annotations

from pathlib import Path

import pytest

from animatic.prefect.origin import in_folder, in_repository
from animatic.prefect.shadows import shadowing


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("logging.py", ["logging.py"]),
        ("prefect.py", ["prefect.py"]),
        ("animatic/__init__.py", ["animatic"]),
        ("json/notes.txt", []),
        ("tasks.py", []),
        ("flows/__init__.py", []),
        ("logging.txt", []),
    ],
)
def test_only_modules_that_a_run_needs_are_named(tmp_path: Path, name: str, found: list[str]) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("")
    assert shadowing(tmp_path) == found


def test_the_folder_is_that_of_the_workers(tmp_path: Path) -> None:
    (tmp_path / "boards.yaml").write_text("")
    assert in_folder(tmp_path / "boards.yaml").folder == tmp_path
    assert in_folder(tmp_path).folder == tmp_path
    assert in_repository("https://git.example/boards.git", Path("boards.yaml")).folder is None
