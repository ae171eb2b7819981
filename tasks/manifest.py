"""The task that writes the run's record for good: manifest and page."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State

from animatic.errors import AnimaticError
from animatic.tasks.context import current_context, done, raise_or_fail, worth_retrying


@task(
    name="manifest",
    retries=4,
    retry_delay_seconds=[1, 4, 15, 30],
    retry_condition_fn=worth_retrying,
    cache_policy=NO_CACHE,
    persist_result=False,
)
async def write_manifest() -> State[None]:
    """Write the manifest and the page; returns the manifest."""
    writer = current_context().manifest_writer
    try:
        manifest = await writer.finish(cancelled=False)
    except AnimaticError as error:
        return raise_or_fail("manifest", error)
    return done("manifest", manifest, writer.manifest_location)
