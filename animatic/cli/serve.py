"""``serve``: makes pipelines deployments and executes their runs from this process."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from animatic.cli.deploy import apply_all, check_owners, follow_option, prune_option, show_differences, take_over_option, use_prefect
from animatic.cli.lookup import deployable
from animatic.cli.options import one_file_option
from animatic.cli.output import say
from animatic.settings import pipelines_file, serve_file

if TYPE_CHECKING:
    from uuid import UUID

    from animatic.prefect.origin import Origin
    from animatic.spec import Declaration

limit_option = click.option(
    "--limit", type=click.IntRange(1), default=4, show_default=True, help="Execute at most so many runs at the same time."
)


@click.command()
@one_file_option
@limit_option
@follow_option
@prune_option
@take_over_option
def serve(file: Path | None, limit: int, follow: bool, prune: bool | None, take_over: bool | None) -> None:
    """Deploy the pipelines and execute their runs in this process, without a work pool.

    It ends at Ctrl-C; the deployments and their schedules stay.
    """
    path = file or pipelines_file()
    declaration = deployable(path)
    from animatic.prefect.origin import in_folder

    origin = in_folder(path)
    serve_file(path, follow=follow)
    use_prefect()
    asyncio.run(_serve(declaration, origin, limit=limit, follow=follow, prune=prune, take_over=take_over))


async def _serve(declaration: Declaration, origin: Origin, *, limit: int, follow: bool, prune: bool | None, take_over: bool | None) -> None:
    from animatic.prefect.serve import serve as serve_deployments

    deployments = await deploy_served(declaration, origin, follow=follow, prune=prune, take_over=take_over)
    say(f"Serving {len(deployments)} deployments, {limit} runs at once; Ctrl-C ends it, schedules stay.")
    with contextlib.suppress(asyncio.CancelledError):
        await serve_deployments(deployments, limit=limit)


async def deploy_served(
    declaration: Declaration, origin: Origin, *, follow: bool, prune: bool | None, take_over: bool | None
) -> dict[str, UUID]:
    """Deploy without a work pool and return the deployments' ids by name. Raises UsageError for those of another project."""
    from animatic.prefect.api import prefect_api
    from animatic.prefect.deployments import compare, wanted_deployments

    async with prefect_api() as client:
        differences = await compare(client, wanted_deployments(declaration, origin, pool=None, follow=follow), origin)
        show_differences(differences)
        check_owners(differences, take_over=take_over)
        return await apply_all(client, differences, prune=prune)
