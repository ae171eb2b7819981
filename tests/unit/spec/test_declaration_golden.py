"""The message is the interface: the answer to every mistake that shows without a catalogue, word for word.

``UPDATE_GOLDEN=1 pytest tests/unit/spec/test_declaration_golden.py`` writes the files anew; read the difference aloud before committing.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from animatic.errors import DeclarationError, Problem
from animatic.source import load, render_problems
from animatic.spec import declare

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "declaration"
UPDATE = bool(os.environ.get("UPDATE_GOLDEN"))
CASES = sorted(path for path in GOLDEN.iterdir() if path.suffix == ".yaml" or path.is_dir())


def diagnose(case: Path) -> tuple[list[Problem], str]:
    """Return the problems of a file (or of a folder of files), and how they are shown."""
    files = sorted(case.glob("*.yaml")) if case.is_dir() else [case]
    try:
        documents = [load(file, display=file.name if case.is_dir() else "pipelines.yaml") for file in files]
    except DeclarationError as error:
        return list(error.problems), render_problems(error.problems, texts=error.texts)
    problems = declare(documents).problems
    return list(problems), render_problems(problems, documents)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_mistake_is_answered_as_recorded(case: Path) -> None:
    _, shown = diagnose(case)
    recorded = case.with_suffix(".txt")
    if UPDATE:
        recorded.write_text(shown + "\n", encoding="utf-8")
    assert shown + "\n" == recorded.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_every_problem_has_a_place_a_code_and_a_way_on(case: Path) -> None:
    problems, _ = diagnose(case)
    assert problems
    for problem in problems:
        assert problem.place is not None
        assert problem.code != "invalid"
        assert problem.hint
        assert "None" not in problem.message
        assert "\n" not in problem.message


def test_no_record_is_left_without_its_case() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == {path.stem for path in CASES}
