"""The work pool that deployments wait in for a worker."""

from __future__ import annotations

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.workers.process import ProcessWorker

from animatic.errors import UsageError


async def ensure_pool(client: PrefectClient, name: str) -> bool:
    """Make a process work pool of that name where there is none; True if it was made now. A pool of another type is used as it is."""
    try:
        pool = await client.read_work_pool(name)
    except ObjectNotFound:
        template = ProcessWorker.get_default_base_job_template()
        try:
            await client.create_work_pool(WorkPoolCreate(name=name, type=ProcessWorker.type, base_job_template=template))
        except ObjectAlreadyExists:
            return False
        return True
    if pool.is_push_pool or pool.is_managed_pool:
        raise UsageError(
            f"work pool {name!r} is of type {pool.type}, which has no worker on your machines", hint="name another: --pool NAME"
        )
    return False
