"""A lost answer and a job list that does not tell what it should: nothing is concluded from it, and nothing is sent because of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from animatic.errors import KreaUnreachableError
from tests.krea_double import Answer
from tests.unit.engine.studio import Studio

pytestmark = pytest.mark.anyio

GROK = "/generate/video/xai/grok-video"


def _milliseconds(shown: dict[str, Any]) -> dict[str, Any]:
    return shown | {"created_at": datetime.fromisoformat(shown["created_at"]).timestamp() * 1000}


def _undated(shown: dict[str, Any]) -> dict[str, Any]:
    return shown | {"created_at": None}


def _other_names(shown: dict[str, Any]) -> dict[str, Any]:
    return {"jobId": shown["job_id"], "createdAt": shown["created_at"], "status": shown["status"]}


def _number(shown: dict[str, Any]) -> dict[str, Any]:
    return shown | {"job_id": 7}


@pytest.mark.parametrize(
    ("answer", "listed"),
    [("500-before", _undated), ("500-after", _undated), ("500-before", _other_names), ("500-after", _other_names), ("500-after", _number)],
)
async def test_a_list_that_cannot_be_read_leaves_the_submission_open(
    studio: Studio, answer: Answer, listed: Callable[[dict[str, Any]], Any]
) -> None:
    """A stranger's job of yesterday is not taken for ours, and ours is not paid twice."""
    studio.krea.add(GROK, {"prompt": "a stranger's"}).created_at -= timedelta(days=1)
    studio.krea.answers, studio.krea.listed = [answer], listed
    failure = await studio.render()
    assert isinstance(failure, KreaUnreachableError)
    assert "cannot be relied on" in failure.message
    assert studio.krea.counts["post"] == 1
    shot = studio.run.manifest.shot("dawn").record
    assert (shot.state, shot.doing, shot.set_aside_usd) == ("failed", "submitted", Decimal("0.2"))
    studio.krea.listed = lambda shown: shown
    assert await studio.render() is None
    own = [job for job in studio.krea.billed if job.body["prompt"] != "a stranger's"]
    assert [studio.run.takes["dawn"].job_id] == [job.id for job in own]
    assert studio.krea.counts["post"] == (1 if answer == "500-after" else 2)


async def test_dates_in_milliseconds_are_dates(studio: Studio) -> None:
    studio.krea.add(GROK, {"prompt": "a stranger's"}).created_at -= timedelta(days=1)
    studio.krea.answers, studio.krea.listed = ["500-after"], _milliseconds
    assert await studio.render() is None
    assert studio.run.takes["dawn"].job_id == "job-2"
    assert studio.krea.counts["post"] == 1


@pytest.mark.parametrize("answer", ["500-before", "500-after"])
async def test_dates_without_seconds_are_those_of_a_whole_minute(studio: Studio, answer: Answer) -> None:
    """The job seems to be older than its submission."""
    studio.krea.add(GROK, {"prompt": "a stranger's"}).created_at -= timedelta(minutes=5)
    studio.krea.answers = [answer]
    studio.krea.listed = lambda shown: shown | {"created_at": shown["created_at"][: len("2026-11-27T13:41")] + "Z"}
    assert await studio.render() is None
    assert studio.krea.counts["post"] == (1 if answer == "500-after" else 2)
    assert studio.krea.jobs[studio.run.takes["dawn"].job_id].body["prompt"] != "a stranger's"


async def test_a_job_that_is_listed_twice_is_one(studio: Studio) -> None:
    """As where pages overlap."""
    studio.krea.answers = ["500-after"]
    studio.krea.doubled = True
    assert await studio.render() is None
    assert studio.krea.counts["post"] == 1
