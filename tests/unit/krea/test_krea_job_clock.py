"""How far Krea's times of jobs are from the clock of its answers, learned from jobs of which both are known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from animatic.krea import Job
from animatic.krea.job_clock import JobClock

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def job(created_at: datetime, name: str = "known", *, imprecision: timedelta = timedelta(0)) -> Job:
    return Job(id=name, status="completed", created_at=created_at, completed_at=created_at + MINUTE, imprecision=imprecision)


def taught(*seen: tuple[Job, datetime, datetime]) -> JobClock:
    clock = JobClock()
    for shown, earliest, latest in seen:
        clock.made(shown.id, earliest=earliest, latest=latest)
        clock.saw(shown)
    return clock


def test_a_job_is_placed_between_the_times_that_are_possible() -> None:
    clock = taught((job(NOON - 8 * HOUR), NOON, NOON + SECOND))
    found = clock.placed(job(NOON - 8 * HOUR + MINUTE, "another"))
    assert found.created_at <= NOON + MINUTE <= found.created_by
    assert found.imprecision == 2 * SECOND
    assert found.stated_at == NOON - 8 * HOUR + MINUTE
    assert found.completed_at == found.created_at + MINUTE
    assert clock.placed(found) is found


@pytest.mark.parametrize(
    ("stated", "answered_after"),
    [
        pytest.param(NOON, SECOND, id="the same clock"),
        pytest.param(NOON + MINUTE, 2 * MINUTE, id="an answer that took long"),
        pytest.param(NOON - SECOND, SECOND, id="whole seconds"),
        pytest.param(NOON - timedelta(seconds=2.5), SECOND, id="what the window's margin covers"),
    ],
)
def test_clocks_that_may_be_one_are_one(stated: datetime, answered_after: timedelta) -> None:
    clock = taught((job(stated), NOON, NOON + answered_after))
    other = job(NOON + HOUR, "another")
    assert clock.known
    assert clock.placed(other) is other
    assert clock.latest(NOON) == NOON


def test_a_time_without_seconds_is_no_other_clock() -> None:
    late_in_the_minute = NOON + timedelta(seconds=58)
    clock = taught((job(NOON, imprecision=MINUTE), late_in_the_minute, late_in_the_minute + SECOND))
    other = job(NOON + HOUR, "another")
    assert clock.placed(other) is other


def test_more_answers_tell_it_more_exactly_and_a_clock_that_was_set_is_learned_anew() -> None:
    slow = (job(NOON + HOUR), NOON - 20 * SECOND, NOON + 20 * SECOND)
    quick = (job(NOON + HOUR + MINUTE, "quick"), NOON + MINUTE, NOON + MINUTE + SECOND)
    assert taught(slow, quick).placed(job(NOON, "another")).imprecision == 2 * SECOND
    assert taught(quick, slow).placed(job(NOON, "another")).imprecision == 2 * SECOND
    set_back = (job(NOON + 2 * MINUTE, "later"), NOON + 2 * MINUTE, NOON + 2 * MINUTE + SECOND)
    other = job(NOON, "another")
    assert taught(slow, quick, set_back).placed(other) is other


def test_nothing_is_learned_from_jobs_whose_time_is_not_known() -> None:
    clock = JobClock()
    clock.saw(job(NOON + HOUR))
    assert not clock.known
    clock.made("known", earliest=NOON, latest=NOON)
    clock.saw(Job(id="known", status="queued", created_at=NOON + HOUR, dated=False))
    assert not clock.known


def test_what_may_be_younger_than_it_looks_is_read_on_for() -> None:
    behind = taught((job(NOON - HOUR), NOON, NOON + SECOND))
    found = behind.latest(NOON - HOUR)
    assert found is not None
    assert found >= NOON
    ahead = taught((job(NOON + HOUR), NOON, NOON + SECOND))
    assert ahead.latest(NOON + HOUR) == NOON + HOUR
    assert ahead.latest(None) is None
