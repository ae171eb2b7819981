"""Keeps a run alive whose slot among the runs of its deployment was lost.

A deployment whose runs wait for each other (``overlap``) has one slot, which Prefect's engine leases and renews while a run goes on. Where
the lease is gone, because the server was away for minutes or has restarted without its memory, the engine would cancel the run in the
middle, jobs that are paid for and all, and leave it crashed. What such a lease guards is the order of runs; money is guarded by the
ledger. So the run goes on, and Prefect's log warns that another one may begin beside it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from uuid import UUID

from prefect import flow_engine

NAME = "amaintain_concurrency_lease"
"""Of what the engine renews leases with; it takes no option that a flow could set."""


def outlive_leases() -> None:
    """Have the engine of this process go on with a run whose lease cannot be renewed. Doing it again changes nothing."""
    renew: Callable[..., AbstractAsyncContextManager[None]] = getattr(flow_engine, NAME)
    if getattr(renew, "outlived", False):
        return

    @asynccontextmanager
    async def renewing(lease_id: UUID, lease_duration: float, **options: Any) -> AsyncIterator[None]:
        async with renew(lease_id, lease_duration, **options | {"raise_on_lease_renewal_failure": False}):
            yield

    renewing.outlived = True  # type: ignore[attr-defined]
    setattr(flow_engine, NAME, renewing)
