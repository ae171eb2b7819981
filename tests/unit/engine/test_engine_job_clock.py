"""Krea dates its jobs by another clock than its answers: a lost answer's job is found all the same, and not paid for again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.unit.engine.studio import ONE, Studio
from tests.unit.engine.test_engine_strays import strays_of

pytestmark = pytest.mark.anyio

SURF = "- {id: surf, prompt: Surf, duration: 4}"
AHEAD = [timedelta(hours=9), timedelta(minutes=4), timedelta(minutes=-3), timedelta(hours=-8)]


def date_jobs(studio: Studio, ahead: timedelta) -> None:
    """Let the list, and what is read of a job, be of another clock than the ``Date`` of the answers."""

    def shown(job: dict[str, Any]) -> dict[str, Any]:
        return job | {key: (datetime.fromisoformat(job[key]) + ahead).isoformat() for key in ("created_at", "completed_at") if job[key]}

    studio.krea.listed = shown


@pytest.mark.parametrize("ahead", AHEAD, ids=str)
async def test_beside_answers_of_the_same_run(studio: Studio, ahead: timedelta) -> None:
    date_jobs(studio, ahead)
    studio.declare(f"{ONE}\n      {SURF}")
    studio.krea.always["Surf"] = "500-after"
    assert await studio.render() is None
    assert studio.krea.counts["post"] == 2
    assert {studio.krea.jobs[take.job_id].body["prompt"] for take in studio.run.takes.values()} == {"Rooftops at dawn", "Surf"}
    assert studio.run.manifest.shot("surf").record.how == "evidence"
    submitted_at = studio.run.manifest.shot("surf").record.submitted_at
    assert submitted_at is not None
    assert abs(studio.clock() - submitted_at) < timedelta(minutes=2)


@pytest.mark.parametrize("ahead", AHEAD, ids=str)
async def test_after_answers_of_an_earlier_run(studio: Studio, ahead: timedelta) -> None:
    date_jobs(studio, ahead)
    assert await studio.render() is None
    studio.declare(SURF)
    studio.krea.answers = ["500-after"]
    assert await studio.render() is None
    assert studio.krea.counts["post"] == 2
    assert studio.krea.jobs[studio.run.takes["surf"].job_id].body["prompt"] == "Surf"


@pytest.mark.parametrize("ahead", AHEAD, ids=str)
async def test_a_job_of_before_is_not_taken_because_of_it(studio: Studio, ahead: timedelta) -> None:
    """Nothing came of the POST; a stranger's job that is as old as the clocks differ is none of its."""
    stranger = studio.krea.add("/generate/video/xai/grok-video", {"prompt": "of somebody else", "duration": 4})
    stranger.created_at -= abs(ahead) * 2
    date_jobs(studio, ahead)
    studio.declare(f"{ONE}\n      {SURF}")
    studio.krea.answers = ["accept", "500-before"]
    assert await studio.render() is None
    assert stranger.id not in {take.job_id for take in studio.run.takes.values()}
    assert studio.krea.counts["post"] == 3


async def test_before_any_answer_what_is_paid_again_is_named(studio: Studio) -> None:
    date_jobs(studio, timedelta(hours=-8))
    studio.krea.answers = ["500-after"]
    assert await studio.render() is None
    assert studio.krea.counts["post"] == 2
    assert {stray.stray.job_id for stray in await strays_of(studio) if stray.stray} == {"job-1"}
    assert [told.job_id for told in studio.run.manifest.stray_jobs] == ["job-1"]
