"""``doubts`` and ``resubmit``: what waits for a person, on a terminal and for programs."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from animatic.engine.estimate import open_ledger
from animatic.ledger import Failure
from tests.unit.cli.conftest import Verb

LOST, UNCLEAR = "a1" * 32, "b2" * 32


async def leave_doubts(reason: str = "2 jobs at Krea could be this submission", *, pipelines: tuple[str, ...] = ("teaser",)) -> None:
    """Leave a lost answer and a result that was not understood at the destination, and lost answers of the same shot elsewhere."""
    submissions = open_ledger(str(Path.cwd() / "out"), simulated=False).submissions
    more = [(digit * 64, "dawn", pipeline) for digit, pipeline in zip("cdef", pipelines[1:], strict=False)]
    for fingerprint, step, pipeline in ((LOST, "dawn", pipelines[0]), (UNCLEAR, "surf", pipelines[0]), *more):
        intent = await submissions.intend(
            fingerprint=fingerprint,
            attempt=1,
            model="xai/grok-video",
            endpoint="/generate/video/xai/grok-video",
            pipeline=pipeline,
            step=step,
            run_id="20261125-120000-abcd",
            usd=Decimal("0.20"),
            deadline_seconds=60,
        )
        assert intent is not None
        if step == "dawn":
            await submissions.doubt(fingerprint, 1, reason, ("job-1", "job-2"))
        else:
            await submissions.submitted(intent, "job-3", created_at=None, how="answer")
            error = Failure(code="unclear_result", message="job job-3 completed and was billed, but its result was not understood")
            await submissions.settle(UNCLEAR, 1, "empty", usd=Decimal("0.25"), job_id="job-3", error=error)


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KREA_API_TOKEN", "KREA_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_programs_read_what_is_in_doubt_and_what_it_cost(animatic: Verb) -> None:
    asyncio.run(leave_doubts())
    said = animatic("doubts", "--json")
    assert said.code == 5
    assert isinstance(said.json, list)
    kept = [{name: doubt[name] for name in ("shot", "kind", "job_id", "candidates", "usd", "reason", "attempt")} for doubt in said.json]
    assert kept == [
        {
            "shot": "dawn",
            "kind": "lost_answer",
            "job_id": None,
            "candidates": None,
            "usd": 0.2,
            "reason": "2 jobs at Krea could be this submission",
            "attempt": 1,
        },
        {
            "shot": "surf",
            "kind": "unclear_result",
            "job_id": "job-3",
            "candidates": [],
            "usd": 0.25,
            "reason": "job job-3 completed and was billed, but its result was not understood",
            "attempt": 1,
        },
    ]


def test_people_are_told_what_may_be_billed_and_why_it_is_in_doubt(animatic: Verb) -> None:
    asyncio.run(leave_doubts("it was sent with another KREA_API_TOKEN than this run has"))
    lines = animatic("doubts").out.splitlines()
    assert "  $0.20 may be billed: it was sent with another KREA_API_TOKEN than this run has" in lines
    assert "  candidates: set KREA_API_TOKEN, and KREA_API_URL, as it was sent with to see them" in lines


def test_people_are_told_what_to_do_about_a_result_that_is_not_understood(animatic: Verb) -> None:
    asyncio.run(leave_doubts())
    shown = animatic("doubts").out
    assert "job job-3 completed and was billed" in shown
    assert "animatic resume 20261125-120000-abcd" in shown
    assert "animatic retake teaser surf" in shown
    refused = animatic("resubmit", "nowhere")
    assert refused.code == 2
    assert animatic("resubmit", "surf").code == 0
    assert "stray: job job-3 for $0.25" in animatic("doubts").out
    assert animatic("doubts").code == 5  # dawn still waits for a person, the stray does not
    assert animatic("resubmit", "surf").code == 2
    assert "0.45" in animatic("spend").out


def test_programs_read_commands_that_work_when_they_are_pasted(animatic: Verb) -> None:
    asyncio.run(leave_doubts("its job is at Krea: `animatic resume R` goes on with it"))
    said = animatic("doubts", "--deliver", "out", "--json")
    assert isinstance(said.json, list)
    assert "`animatic resume R --deliver out`" in "".join(doubt["reason"] for doubt in said.json)


def test_a_decision_names_the_run_that_follows_it(animatic: Verb) -> None:
    """`animatic run` would make the first pipeline of the file, `animatic resume` the newest run: others than were decided about."""
    asyncio.run(leave_doubts())
    said = animatic("resubmit", "dawn")
    assert (said.code, "by `animatic resume 20261125-120000-abcd`" in said.out) == (0, True), said


def test_commands_of_doubts_with_shots_of_the_same_name_decide_about_one(animatic: Verb) -> None:
    asyncio.run(leave_doubts(pipelines=("teaser", "other")))
    shown = animatic("doubts").out
    advised = re.findall(r"`animatic (resubmit \S+)`", shown)
    assert len(set(advised)) == 2, shown
    assert "`animatic retake teaser surf`" in shown
    for command in advised:
        assert animatic(*command.split()).code == 0, command
    assert "decide" not in animatic("doubts").out


class _Refusing(BaseHTTPRequestHandler):
    """A Krea that answers every question in one way."""

    status = 402

    def do_GET(self) -> None:
        body = b'{"error": "insufficient balance"}'
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Say nothing."""


@pytest.mark.parametrize("status", [400, 401, 402, 403])
def test_what_the_ledger_knows_is_told_whatever_krea_answers(animatic: Verb, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    asyncio.run(leave_doubts())
    monkeypatch.setattr(_Refusing, "status", status)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("KREA_API_TOKEN", "a-token-of-some-length")
        monkeypatch.setenv("KREA_API_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("ANIMATIC_OUTAGE_SECONDS", "1")
        said = animatic("doubts", "--json")
        server.shutdown()
    assert said.code == 5
    assert {doubt["shot"] for doubt in json.loads(said.out)} == {"dawn", "surf"}
    assert "Krea was not asked" in said.err
