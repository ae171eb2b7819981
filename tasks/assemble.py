"""The task that assembles a reel from the delivered clips."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State

from animatic.engine.reel import deliver_reel
from animatic.errors import AnimaticError
from animatic.tasks.context import current_context, done, raise_or_fail, worth_retrying


@task(name="reel", retries=2, retry_delay_seconds=[1, 10], retry_condition_fn=worth_retrying, cache_policy=NO_CACHE, persist_result=False)
async def assemble(cut: int) -> State[None]:
    """Assemble the reel of a cut and deliver it."""
    run = current_context().run
    try:
        reel = await deliver_reel(run, run.plan.cuts[cut])
    except AnimaticError as error:
        return raise_or_fail("reel", error)
    return done("reel", reel, reel.key)
