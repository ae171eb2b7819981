"""The task that delivers a result: download, check, upload, record, copy into the run's folder. Retried freely: it never submits."""

from __future__ import annotations

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State

from animatic.engine.deliver import deliver_take
from animatic.engine.fetch import fetch_take
from animatic.errors import AnimaticError
from animatic.ledger import Take
from animatic.money import dollars
from animatic.tasks.context import current_context, done, raise_or_fail, worth_retrying


@task(
    name="upload",
    retries=4,
    retry_delay_seconds=[1, 4, 15, 30],
    retry_jitter_factor=0.3,
    retry_condition_fn=worth_retrying,
    cache_policy=NO_CACHE,
    persist_result=False,
)
async def upload(shot: str) -> State[None]:
    """Deliver a shot: a take that is there already, or a finished job that is fetched first."""
    context, logger = current_context(), get_run_logger()
    run, source = context.run, context.sources[shot]
    step = run.steps[shot]
    try:
        take = source if isinstance(source, Take) else await fetch_take(run, step, *source)
        delivered = await deliver_take(run, step, take)
    except AnimaticError as error:
        return raise_or_fail(shot, error)
    elapsed = run.progress.shots[shot].elapsed(run.timing.monotonic())
    took = "" if elapsed is None or isinstance(source, Take) else f" after {elapsed:.0f} s"
    length = f", {take.clip.duration:g} s of {'sound' if step.makes == 'audio' else 'footage'}" if take.clip.duration else ""
    cost = "nothing paid" if isinstance(source, Take) else dollars(take.usd, unknown="price unknown")
    logger.info("%s: delivered%s%s, %s: %s (job %s)", shot, took, length, cost, delivered.clip.key, take.job_id)
    return done(shot, (take, delivered), f"{shot}: {cost}{length}: {delivered.clip.key}")
