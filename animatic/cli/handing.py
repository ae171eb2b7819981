"""Hands a run over to the Prefect server where it is suspended, so that its deployment goes on with it, and no second run beside it."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from animatic.cli.output import say
from animatic.errors import PrefectError
from animatic.settings import default_home, quieten_prefect, use_prefect_api

if TYPE_CHECKING:
    from animatic.engine.history import PastRun
    from animatic.prefect.suspended import Resumed

LOOKED_AT = 50
"""Runs of the pipeline, the newest first, among which others that wait are looked for."""


async def is_deployed(run: PastRun) -> bool:
    """Whether a deployment has made the run. Raises StorageError."""
    manifest = await run.manifest_if_whole()
    return manifest is not None and manifest.prefect.deployment is not None


async def hand_over(run: PastRun) -> Resumed | None:
    """Resume the flow run of a run that is suspended; None where there is none, and the run may go on here.

    A local server is started where no other is configured: the flow run may be there. Raises PrefectError, StorageError.
    """
    if not await is_deployed(run):
        return None
    from animatic.prefect.server import ensure_api

    quieten_prefect()
    use_prefect_api(ensure_api(default_home(), tell=say))
    from animatic.prefect.suspended import resume_suspended

    return await resume_suspended(run)


async def hand_over_decided(run: PastRun, decided: Collection[str]) -> Resumed | None:
    """Do the same behind decisions that are recorded, and resume whichever other runs these let go on.

    ``decided``: the bases of their shots. Where the server does not answer, that is said, and the decision stands. Raises StorageError.
    """
    resumed, handed = None, run
    try:
        resumed = await hand_over(run)
        for other in await _others_served(run, decided) if await is_deployed(run) else ():
            handed = other
            if (also := await hand_over(other)) is not None:
                say(told(also, other.plan.run_id))
    except PrefectError as error:
        say(f"The decision is recorded, but {error.message}: go on with `animatic resume {handed.plan.run_id}`")
    return resumed


async def _others_served(run: PastRun, decided: Collection[str]) -> list[PastRun]:
    """Return the other runs of deployments that wait, and go on by what was decided: runs of one storyboard share takes.

    One that waits with another take would only ask about that again: meanwhile it would keep those away that can go on.
    """
    from animatic.catalog import Catalog
    from animatic.engine.decided import is_served
    from animatic.engine.history import past_runs

    catalog = Catalog.load(default_home())
    found = []
    for other in await past_runs((run.destination,), pipeline=run.plan.pipeline, limit=LOOKED_AT):
        if other.plan.run_id == run.plan.run_id or not any(step.approve and step.base in decided for step in other.plan.shots):
            continue
        manifest = await other.manifest_if_whole()
        if manifest is None or manifest.state != "waiting" or manifest.prefect.deployment is None:
            continue
        if await is_served(other, decided, catalog):
            found.append(other)
    return found


def told(resumed: Resumed, run_id: str) -> str:
    """Return what to tell of a run that was handed over."""
    verb = "is resumed by" if resumed.what == "resumed" else "goes on already in"
    return f"run {run_id} {verb} its deployment (flow run {resumed.name}); follow it with `animatic watch {run_id}`"


def facts(resumed: Resumed | None) -> dict[str, Any] | None:
    """Return the same for programs; None where nothing was handed over."""
    return None if resumed is None else {"id": resumed.flow_run_id, "name": resumed.name, "state": resumed.what}
