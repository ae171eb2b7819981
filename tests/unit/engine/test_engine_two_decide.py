"""What persons say about a doubt: two at the same moment, one names its job, the other wants it sent again; or a job that cannot be it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pytest

from animatic.engine.decisions import adopt_job, allow_resubmission, find_doubt, list_doubts
from animatic.engine.strays import Stray
from animatic.errors import InDoubtError, UsageError
from animatic.krea import Job
from tests.unit.engine.studio import Studio

pytestmark = pytest.mark.anyio

GROK = "/generate/video/xai/grok-video"


@pytest.mark.parametrize("first", ["adopt", "resubmit", "at once"])
async def test_the_job_that_a_person_named_is_taken(studio: Studio, first: Literal["adopt", "resubmit", "at once"]) -> None:
    studio.krea.answers = ["500-after"]
    studio.krea.on_post = lambda body: studio.krea.add(GROK, {**body, "prompt": "a stranger's"})
    assert isinstance(await studio.render(), InDoubtError)
    studio.krea.on_post = lambda _body: None
    one, other = [find_doubt(await list_doubts(studio.destinations, timing=studio.timing()), "dawn") for _ in range(2)]
    named = next(job for job in studio.krea.jobs.values() if job.body["prompt"] != "a stranger's")
    adopting = adopt_job(one, Job(id=named.id, status="completed", created_at=named.created_at))
    resubmitting = allow_resubmission(other)
    match first:
        case "adopt":
            await adopting
            taken_up = Stray(submission=one.submission, job_id=named.id, usd=None, why="nobody waits for it", expected=True)
            with pytest.raises(UsageError, match=f"is job {named.id} already") as settled:  # as it is told once its sender has ended
                find_doubt([replace(one, kind="stray", stray=taken_up)], "dawn")
            assert f"`animatic resume {studio.run.plan.run_id}`" in (settled.value.hint or "")
            with pytest.raises(UsageError, match=f"is job {named.id}: that counts") as refused:
                await resubmitting
            assert f"`animatic resume {studio.run.plan.run_id}`" in (refused.value.hint or "")
        case "resubmit":
            await resubmitting
            await adopting
        case "at once":
            adopted, _ = await asyncio.gather(adopting, resubmitting, return_exceptions=True)
            assert adopted is None
    with pytest.raises(UsageError, match="dawn"):
        find_doubt(await list_doubts(studio.destinations, timing=studio.timing()), "dawn")
    assert await studio.render() is None
    assert (studio.run.takes["dawn"].job_id, studio.krea.counts["post"]) == (named.id, 1)
    assert studio.run.manifest.stray_jobs == ()


async def test_a_job_that_is_older_than_the_submission_is_not_its_job(studio: Studio) -> None:
    older = studio.krea.add(GROK, {"prompt": "yesterday's"})
    older.created_at -= timedelta(days=1)
    studio.krea.answers = ["500-after"]
    studio.krea.on_post = lambda body: studio.krea.add(GROK, {**body, "prompt": "a stranger's"})
    assert isinstance(await studio.render(), InDoubtError)
    doubt = find_doubt(await list_doubts(studio.destinations, timing=studio.timing()), "dawn")
    with pytest.raises(UsageError, match="before shot 'dawn' was submitted"):
        await adopt_job(doubt, Job(id=older.id, status="completed", created_at=older.created_at))
