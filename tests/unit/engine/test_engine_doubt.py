"""The conclusion from what one look found out about a submission in doubt, drawn from the evidence alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from animatic.engine.evidence import Adopt, AskPerson, Conclusion, Deadlines, Evidence, LookAgain, NeverArrived, judge
from animatic.engine.expectation import Result
from animatic.krea import Job

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
DEADLINES = Deadlines(adopted_by=14, listed_by=15, claimed_by=31, compared_by=60)
NOTHING_FOUND = Evidence(candidates=(), rivals=0, rivals_running=False, expected_types=("grok",), called=None)
A, B = (Job(id=name, status="completed", created_at=NOON) for name in "AB")
RUNNING = Job(id="C", status="processing", created_at=NOON)
SEEN = Result(mime="video/mp4", kind="video", width=16, height=9, duration=4.0, picture=b"")


def found(*candidates: Job, rivals: int = 0, running: bool = False, called: str | None = None) -> Evidence:
    return replace(NOTHING_FOUND, candidates=candidates, rivals=rivals, rivals_running=running, called=called)


@pytest.mark.parametrize(
    ("evidence", "after", "conclusion"),
    [
        (found(), 14.9, LookAgain()),
        (found(), 15, NeverArrived()),
        (found(A), 13.9, LookAgain()),
        (found(A), 14, Adopt(job=A, how="evidence", expected_types=("grok",))),
        (replace(found(A), results={"A": SEEN}), 14, Adopt(job=A, how="evidence", expected_types=("grok",), result=SEEN)),
        (found(RUNNING), 59.9, LookAgain()),
        (found(RUNNING), 60, Adopt(job=RUNNING, how="evidence", expected_types=("grok",))),
        (found(A, B), 13.9, LookAgain()),
        (found(A, B), 14, AskPerson(candidates=(A, B))),
        (found(A, RUNNING), 59.9, LookAgain()),
        (found(A, RUNNING), 60, AskPerson(candidates=(A, RUNNING))),
        (found(A, rivals=1, running=True), 30.9, LookAgain()),
        (found(A, rivals=1, running=True), 31, AskPerson(candidates=(A,))),
        (found(A, rivals=1), 14, AskPerson(candidates=(A,))),
        (found(A, B, called="B"), 0, Adopt(job=B, how="callback")),
        (found(A, rivals=1, running=True, called="A"), 0, Adopt(job=A, how="callback")),
        (found(A, B, called="C"), 14, AskPerson(candidates=(A, B))),
    ],
)
def test_the_evidence_of_one_look_leads_to_one_conclusion(evidence: Evidence, after: float, conclusion: Conclusion) -> None:
    assert judge(evidence, after, DEADLINES) == conclusion
