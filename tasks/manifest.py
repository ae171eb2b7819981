"""The task that writes the run's record for good: manifest and page."""

from __future__ import annotations

from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

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
async def write_manifest() -> Any:
    """Write the manifest and the page; returns the manifest."""
    reporter = current_context().reporter
    try:
        manifest = await reporter.finish(cancelled=False)
    except AnimaticError as error:
        return raise_or_fail("manifest", error)
    return done("manifest", manifest, reporter.manifest_location)
