"""What only a person can decide, end to end: two processes that die in the same window, and the verbs that settle it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.harness import KILLED, Ended, Set, finish, start_simulator

BOARDS = """  coast:
    shots: [{id: dawn, prompt: Dawn, duration: 2}]
  harbour:
    shots: [{id: crane, prompt: Crane, duration: 2}]
"""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Set]:
    with start_simulator(tmp_path) as simulator:
        yield Set(folder=tmp_path, deliver=str(tmp_path / "out"), simulator=simulator)


@pytest.fixture
def doubtful(stage: Set) -> Set:
    """Two processes had their answers, and died before either wrote its job down."""
    stage.declare(BOARDS)
    stage.change({"faults": {"slow_post": 4.0}})
    both = [stage.start("--pipeline", name, crash_at="after-answer") for name in ("coast", "harbour")]
    assert [finish(process).code for process in both] == [KILLED, KILLED]
    stage.change({"faults": {"slow_post": 0.0}})
    return stage


def data(ended: Ended) -> Any:
    assert ended.output, ended
    return json.loads(ended.output)


def doubts(stage: Set) -> dict[str, Any]:
    ended = stage.cli("doubts", "--json")
    found = {doubt["shot"]: doubt for doubt in data(ended)}
    assert ended.code == (5 if found else 0), ended
    return found


def test_two_that_died_at_once_wait_for_a_person_who_gives_each_its_job(doubtful: Set) -> None:
    stage = doubtful
    ended = stage.render("--pipeline", "coast")
    assert ended.code == 5, ended
    assert "animatic doubts" in ended.lines[-1]["error"]
    found = doubts(stage)
    assert set(found) == {"dawn", "crane"}
    jobs = [candidate["job_id"] for candidate in found["dawn"]["candidates"]]
    assert len(jobs) == 2
    shown = stage.cli("doubts")
    assert all(job in shown.output for job in jobs)

    unknown = stage.cli("adopt", "dawn", "no-such-job")
    assert (unknown.code, "Krea knows no job" in unknown.errors) == (2, True)
    assert stage.cli("adopt", "dawn", jobs[0]).code == 0
    again = stage.cli("adopt", "crane", jobs[0])
    assert (again.code, "already belongs to attempt 1 of shot 'dawn' of coast" in again.errors) == (5, True)
    assert stage.render("--pipeline", "coast").code == 0
    # One job is left, and one submission: nobody has to be asked about those.
    assert stage.render("--pipeline", "harbour").code == 0
    assert doubts(stage) == {}
    stage.await_idle()
    assert len(stage.billing()) == 2


def test_a_person_may_say_that_none_of_the_jobs_is_it(doubtful: Set) -> None:
    stage = doubtful
    ended = stage.cli("resubmit", "dawn")
    assert ended.code == 0, ended
    assert stage.render("--pipeline", "coast").code == 0
    stage.await_idle()
    assert len(stage.billing()) == 3, "asked for: the two of the doubt, and the one sent again"
    nothing = stage.cli("resubmit", "dawn")
    assert (nothing.code, "no submission of shot 'dawn' is in doubt" in nothing.errors) == (2, True)


def test_spending_is_what_krea_billed(stage: Set) -> None:
    stage.declare(BOARDS.replace("}]\n  h", "}, {id: surf, prompt: '[sim: fail] Surf', duration: 2, retries: 0}]\n  h"))
    assert stage.render("--pipeline", "coast").code == 4
    assert stage.render("--pipeline", "harbour").code == 0
    stage.await_idle()
    billed = sum(item["usd"] for item in stage.billing())
    by_shot = data(stage.cli("spend", "--by", "shot", "--json"))
    assert by_shot["total_usd"] == pytest.approx(billed)
    assert {row["shot"]: row["usd"] > 0 for row in by_shot["rows"]} == {
        "coast · dawn": True,
        "coast · surf": False,
        "harbour · crane": True,
    }
    by_pipeline = data(stage.cli("spend", "--by", "pipeline", "--json"))
    assert [row["pipeline"] for row in by_pipeline["rows"]] == ["coast", "harbour"]
    assert "total" in stage.cli("spend").output


def test_takes_are_listed_and_chosen(stage: Set) -> None:
    stage.declare(BOARDS)
    assert stage.render().code == 0
    assert stage.render("--fresh").code == 0
    listed = data(stage.cli("takes", "coast", "dawn", "--json"))
    assert [(take["take"], take["current"]) for take in listed] == [(1, False), (2, True)]
    assert stage.cli("use", "coast", "dawn", "1").code == 0
    listed = data(stage.cli("takes", "coast", "dawn", "--json"))
    assert [(take["take"], take["current"]) for take in listed] == [(1, True), (2, False)]
    missing = stage.cli("use", "coast", "dawn", "7")
    assert (missing.code, "has no take 7" in missing.errors) == (2, True)
    assert stage.render().lines[-1]["shots"] == {"dawn": "reused"}
    assert len(stage.billing()) == 2
