"""Serves deployments from this process: polls for their runs and gives each a process of its own, until it is told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from uuid import UUID

from prefect.deployments.runner import RunnerDeployment
from prefect.runner import Runner

from animatic.prefect.waiting import keep_naming
from animatic.signals import stop_signals

POLL_SECONDS = 2
"""Between two looks for runs: someone who starts one in the UI looks at the screen."""
HEARTBEAT_SECONDS = 30


class _ExistingDeployment(RunnerDeployment):
    """A deployment that the server has already: the runner is only to know its id."""

    id: UUID

    async def aapply(self, *_arguments: object, **_options: object) -> UUID:
        """Return the id instead of writing the deployment once more, which would undo what people did to its schedules."""
        return self.id


async def serve(deployments: Mapping[str, UUID], *, limit: int) -> None:
    """Run what is due of these deployments (name -> id), ``limit`` runs at once, until Ctrl-C or SIGTERM. Schedules are left as they are.

    Runs that are going on then are ended in good order: their records are written, and what was submitted is in the ledger.
    """
    runner = Runner(name="animatic", pause_on_shutdown=False, query_seconds=POLL_SECONDS, limit=limit, heartbeat_seconds=HEARTBEAT_SECONDS)
    for name, key in deployments.items():
        await runner.aadd_deployment(_ExistingDeployment(name=name, id=key))
    running = asyncio.create_task(runner.start())
    naming = asyncio.create_task(keep_naming(deployments))
    stopping = asyncio.Event()
    # The runner sets its own handler for SIGTERM in its first step, which would exit in the middle of the event loop.
    await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    for number in stop_signals():
        loop.add_signal_handler(number, stopping.set)
    waiting = asyncio.create_task(stopping.wait())
    await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if stopping.is_set() and runner.started:
        await runner.astop()
    waiting.cancel()
    naming.cancel()
    await running
