"""The verbs that make pipelines deployments: ``deploy`` (on a work pool) and ``serve`` (from this process). Both show the difference first."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from animatic.catalog import Catalog
from animatic.cli.options import json_option
from animatic.cli.problems import show_problems
from animatic.cli.sources import DEFAULT, declared
from animatic.errors import DeclarationError
from animatic.plan import check_declaration
from animatic.settings import Settings, pipelines_file
from animatic.spec import Declaration

if TYPE_CHECKING:
    from animatic.prefect.deployments import Difference
    from animatic.prefect.origin import Origin

MARKS = {"new": "+", "changed": "~", "unchanged": "=", "gone": "-"}
PREFECT_YAML = Path("deployments/prefect.yaml")

one_file_option = click.option(
    "--file", "file", type=click.Path(path_type=Path), metavar="PATH", help="Another pipelines file, or a folder of them."
)
prune_option = click.option("--prune/--no-prune", default=None, help="Remove deployments whose pipeline left the file (default: ask).")
follow_option = click.option("--follow", is_flag=True, help="Workers render whatever the file says, even if it was not deployed.")


@click.command()
@one_file_option
@click.option("--pool", default="animatic", show_default=True, help="Work pool; a process pool of this name is made when there is none.")
@click.option("--git", "repository", metavar="URL", help="Workers clone this repository; --file is then relative to its root.")
@click.option("--branch", help="Branch of the repository.")
@click.option("--git-token-block", "token_block", metavar="NAME", help="Prefect Secret block with a token for a private repository.")
@click.option(
    "--notify", metavar="TYPE/NAME", help="Notification block (slack-webhook/ops) that hears of runs that fail or go over budget."
)
@follow_option
@prune_option
@click.option("--dry-run", is_flag=True, help="Only show the difference.")
@click.option("--write", is_flag=True, help=f"Only write {PREFECT_YAML}, for `prefect deploy --all --prefect-file {PREFECT_YAML}`.")
@json_option
def deploy(
    file: Path | None,
    pool: str,
    repository: str | None,
    branch: str | None,
    token_block: str | None,
    notify: str | None,
    follow: bool,
    prune: bool | None,
    dry_run: bool,
    write: bool,
    as_json: bool,
) -> None:
    """Bring the Prefect deployments in step with the pipelines file: one for each pipeline, with its schedules."""
    path = chosen_file(file)
    declaration = checked(path)
    from animatic.prefect.origin import in_folder, in_repository

    if write:
        from animatic.prefect.prefect_yaml import write_prefect_yaml

        changed = write_prefect_yaml(PREFECT_YAML, declaration, path, pool=pool)
        print(f"{PREFECT_YAML} {'written' if changed else 'is in step already'}")
        return
    origin = in_folder(path) if repository is None else in_repository(repository, file or DEFAULT, branch=branch, token_block=token_block)
    use_prefect()
    asyncio.run(_deploy(declaration, origin, pool=pool, follow=follow, prune=prune, notify=notify, dry_run=dry_run, as_json=as_json))


@click.command()
@one_file_option
@click.option("--limit", type=click.IntRange(1), default=4, show_default=True, help="Runs at once.")
@follow_option
@prune_option
def serve(file: Path | None, limit: int, follow: bool, prune: bool | None) -> None:
    """Deploy every pipeline and run what is due from this process, without a work pool, until Ctrl-C."""
    path = chosen_file(file)
    declaration = checked(path)
    from animatic.prefect.origin import in_folder

    origin = in_folder(path)
    use_prefect()
    asyncio.run(_serve(declaration, origin, limit=limit, follow=follow, prune=prune))


def chosen_file(file: Path | None) -> Path:
    """Return the pipelines file of a command that takes one."""
    return file or pipelines_file()


def checked(path: Path) -> Declaration:
    """Read and check a declaration: what would fail in every run is not deployed. Raises DeclarationError."""
    declaration = declared((path,))
    problems = check_declaration(declaration, Catalog.load(Settings.from_environment().home))
    if any(problem.severity == "error" for problem in problems):
        raise DeclarationError(problems)
    if problems:
        show_problems(problems)
    return declaration


def use_prefect() -> str:
    """Find the Prefect API, starting the local server where none is configured, and set ``PREFECT_API_URL``. Returns it."""
    from animatic.cli.perform import prefect_url

    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ["PREFECT_API_URL"] = prefect_url(Settings.from_environment())
    return os.environ["PREFECT_API_URL"]


async def _deploy(
    declaration: Declaration,
    origin: Origin,
    *,
    pool: str,
    follow: bool,
    prune: bool | None,
    notify: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    from animatic.prefect.api import ensure_pool, prefect_api
    from animatic.prefect.deployments import compare, wanted_deployments

    async with prefect_api() as client:
        differences = await compare(client, wanted_deployments(declaration, origin, pool=pool, follow=follow), origin)
        if not as_json:
            show(differences)
        if dry_run:
            if as_json:
                _print_json(differences)
            return
        made = await ensure_pool(client, pool)
        if made:
            say(f"made the process work pool {pool!r}")
        await bring_about(client, differences, prune=prune)
        if notify is not None:
            from animatic.prefect.api import ensure_automation

            say(await ensure_automation(client, notify))
        if as_json:
            _print_json(differences)
            return
        idle = not await client.read_workers_for_work_pool(pool)
    if idle:
        say(f"No worker has ever asked this pool for work; start one: prefect worker start --pool {pool}")


async def _serve(declaration: Declaration, origin: Origin, *, limit: int, follow: bool, prune: bool | None) -> None:
    from animatic.prefect.serve import serve as serve_deployments

    deployments = await deploy_served(declaration, origin, follow=follow, prune=prune)
    say(f"Serving {len(deployments)} deployments, {limit} runs at once; Ctrl-C ends it, schedules stay.")
    with contextlib.suppress(asyncio.CancelledError):
        await serve_deployments(deployments, limit=limit)


async def deploy_served(declaration: Declaration, origin: Origin, *, follow: bool, prune: bool | None) -> dict[str, Any]:
    """Deploy without a work pool and return the deployments' ids by name."""
    from animatic.prefect.api import prefect_api
    from animatic.prefect.deployments import compare, wanted_deployments

    async with prefect_api() as client:
        differences = await compare(client, wanted_deployments(declaration, origin, pool=None, follow=follow), origin)
        show(differences)
        return await bring_about(client, differences, prune=prune)


async def bring_about(client: Any, differences: Sequence[Difference], *, prune: bool | None) -> dict[str, Any]:
    """Write what differs, remove what may be removed, and return the ids by name."""
    from animatic.prefect.deployments import apply, remove

    written = {item.name: await apply(client, item) for item in differences if item.wanted is not None}
    gone = [item for item in differences if item.change == "gone"]
    if gone and _may_prune(prune, [item.name for item in gone]):
        for item in gone:
            await remove(client, item)
            say(f"removed {item.name}")
    return written


def _may_prune(prune: bool | None, names: Sequence[str]) -> bool:
    if prune is not None:
        return prune
    if sys.stdin.isatty() and sys.stderr.isatty():
        return click.confirm(f"Remove {', '.join(names)}, whose pipelines left the file?", default=False, err=True)
    say(f"kept {', '.join(names)}; remove with --prune")
    return False


def show(differences: Sequence[Difference]) -> None:
    """Print what deploying changes."""
    width = max((len(item.name) for item in differences), default=0)
    for item in differences:
        first, *others = item.details or (item.change,)
        print(f"{MARKS[item.change]} {item.name:<{width}}  {'new; ' if item.change == 'new' else ''}{first}")
        for detail in others:
            print(f"  {'':<{width}}  {detail}")


def _print_json(differences: Sequence[Difference]) -> None:
    print(json.dumps([{"name": item.name, "change": item.change, "details": list(item.details)} for item in differences], indent=2))


def say(text: str) -> None:
    """Tell a person, on standard error."""
    print(text, file=sys.stderr, flush=True)
