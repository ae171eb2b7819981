"""The task that may spend money: never retried by Prefect, because the ledger, not the engine, knows what was sent."""

from __future__ import annotations

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State

from animatic.engine.submit import obtain
from animatic.errors import AnimaticError
from animatic.ledger import Take
from animatic.money import dollars
from animatic.tasks.context import current_context, done, failed


@task(name="generate", retries=0, cache_policy=NO_CACHE, persist_result=False)
async def generate(shot: str) -> State[None]:
    """Return the take of a shot if the ledger has it, else the job that makes it, submitted if nobody has."""
    context, logger = current_context(), get_run_logger()
    run = context.run
    step = run.steps[shot]
    try:
        found = await obtain(run, step, context.requests[shot])
    except AnimaticError as error:
        return failed(shot, error)
    if isinstance(found, Take):
        logger.info("%s: unchanged since run %s, reused", shot, found.run_id)
        return done(shot, found, f"{shot}: take of run {found.run_id}, nothing to pay", name="Reused")
    price, again = dollars(found.usd, unknown="an unknown price"), " (resumed from the ledger)" if found.adopted else ""
    logger.info("%s: job %s at %s for %s%s", shot, found.job_id, found.model, price, again)
    return done(shot, found, f"{shot}: job {found.job_id} at {found.model} for {price}")
