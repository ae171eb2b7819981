"""Submissions that a job may belong to as well: found on whichever day they were intended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from animatic.engine.decisions import OpenDoubt, allow_resubmission
from animatic.engine.history import OpenDestination
from animatic.engine.rivals import rivals_for
from animatic.krea import Job
from animatic.ledger import Intent, Ledger
from animatic.ledger.model import Grounds
from animatic.storage import open_storage

pytestmark = pytest.mark.anyio
MIDNIGHT = datetime(2026, 11, 22, tzinfo=UTC)


async def intended(ledger: Ledger, fingerprint: str) -> Intent:
    intent = await ledger.submissions.intend(
        fingerprint=fingerprint,
        attempt=1,
        model="xai/grok-video",
        endpoint="/generate/video/xai/grok-video",
        pipeline="coast",
        step=fingerprint[:2],
        run_id="r1",
        usd=Decimal(1),
        deadline_seconds=180.0,
    )
    assert intent is not None
    return intent


@pytest.mark.parametrize("before_midnight", [5.0, -5.0])
async def test_one_whose_job_may_be_a_strangers_is_a_rival_across_midnight(tmp_path: Path, before_midnight: float) -> None:
    now = MIDNIGHT - timedelta(seconds=before_midnight)
    ledger = Ledger(open_storage(str(tmp_path)), clock=lambda: now)
    other, ours = await intended(ledger, "ab" * 32), await intended(ledger, "cd" * 32)
    grounds = Grounds(since=now, seen_at=now, type="grok", expected_types=())
    await ledger.submissions.submitted(other, "stranger", created_at=now, how="evidence", type="grok", evidence=grounds)
    patience = SimpleNamespace(post=120.0)
    run: Any = SimpleNamespace(ledger=ledger, settings=SimpleNamespace(patience=patience), client=SimpleNamespace(origin=""))
    job = Job(id="late", status="queued", type="grok", created_at=now + timedelta(seconds=20))
    assert [rival.intent.fingerprint for rival in await rivals_for(run, ours, [job])] == [other.fingerprint]


@pytest.mark.parametrize(
    ("named", "is_rival"),
    [
        pytest.param("grok", False, id="of the type of both: after the time of another POST it is another's"),
        pytest.param(None, True, id="without a type, it may be the one that is late"),
    ],
)
async def test_one_that_got_a_job_without_a_type_is_a_rival_for_as_long_as_its_own_may_come(
    tmp_path: Path, named: str | None, *, is_rival: bool
) -> None:
    now = MIDNIGHT + timedelta(hours=9)
    ledger = Ledger(open_storage(str(tmp_path)), clock=lambda: now)
    other, ours = await intended(ledger, "ab" * 32), await intended(ledger, "cd" * 32)
    grounds = Grounds(since=now, seen_at=now, type=named, expected_types=())
    await ledger.submissions.submitted(other, "stranger", created_at=now, how="evidence", type=named, evidence=grounds)
    await ledger.submissions.settle(other.fingerprint, 1, "completed", usd=Decimal(1), job_id="stranger")
    patience = SimpleNamespace(post=20.0)
    run: Any = SimpleNamespace(ledger=ledger, settings=SimpleNamespace(patience=patience), client=SimpleNamespace(origin=""))
    job = Job(id="late", status="queued", type=named, created_at=now + timedelta(seconds=72))
    assert [rival.intent.fingerprint for rival in await rivals_for(run, ours, [job])] == [other.fingerprint] * is_rival


@pytest.mark.parametrize(
    ("seen", "seconds", "is_rival"),
    [
        pytest.param((), 20.0, True, id="a job that nobody had seen"),
        pytest.param(("late",), 20.0, False, id="a job that the person had refused"),
        pytest.param(("another",), 250.0, True, id="as late as Krea may make it"),
        pytest.param((), 400.0, False, id="later than that"),
    ],
)
async def test_one_that_a_person_gave_up_is_a_rival_for_jobs_that_the_person_had_not_seen(
    tmp_path: Path, seen: tuple[str, ...], seconds: float, *, is_rival: bool
) -> None:
    now = MIDNIGHT + timedelta(hours=9)
    ledger = Ledger(open_storage(str(tmp_path)), clock=lambda: now)
    given_up = await intended(ledger, "ab" * 32)
    await ledger.submissions.doubt(given_up.fingerprint, 1, "two jobs may be it", seen)
    (asked,) = await ledger.submissions.of(given_up.fingerprint)
    destination = cast("OpenDestination", SimpleNamespace(ledger=ledger))
    await allow_resubmission(OpenDoubt(destination=destination, submission=asked, kind="lost_answer"))
    now += timedelta(seconds=5)
    ours = await intended(ledger, "cd" * 32)
    patience = SimpleNamespace(post=120.0)
    run: Any = SimpleNamespace(ledger=ledger, settings=SimpleNamespace(patience=patience), client=SimpleNamespace(origin=""))
    job = Job(id="late", status="queued", type="grok", created_at=now + timedelta(seconds=seconds))
    assert [rival.intent.fingerprint for rival in await rivals_for(run, ours, [job])] == [given_up.fingerprint] * is_rival
