"""What every mistake that shows only against the catalogue, the matrix, the templates or the files is answered with, word for word.

``UPDATE_GOLDEN=1 pytest tests/unit/plan/test_plan_golden.py`` writes the files anew; read the difference aloud before committing.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from animatic.catalog import Catalog
from animatic.errors import Problem
from animatic.plan import check_declaration
from animatic.source import load, render_problems
from animatic.spec import declare

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "plan"
UPDATE = bool(os.environ.get("UPDATE_GOLDEN"))
CASES = sorted(GOLDEN.glob("*.yaml"))
ONLY_WARNINGS = {"cut-captions", "model-withdrawn", "profile-of-no-effect"}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


def diagnose(case: Path, catalog: Catalog) -> tuple[tuple[Problem, ...], str]:
    """Return the problems of a file, and how they are shown wherever the checkout lies."""
    document = load(case, display="pipelines.yaml")
    declaration = declare([document])
    assert not declaration.problems
    problems = check_declaration(declaration, catalog)
    return problems, render_problems(problems, [document]).replace(str(GOLDEN), "/storyboards")


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_plan_mistake_is_answered_as_recorded(case: Path, catalog: Catalog) -> None:
    _, shown = diagnose(case, catalog)
    recorded = case.with_suffix(".txt")
    if UPDATE:
        recorded.write_text(shown + "\n", encoding="utf-8")
    assert shown + "\n" == recorded.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_every_plan_problem_has_a_place_a_code_and_a_way_on(case: Path, catalog: Catalog) -> None:
    problems, _ = diagnose(case, catalog)
    assert problems
    assert case.stem in ONLY_WARNINGS or any(problem.severity == "error" for problem in problems)
    for problem in problems:
        assert problem.place is not None
        assert problem.code != "invalid"
        assert problem.hint or problem.code in {"withdrawn", "unchecked", "file", "template", "not-in-enum"}
        assert "None" not in problem.message
        assert "\n" not in problem.message


def test_no_plan_record_is_left_without_its_case() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == {path.stem for path in CASES}
