"""The task that waits for a job: retried freely, because waiting never submits."""

from __future__ import annotations

from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed

from animatic.errors import AnimaticError
from animatic.takes.submission import Submission
from animatic.takes.waiting import await_job
from tasks.current import current_run
from tasks.outcomes import raise_or_fail


@task(name="wait", retries=3, retry_delay_seconds=[2, 10, 30], retry_jitter_factor=0.3, cache_policy=NO_CACHE, persist_result=False)
async def wait(shot: str, submission: Submission) -> Any:
    """Wait for the end of a shot's job; all waits of the process share one poll of the job list."""
    run = current_run()
    try:
        job = await await_job(run, run.plan.step(shot), submission)
    except AnimaticError as error:
        return raise_or_fail(error)
    return Completed(message=f"job {job.id} {job.status}", data=job)
