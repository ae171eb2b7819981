"""``deploy``: makes pipelines deployments of a work pool. Shows the difference first, as ``serve`` and ``up`` do by the functions here."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

import click

from animatic.cli.deploy_origin import Asked, include_option, origin_asked, pull_option
from animatic.cli.lookup import deployable
from animatic.cli.max_jobs import limit_facts, limit_lines, max_jobs_option, parse_max_jobs
from animatic.cli.options import json_option, one_file_option
from animatic.cli.output import print_json, say, terminal_width
from animatic.columns import wrapped
from animatic.errors import UsageError
from animatic.settings import default_home, pipelines_file, use_prefect_api

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.orchestration import PrefectClient

    from animatic.catalog.model import Kind
    from animatic.prefect.deployments import Change, Difference
    from animatic.prefect.origin import Origin
    from animatic.spec import Declaration

PREFECT_YAML = Path("deployments/prefect.yaml")
MAX_NAME_SHARE = 0.4
"""Of a terminal's width that names of pipelines may take, with what differs beside them."""

prune_option = click.option(
    "--prune/--no-prune", default=None, help="Remove deployments whose pipeline is no longer in the file (default: ask)."
)
take_over_option = click.option(
    "--take-over/--no-take-over",
    default=None,
    help="Overwrite deployments of these names that come from another project (default: ask).",
)
follow_option = click.option("--follow", is_flag=True, help="Let workers render whatever the file says, even if it was not deployed.")


@click.command()
@one_file_option
@click.option(
    "--pool",
    default="animatic",
    show_default=True,
    help="Work pool to deploy to; a process pool of this name is created when there is none.",
)
@click.option("--git", "repository", metavar="URL", help="Let workers clone this repository; --file is then relative to its root.")
@click.option("--branch", help="Branch of the repository.")
@click.option("--git-token-block", "token_block", metavar="NAME", help="Prefect Secret block with a token for a private repository.")
@pull_option
@include_option
@click.option(
    "--notify",
    metavar="TYPE/NAME",
    help="Send runs that fail, go over budget or wait for you to this notification block, e.g. slack-webhook/ops.",
)
@max_jobs_option
@follow_option
@prune_option
@take_over_option
@click.option("--dry-run", is_flag=True, help="Only show the difference.")
@click.option("--write", is_flag=True, help=f"Only write {PREFECT_YAML}, for `prefect deploy --all --prefect-file {PREFECT_YAML}`.")
@json_option
def deploy(
    file: Path | None,
    pool: str,
    repository: str | None,
    branch: str | None,
    token_block: str | None,
    pull: str | None,
    include: tuple[str, ...],
    notify: str | None,
    max_jobs: tuple[str, ...],
    follow: bool,
    prune: bool | None,
    take_over: bool | None,
    dry_run: bool,
    write: bool,
    as_json: bool,
) -> None:
    """Create or update the Prefect deployments of the pipelines.

    There is one for each pipeline of the file, with its schedules. The difference is shown first.
    """
    limits = parse_max_jobs(max_jobs)
    if write and limits:
        raise UsageError(
            "--max-jobs is kept by the server, not by a file", hint=f"leave --write out: `animatic deploy --max-jobs {max_jobs[0]}`"
        )
    if write and dry_run:
        raise UsageError(f"--dry-run writes nothing, and --write writes {PREFECT_YAML}", hint="leave one of the two out")
    path = file or pipelines_file()
    declaration = deployable(path)
    asked = Asked(
        file=file, path=path, repository=repository, branch=branch, token_block=token_block, pull=pull, include=include, follow=follow
    )
    origin, put = origin_asked(declaration, asked)
    if write:
        if pull is not None:
            put()
        fetched = pull is not None or repository is not None
        _write(declaration, path, pool, origin if fetched else None, as_json=as_json)
        return
    use_prefect()
    asyncio.run(
        _deploy(
            declaration,
            origin,
            put,
            pool=pool,
            follow=follow,
            prune=prune,
            take_over=take_over,
            notify=notify,
            limits=limits,
            dry_run=dry_run,
            as_json=as_json,
        )
    )


def _write(declaration: Declaration, path: Path, pool: str, origin: Origin | None, *, as_json: bool) -> None:
    from animatic.prefect.prefect_yaml import write_prefect_yaml

    changed, written = write_prefect_yaml(PREFECT_YAML, declaration, path, pool=pool, origin=origin)
    if as_json:
        print_json({"file": str(PREFECT_YAML), "written": changed, "switched_off": list(written.off), "gone": list(written.gone)})
    else:
        print(f"{PREFECT_YAML} {'written' if changed else 'is up to date'}")
    for schedule in written.off:
        say(f"the schedule {schedule} is no longer in the file: deploying {PREFECT_YAML} switches it off")
    for name in written.gone:
        say(f"{name} is no longer in the file, and `prefect deploy` leaves it running: prefect deployment delete {name}/{name}")


def use_prefect() -> None:
    """Talk to the configured Prefect API, or to the local server, started if need be. Raises PrefectError."""
    from animatic.prefect.server import ensure_api

    use_prefect_api(ensure_api(default_home(), tell=say))


async def _deploy(
    declaration: Declaration,
    origin: Origin,
    put: Callable[[], None],
    *,
    pool: str,
    follow: bool,
    prune: bool | None,
    take_over: bool | None,
    notify: str | None,
    limits: Mapping[Kind | None, int | None],
    dry_run: bool,
    as_json: bool,
) -> None:
    from animatic.prefect.api import ensure_pool, prefect_api
    from animatic.prefect.deployments import compare, wanted_deployments
    from animatic.prefect.job_limits import apply_limits, compare_limits
    from animatic.prefect.takeover import ensure_takeover

    _warn_of_shadows(origin)
    async with prefect_api() as client:
        differences = await compare(client, wanted_deployments(declaration, origin, pool=pool, follow=follow), origin)
        changed_limits = await compare_limits(client, limits)
        if not as_json:
            show_differences(differences)
            print("".join(f"{line}\n" for line in limit_lines(changed_limits)), end="")
        if dry_run:
            if as_json:
                print_json([*_facts(differences), *limit_facts(changed_limits)])
            return
        check_owners(differences, take_over=take_over)
        await asyncio.to_thread(put)  # before a deployment names it: a run may begin at once
        if await ensure_pool(client, pool):
            say(f"created the process work pool {pool!r}")
        await apply_all(client, differences, prune=prune)
        await apply_limits(client, changed_limits)
        await ensure_takeover(client)
        if notify is not None:
            from animatic.prefect.api import ensure_automations

            say("\n".join(await ensure_automations(client, notify)))
        if as_json:
            print_json([*_facts(differences), *limit_facts(changed_limits)])
            return
        idle = not await client.read_workers_for_work_pool(pool)
    if idle:
        say(f"No worker has ever asked this pool for work; start one: prefect worker start --pool {pool}")


def _warn_of_shadows(origin: Origin) -> None:
    """Name what would end the runs of a worker at their start: it looks for Python's modules in the project's folder first."""
    from animatic.prefect.shadows import shadowing

    folder = origin.folder
    if folder is not None and (found := shadowing(folder)):
        say(f"warning: {', '.join(found)} in {folder} would stand before Python's own modules in the runs of a worker: rename or move it")


def check_owners(differences: Sequence[Difference], *, take_over: bool | None) -> None:
    """Ask before deployments of another project are overwritten. Raises UsageError where nobody agrees; nothing is written then."""
    theirs = [item for item in differences if item.owner is not None]
    if not theirs or take_over:
        return
    named = ", ".join(f"{item.name} ({item.owner})" for item in theirs)
    may_ask = take_over is None and sys.stdin.isatty() and sys.stderr.isatty()
    if may_ask and click.confirm(f"Take over {named} from another project?", default=False, err=True):
        return
    raise UsageError(
        f"the server has deployments of these names from another project: {named}",
        hint="rename the pipelines here, or take them over: --take-over. Nothing was written",
    )


async def apply_all(client: PrefectClient, differences: Sequence[Difference], *, prune: bool | None) -> dict[str, UUID]:
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
        return click.confirm(f"Remove {', '.join(names)}, whose pipelines are no longer in the file?", default=False, err=True)
    say(f"kept {', '.join(names)}; remove with --prune")
    return False


def show_differences(differences: Sequence[Difference]) -> None:
    """Print what deploying changes, in lines that fit the terminal."""
    print("\n".join(difference_lines(differences, terminal_width(sys.stdout))), end="\n" if differences else "")


def difference_lines(differences: Sequence[Difference], width: int | None) -> list[str]:
    """Return the lines: names at the left, what differs beside them; below them where names leave too little room."""
    names = max((len(item.name) for item in differences), default=0)
    beside = width is None or names <= width * MAX_NAME_SHARE
    indent = " " * (names + 4) if beside else " " * 4
    lines: list[str] = []
    for item in differences:
        first, *others = item.details or (item.change,)
        owner = [f"now of another project: {item.owner}"] if item.owner is not None else []
        details = [f"{'new; ' if item.change == 'new' else ''}{first}", *owner, *others, *item.notes]
        head = f"{_mark(item.change)} {item.name}"
        if beside:
            lines += wrapped(details.pop(0), width, indent=head.ljust(len(indent)), hanging=f"{indent}  ")
        else:
            lines.append(head)
        for detail in details:
            lines += wrapped(detail, width, indent=indent, hanging=f"{indent}  ")
    return lines


def _mark(change: Change) -> str:
    match change:
        case "new":
            return "+"
        case "changed":
            return "~"
        case "unchanged":
            return "="
        case "gone":
            return "-"
        case _:
            assert_never(change)


def _facts(differences: Sequence[Difference]) -> list[dict[str, object]]:
    return [
        {"name": item.name, "change": item.change, "details": [*item.details, *item.notes], "owner": item.owner} for item in differences
    ]
