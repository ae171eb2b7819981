"""The task that stands for a shot that was not made, so that the graph in the UI is the whole storyboard."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Cancelled

from animatic.tasks.context import current_context


@task(name="skipped", retries=0, cache_policy=NO_CACHE, persist_result=False)
async def skip(shot: str) -> State[None]:
    """Say why a shot was not made."""
    return Cancelled(name="Skipped", message=f"{shot}: {current_context().run.progress.shots[shot].detail}")
