"""Submissions of late: what is asked again and again, while answers are missing, is read once."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from animatic.ledger import Ledger
from tests.unit.ledger.conftest import Clock, CountingStorage, Intend, fingerprint

pytestmark = pytest.mark.anyio
MODEL = "xai/grok-video"


@pytest.fixture
def storage(tmp_path: Path) -> CountingStorage:
    return CountingStorage(tmp_path / "out")


async def test_jobs_that_krea_named_are_read_once(ledger: Ledger, storage: CountingStorage, intend: Intend) -> None:
    for number in range(6):
        await ledger.submissions.submitted(await intend(fingerprint(number)), f"job-{number}", created_at=None, how="answer", type="video")
    assert len(await ledger.recent.answered(MODEL)) == 6
    storage.reads = 0
    assert len(await ledger.recent.answered(MODEL)) == 6
    assert storage.reads == 0
    await ledger.submissions.submitted(await intend(fingerprint(6)), "job-6", created_at=None, how="answer", type="video")
    storage.reads = 0
    assert len(await ledger.recent.answered(MODEL)) == 7
    assert storage.reads < 8, "those of the new one alone"


async def test_only_what_krea_named_itself_tells_what_its_answers_are_like(ledger: Ledger, intend: Intend, clock: Clock) -> None:
    answered, adopted, _open, other = [
        await intend(fingerprint(number), model=model) for number, model in enumerate((MODEL, MODEL, MODEL, "other/model"))
    ]
    assert answered
    assert adopted
    assert other
    await ledger.submissions.submitted(answered, "job-1", created_at=None, how="answer", type="video")
    await ledger.submissions.submitted(adopted, "job-2", created_at=None, how="listed", type="video")
    await ledger.submissions.submitted(other, "job-3", created_at=None, how="answer", type="video")
    assert [one.intent.fingerprint for one in await ledger.recent.answered(MODEL)] == [fingerprint(0)]
    clock.advance(days=2)
    assert await ledger.recent.answered(MODEL) == ()


async def test_a_job_that_comes_to_be_known_counts_from_then_on(ledger: Ledger, intend: Intend) -> None:
    intent = await intend(fingerprint(0))
    assert intent
    assert await ledger.recent.answered(MODEL) == ()
    await ledger.submissions.submitted(intent, "job-1", created_at=None, how="answer", type="video")
    await ledger.submissions.settle(fingerprint(0), 1, "completed", usd=Decimal(1))
    assert len(await ledger.recent.answered(MODEL)) == 1
