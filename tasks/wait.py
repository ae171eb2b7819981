"""The task that waits for a job: retried freely, because waiting never submits."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State

from animatic.engine.wait import await_job
from animatic.errors import AnimaticError
from animatic.tasks.context import current_context, done, raise_or_fail, worth_retrying


@task(
    name="wait",
    retries=3,
    retry_delay_seconds=[2, 10, 30],
    retry_jitter_factor=0.3,
    retry_condition_fn=worth_retrying,
    cache_policy=NO_CACHE,
    persist_result=False,
)
async def wait(shot: str) -> State[None]:
    """Wait for the end of a shot's job; all waits of the process share one poll of the job list."""
    context = current_context()
    try:
        job = await await_job(context.run, context.run.steps[shot], context.submitted[shot])
    except AnimaticError as error:
        return raise_or_fail(shot, error)
    return done(shot, job, f"{shot}: job {job.id} {job.status}")
