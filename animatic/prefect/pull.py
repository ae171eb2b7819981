"""The pull step of deployments whose declaration lies in a bucket: workers without the folder fetch it before a run.

Prefect knows the step by its name, ``animatic.prefect.pull.from_s3``: deployments hold it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from animatic import proxies
from animatic.engine.bundles import BUNDLES, fetch_bundle
from animatic.errors import AnimaticError
from animatic.flows.pulled import let_run, refuse_run
from animatic.flows.worker import use_aws_block
from animatic.settings import Settings
from animatic.storage import open_storage


async def from_s3(location: str, sha256: str, include: Sequence[str] = ()) -> dict[str, str]:
    """Fetch a declaration and return the folder of its pipelines file as ``directory``.

    ``location``: ``s3://bucket/prefix``; ``sha256``: of the list of its files, as it was deployed; ``include``: patterns by which further
    files came into it, for `animatic doctor`. Where it cannot be had, or is not that one, nothing is raised, as Prefect would show a
    traceback: the run is begun all the same, and fails with the reason.
    """
    del include
    try:
        proxies.prepare()
        settings = Settings.from_environment()
        await use_aws_block(settings.aws_block)
        storage = open_storage(location, patience=settings.patience.outage).below(BUNDLES)
        start = await fetch_bundle(storage, sha256, settings.home / "pulled" / sha256)
    except AnimaticError as error:
        refuse_run(error)
        return {"directory": str(Path.cwd())}
    let_run()
    return {"directory": str(start)}
