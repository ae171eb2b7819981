"""Puts the message back that a cancelled run ended with: ``python -m animatic.flows.last_word FLOW_RUN_ID MESSAGE``.

Whatever had started the run replaces its message, once it has ended, by "Flow run was cancelled successfully.": this waits for that.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.states import Cancelled

LOOKS = 60
PAUSE_SECONDS = 0.5


async def have_the_last_word(
    client: PrefectClient, flow_run_id: UUID, message: str, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> bool:
    """Replace the message of a cancelled run that says something else; False where it goes on again, or nothing comes in half a minute."""
    for _ in range(LOOKS):
        state = (await client.read_flow_run(flow_run_id)).state
        if state is None or not (state.is_cancelling() or state.is_cancelled()):
            return False
        if state.is_cancelled() and state.message != message:
            await client.set_flow_run_state(flow_run_id, Cancelled(message=message), force=True)
            return True
        await sleep(PAUSE_SECONDS)
    return False


async def _main(flow_run_id: UUID, message: str) -> None:
    async with get_client() as client:
        await have_the_last_word(client, flow_run_id, message)


if __name__ == "__main__":
    asyncio.run(_main(UUID(sys.argv[1]), sys.argv[2]))
