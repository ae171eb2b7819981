"""Where the workers of a deployment find its pipelines file, as the options of ``deploy`` say: a folder, a repository, a bucket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from animatic.cli.output import count, say, warn
from animatic.destination import absolute, is_remote
from animatic.errors import UsageError
from animatic.plan.destinations import DEFAULT_DESTINATION
from animatic.settings import DEFAULT_FILE
from animatic.spec.section import is_template

if TYPE_CHECKING:
    from animatic.engine.bundles import Bundle
    from animatic.plan.carried import CarriedFiles
    from animatic.prefect.origin import Origin
    from animatic.spec import Declaration

pull_option = click.option(
    "--pull",
    metavar="s3://BUCKET/PREFIX",
    help="Put the pipelines file and the files that it names there, and let workers fetch them from there.",
)
include_option = click.option(
    "--include",
    multiple=True,
    metavar="PATTERN",
    help="With --pull: further files that runs may name, such as 'refs/*.png', relative to the pipelines file.",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """The options by which an origin is asked for."""

    file: Path | None
    """As the command line names it."""
    path: Path
    """The pipelines file that was read."""
    repository: str | None
    branch: str | None
    token_block: str | None
    pull: str | None
    include: Sequence[str]
    follow: bool


def origin_asked(declaration: Declaration, asked: Asked) -> tuple[Origin, Callable[[], None]]:
    """Return the origin, and what puts it where the workers will look for it. Raises UsageError where the options do not go together."""
    from animatic.prefect.origin import in_bucket, in_folder, in_repository

    _check(asked)
    if asked.pull is not None:
        _check_destinations(declaration)
        bundle, carried = _bundle(declaration, asked)
        origin = in_bucket(asked.pull, asked.path, sha256=bundle.sha256, include=asked.include)
        return origin, lambda: _put(asked.pull or "", bundle, carried)
    if asked.repository is not None:
        origin = in_repository(asked.repository, asked.file or DEFAULT_FILE, branch=asked.branch, token_block=asked.token_block)
        _check_destinations(declaration)
        return origin, lambda: None
    return in_folder(asked.path), lambda: None


def _check(asked: Asked) -> None:
    if asked.pull is not None and asked.repository is not None:
        raise UsageError("--pull and --git both say where workers find the file", hint="give one of them")
    if asked.pull is not None and asked.follow:
        raise UsageError(
            "--follow renders whatever a file says, and --pull deploys one version of it",
            hint="leave one of them out; nothing was deployed",
        )
    if asked.include and asked.pull is None:
        raise UsageError("--include names files that travel, and nothing travels", hint="add --pull s3://bucket/prefix, or leave it out")


def _check_destinations(declaration: Declaration) -> None:
    """Refuse a destination beside the pipelines file: in a worker's copy it, and the ledger in it, would go with the copy."""
    for spec in declaration.pipelines.values():
        written = spec.deliver or DEFAULT_DESTINATION
        if not (is_template(written) or is_remote(written) or Path(absolute(written, below=Path())).is_absolute()):
            raise UsageError(
                f"pipeline {spec.name!r} delivers to {written}, a folder beside the pipelines file: workers have a copy of that file which "
                "is theirs alone, and what they pay for would be lost with it",
                hint="deliver to s3://bucket/prefix, or to a folder that all machines have (an absolute path). Nothing was deployed",
            )


def _bundle(declaration: Declaration, asked: Asked) -> tuple[Bundle, CarriedFiles]:
    from animatic.engine.bundles import bundle_of
    from animatic.plan.carried import carried_files

    carried = carried_files(declaration, asked.path, asked.include)
    for place in carried.staying:
        warn(f"{place} is an absolute path and stays here: it must be on every machine that renders")
    return bundle_of(carried), carried


def _put(location: str, bundle: Bundle, carried: CarriedFiles) -> None:
    """Put the files where the workers will look for them. Nothing that is there is changed."""
    from animatic.engine.bundles import BUNDLES, put_bundle
    from animatic.storage import open_storage

    new = asyncio.run(put_bundle(open_storage(location).below(BUNDLES), bundle, carried))
    say(f"{count(len(bundle.files), 'file')} of the declaration at {location.partition('?')[0]}, {new} of them new")
