"""The answer to every mistake in a shot list, word for word, each at its line and column of the list.

``UPDATE_GOLDEN=1 pytest tests/unit/shotlist/test_shotlist_golden.py`` writes the files anew; read the difference aloud before committing.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from animatic.catalog import Catalog
from animatic.errors import DeclarationError
from animatic.shotlist.decoding import decoded
from animatic.shotlist.importing import import_list
from animatic.shotlist.model import ListOptions
from animatic.source import render_problems

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "shot-lists"
UPDATE = bool(os.environ.get("UPDATE_GOLDEN"))
CASES = sorted(GOLDEN.glob("*.csv"))
OPTIONS = {"map-unknown": ListOptions(mapping={"Bid": "prompt", "Nr": "number", "Dauer": "duration"})}
CATALOG = Catalog.load()


def mistakes(case: Path, folder: Path) -> DeclarationError:
    with pytest.raises(DeclarationError) as refused:
        import_list(
            decoded(case.read_bytes(), "shots.csv"),
            "film",
            OPTIONS.get(case.stem, ListOptions()),
            CATALOG,
            target=folder / "pipelines.yaml",
        )
    return refused.value


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_mistake_is_answered_as_recorded(case: Path, tmp_path: Path) -> None:
    found = mistakes(case, tmp_path)
    shown = render_problems(found.problems, texts=found.texts).replace(str(tmp_path), "/storyboards") + "\n"
    recorded = case.with_suffix(".txt")
    if UPDATE:
        recorded.write_text(shown, encoding="utf-8")
    assert shown == recorded.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_every_mistake_has_a_place_in_the_list_and_a_way_on(case: Path, tmp_path: Path) -> None:
    errors = [problem for problem in mistakes(case, tmp_path).problems if problem.severity == "error"]
    assert errors
    for problem in errors:
        assert problem.place is not None
        assert problem.place.file == "shots.csv"
        assert problem.code != "invalid"
        assert problem.hint
        assert "\n" not in problem.message


def test_no_record_is_left_without_its_case() -> None:
    assert len(CASES) >= 18
    assert {path.stem for path in GOLDEN.glob("*.txt")} == {path.stem for path in CASES}
