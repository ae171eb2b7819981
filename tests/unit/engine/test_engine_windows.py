"""Windows in Krea's clock hold all that is not known of it: an answer that was read long after it was sent says little of the time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from animatic.engine.windows import OWNER_ENDED, Window, late_window, turned_away_window, was_perhaps_not_sent, window_of
from animatic.krea import Job
from animatic.ledger import Failure, Intent, Ledger, Settled, Submission
from animatic.storage import open_storage

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
KREA_IS_AHEAD, UNSURE = timedelta(seconds=12), timedelta(seconds=18)
ANSWERED = NOW + timedelta(seconds=1)


def of_an_open_one(intent: Intent) -> Window:
    return window_of(intent)


def of_one_that_was_turned_away(intent: Intent) -> Window:
    return turned_away_window(intent, ANSWERED)


def of_one_that_was_given_up(intent: Intent) -> Window:
    return late_window(intent, ANSWERED)


async def intended(folder: Path) -> Intent:
    ledger = Ledger(open_storage(str(folder)), clock=lambda: NOW)
    intent = await ledger.submissions.intend(
        fingerprint="ab" * 32,
        attempt=1,
        model="xai/grok-video",
        endpoint="/generate/video/xai/grok-video",
        pipeline="coast",
        step="dawn",
        run_id="r1",
        usd=Decimal(1),
        deadline_seconds=180.0,
        clock_offset=lambda: KREA_IS_AHEAD,
        clock_error=UNSURE,
    )
    assert intent is not None
    return intent


@pytest.mark.parametrize("window", [of_an_open_one, of_one_that_was_turned_away, of_one_that_was_given_up])
async def test_a_job_that_was_made_at_once_is_held_however_wrong_the_clock_may_be(
    tmp_path: Path, window: Callable[[Intent], Window]
) -> None:
    intent = await intended(tmp_path)
    for truth in (KREA_IS_AHEAD - UNSURE, KREA_IS_AHEAD, KREA_IS_AHEAD + UNSURE):
        assert window(intent).holds_time(NOW + truth)
        assert window(intent).holds_time(ANSWERED + truth)
    assert not window(intent).holds_time(NOW + KREA_IS_AHEAD - UNSURE - timedelta(seconds=5))


async def test_an_answer_from_before_the_intent_was_read_from_a_clock_that_had_been_set_back(tmp_path: Path) -> None:
    intent = await intended(tmp_path)
    window = turned_away_window(intent, NOW - timedelta(minutes=20))
    assert window.holds_time(NOW + KREA_IS_AHEAD)
    assert window.holds_time(intent.deadline + KREA_IS_AHEAD)


async def test_a_job_of_another_clock_is_held_by_what_was_learned_of_it_and_by_its_own_word(tmp_path: Path) -> None:
    """What was learned may be wrong: a job that is not looked at is paid for again."""
    window = window_of(await intended(tmp_path))
    inside, outside = NOW + KREA_IS_AHEAD, NOW - timedelta(hours=8)

    def job(created_at: datetime, stated_at: datetime | None = None, imprecision: timedelta = timedelta(0)) -> Job:
        return Job(id="j", status="queued", created_at=created_at, stated_at=stated_at, imprecision=imprecision)

    assert window.holds(job(inside, stated_at=outside))
    assert window.holds(job(outside, stated_at=inside))
    assert not window.holds(job(outside, stated_at=outside))
    assert window.holds(job(inside - timedelta(minutes=5), imprecision=timedelta(minutes=10)))
    assert not window.holds(job(outside, imprecision=timedelta(minutes=10)))


@pytest.mark.parametrize(
    ("code", "message", "perhaps"),
    [
        pytest.param(OWNER_ENDED, "however it is worded", True, id="its code says so"),
        pytest.param("never_arrived", "the process ended before an answer came", True, id="a record of before, that has only the sentence"),
        pytest.param("never_arrived", "Krea answered 502", False, id="it was sent, and its answer was lost"),
    ],
)
async def test_what_was_perhaps_never_sent_is_told_by_its_code(tmp_path: Path, code: str, message: str, *, perhaps: bool) -> None:
    intent = await intended(tmp_path)
    error = Failure(code=code, message=message)
    settled = Settled(outcome="never_arrived", usd=Decimal(0), job_id=None, completed_at=None, error=error, at=NOW)
    assert was_perhaps_not_sent(Submission(number=1, intent=intent, settled=settled)) is perhaps
