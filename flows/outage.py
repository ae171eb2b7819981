"""What a run does while its Prefect API does not answer: no take depends on it, so it is asked again for as long as an outage may last."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from prefect.client.schemas.objects import State

from animatic.engine.run import Run
from animatic.errors import AnimaticError, PrefectError
from animatic.tasks.context import TaskContext

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 10.0
log = logging.getLogger(__name__)


async def call_task(context: TaskContext, key: str, call: Callable[[], Awaitable[State[Any]]]) -> State[Any] | None:
    """Call a task until Prefect takes it; None: it has done its work and left it on the context, and only Prefect could not be told.

    Every task may be called again: what was submitted and delivered is in the ledger. Raises PrefectError after ``patience.outage`` seconds, and at
    once where another task of the run has waited that long before.
    """
    loop = asyncio.get_running_loop()
    began, pause = loop.time(), FIRST_PAUSE
    while True:
        try:
            return await call()
        except AnimaticError:
            raise
        except Exception as error:  # what a task raises is a state: this is Prefect's own client or engine
            if key in context.outcomes:
                log.warning("Prefect was not told how %s ended: %s", key, type(error).__name__)
                return None
            if loop.time() + pause - began > context.run.settings.patience.outage or gone(context.run):
                raise _unreachable(context.run, error) from error
            log.warning("the Prefect API does not answer (%s); trying again", type(error).__name__)
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def gone(run: Run) -> bool:
    """Whether this run has given its Prefect API up."""
    return isinstance(run.stopped, PrefectError)


def _unreachable(run: Run, error: Exception) -> PrefectError:
    failure = PrefectError(
        f"the Prefect API has not answered for {run.settings.patience.outage:.0f} s ({type(error).__name__})",
        hint=f"what was submitted is in the ledger; when Prefect is back: animatic resume {run.plan.run_id}",
    )
    run.stop(failure)
    return failure
