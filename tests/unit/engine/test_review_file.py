"""``review.json``: what the page writes is read, and every mistake of a hand is told at its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from animatic.engine.review_file import MAX_TEXT, read_review
from animatic.errors import DeclarationError

GOOD: dict[str, Any] = {
    "version": 1,
    "pipeline": "coast",
    "run_id": "20261127T081200Z-4f3a1c",
    "by": "Anna Ferreira",
    "written_at": "2026-11-27T08:30:00.123Z",
    "decisions": [
        {"shot": "16x9/opens", "decision": "approve", "take": 2, "prompt": None, "note": None, "at": None},
        {"shot": "boats", "decision": "reject", "take": 1, "prompt": "Slower", "note": " too fast\nreally ", "at": 1.25},
        {"shot": "gulls", "decision": "comment", "take": None, "prompt": None, "note": "👩‍👩‍👧 можно темнее?", "at": 3},
    ],
}


def written(tmp_path: Path, data: Any, *, name: str = "review.json") -> Path:
    path = tmp_path / name
    path.write_text(data if isinstance(data, str) else json.dumps(data, indent=2, ensure_ascii=False), encoding="utf-8")
    return path


def changed(index: int | None = None, **values: Any) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(json.dumps(GOOD))
    target = data if index is None else data["decisions"][index]
    target |= values
    return data


def without(key: str, index: int | None = None) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(json.dumps(GOOD))
    del (data if index is None else data["decisions"][index])[key]
    return data


def test_what_the_page_writes_is_read(tmp_path: Path) -> None:
    found = read_review(written(tmp_path, GOOD))
    assert (found.pipeline, found.run_id, found.by) == ("coast", "20261127T081200Z-4f3a1c", "Anna Ferreira")
    first, second, third = found.decisions
    assert (first.shot, first.decision, first.take, first.at) == ("16x9/opens", "approve", 2, None)
    assert (second.prompt, second.note, second.at) == ("Slower", "too fast\nreally", 1.25)
    assert (third.take, third.note, third.at) == (None, "👩‍👩‍👧 можно темнее?", 3.0)


@pytest.mark.parametrize(
    "note", ["shaky \U0001fae8 and newer \U0001fae9", "wide\u2003space", "\ue000 of a font of ours", "\u0646\u06cc\u0645\u200c\u0641"]
)
def test_whatever_people_write_is_text(tmp_path: Path, note: str) -> None:
    assert read_review(written(tmp_path, changed(2, note=note))).decisions[2].note == note


def test_its_name_does_not_matter_nor_what_may_be_left_out(tmp_path: Path) -> None:
    data = {**GOOD, "by": None, "decisions": [{"shot": "gulls", "decision": "approve"}]}
    del data["written_at"]
    found = read_review(written(tmp_path, data, name="review (1)"))
    assert found.by is None
    assert [(one.shot, one.take) for one in found.decisions] == [("gulls", None)]
    assert read_review(written(tmp_path, "\ufeff" + json.dumps(GOOD))).pipeline == "coast"


def marks(path: Path) -> list[str]:
    return [decision.source for decision in read_review(path).decisions]


def test_a_decision_is_known_again_however_the_file_is_laid_out(tmp_path: Path) -> None:
    first = marks(written(tmp_path, GOOD))
    assert len(set(first)) == 3
    assert marks(written(tmp_path, json.dumps(GOOD))) == first
    assert marks(written(tmp_path, changed(written_at="2026-11-28T08:30:00Z"))) != first
    assert marks(written(tmp_path, changed(0, take=1)))[1:] == first[1:]


@pytest.mark.parametrize(
    ("data", "line", "said"),
    [
        ("", 1, "this is not JSON"),
        ("{", 1, "this is not JSON"),
        (json.dumps(GOOD, indent=1).replace('"take": 2,', '"take": 2,,'), 11, "this is not JSON"),
        ("version: 1\npipeline: coast\n", 1, "this is not JSON"),
        ("[]", 1, "a review file is a mapping, and this one is a list"),
        ("null", 1, "a review file is a mapping"),
        ('{"version": 1, "version": 1}', 1, "version"),
        ('{"version": NaN}', 1, "NaN"),
        ("[" * 100_000, 1, "this is not JSON"),
        (changed(version=2), 2, "version must be 1, and it is 2"),
        (changed(version=True), 2, "version must be 1"),
        (changed(version="1"), 2, "version must be 1"),
        (without("version"), 1, "'version' is missing"),
        (without("run_id"), 1, "'run_id' is missing"),
        (without("decisions"), 1, "'decisions' is missing"),
        (changed(run_id=7), 4, "run_id must be text"),
        (changed(run_id=" "), 4, "run_id must be text"),
        (changed(pipeline=None), 3, "pipeline must be text"),
        (changed(by=["Anna"]), 5, "by must be text or null"),
        (changed(written_at="yesterday"), 6, "written_at must be a time"),
        (changed(written_at=5), 6, "written_at must be a time"),
        (changed(decisions={}), 7, "decisions must be a list"),
        (changed(decisions=["approve"]), 8, "decisions holds mappings only"),
        (changed(extra=1), 33, "unknown key 'extra'"),
        (changed(0, shoot="x"), 15, "unknown key 'shoot'"),
        (without("shot", 0), 8, "'shot' is missing"),
        (without("decision", 1), 16, "'decision' is missing"),
        (changed(0, decision="Approve"), 10, "decision must be one of approve, reject, comment"),
        (changed(0, decision=None), 10, "decision must be one of"),
        (changed(0, take=0), 11, "take must be a whole number of at least 1"),
        (changed(0, take=1.5), 11, "take must be a whole number"),
        (changed(0, take="2"), 11, "take must be a whole number"),
        (changed(0, take=True), 11, "take must be a whole number"),
        (changed(0, prompt="Slower"), 12, "a new prompt goes with 'reject', and this is 'approve'"),
        (changed(0, note=3), 13, "note must be text or null"),
        (changed(0, note="x" * (MAX_TEXT + 1)), 13, "note has 10001 characters"),
        (changed(0, note="a\u001b[31mb"), 13, "note holds the character U+001B"),
        (changed(0, note="a\u202eb"), 13, "note holds the character U+202E"),
        (changed(2, note=" "), 24, "a comment without a note says nothing"),
        (changed(2, note=None), 24, "a comment without a note says nothing"),
        (changed(1, at=-1), 22, "at must be a time code in seconds"),
        (changed(1, at="1.25"), 22, "at must be a time code"),
        (changed(1, at=True), 22, "at must be a time code"),
    ],
)
def test_every_mistake_has_its_line(tmp_path: Path, data: Any, line: int, said: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        read_review(written(tmp_path, data))
    problem = next(problem for problem in refused.value.problems if said in problem.message)
    assert problem.place is not None
    assert problem.place.line == line
    assert refused.value.exit_code == 2


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    data = changed(0, take=0, note=3)
    data |= {"by": 1}
    with pytest.raises(DeclarationError) as refused:
        read_review(written(tmp_path, data))
    assert len(refused.value.problems) == 3


def test_what_must_not_be_kept_is_taken_out_of_notes(tmp_path: Path) -> None:
    found = read_review(written(tmp_path, changed(2, note="see https://files.example/a.mp4?X-Amz-Signature=abc")))
    assert found.decisions[2].note == "see https://files.example/a.mp4"


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError) as refused:
        read_review(tmp_path / "review.json")
    assert "cannot be read" in refused.value.problems[0].message
    with pytest.raises(DeclarationError):
        read_review(tmp_path)
