"""Ends a run in good order when it is cancelled in the UI, or when its worker is told to stop.

A worker answers a cancellation by SIGTERM, on which Prefect would break the event loop wherever it is. Ours lets the run end by itself instead:
nothing new starts, what was submitted stays in the ledger, and the record is written. A look at the run's own state every few seconds covers
what sends no signal: a cancellation while the worker is gone, and a run that somebody has put into another final state by hand.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
from collections.abc import AsyncIterator
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, StateType
from prefect.exceptions import ObjectNotFound
from prefect.runtime import flow_run

from animatic.flows.perform import Performance

EVERY = 3.0
"""Seconds between two looks at the run's state."""
STOPPING = (signal.SIGTERM, signal.SIGINT)
"""A worker sends the first, Ctrl-C in a terminal the second to every process of its group."""
WORKING = frozenset({StateType.RUNNING, StateType.PENDING, StateType.SCHEDULED})
log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def stop_when_asked(performance: Performance) -> AsyncIterator[None]:
    """Interrupt a performance on SIGTERM, and once the Prefect server says that its run is no longer to go on."""
    loop = asyncio.get_running_loop()
    watching = asyncio.create_task(_watch(performance))
    in_main_thread = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in STOPPING}
    if in_main_thread:
        for number in STOPPING:
            loop.add_signal_handler(number, performance.interrupt)
    try:
        yield
    finally:
        watching.cancel()
        if in_main_thread:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler)


async def _watch(performance: Performance) -> None:
    run_id = flow_run.id
    if run_id is None:
        return
    async with get_client() as client:
        while not performance.interrupted:
            await asyncio.sleep(EVERY)
            try:
                state: State | None = (await client.read_flow_run(UUID(run_id))).state
            except ObjectNotFound:
                log.warning("the flow run was deleted: stopping")
                performance.interrupt()
            except Exception as error:  # noqa: BLE001 (whatever ails the server, the shots go on)
                log.debug("the run's state could not be read: %s", type(error).__name__)
            else:
                if state is not None and state.type not in WORKING:
                    performance.interrupt()
