"""``doctor``: everything that a run depends on, looked at before it is needed; what is wrong comes with what to do. Pays nothing and leaves nothing behind."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import os
import platform
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from animatic import __version__
from animatic.catalog import Catalog
from animatic.cli.deploy import chosen_file, one_file_option
from animatic.cli.options import json_option, simulate_option
from animatic.cli.sources import declared
from animatic.errors import AnimaticError, UsageError
from animatic.plan import destination_of
from animatic.settings import Settings
from animatic.spec import Declaration

if TYPE_CHECKING:
    from animatic.prefect.health import CheckResult

GIGABYTE = 10**9
LITTLE_DISK = 2 * GIGABYTE
SKEW = 30.0
"""Seconds that this machine's clock may differ from Krea's before it is worth a word: jobs in doubt are found by time."""


@click.command()
@one_file_option
@simulate_option
@click.option("--pool", default="animatic", show_default=True, help="Work pool to look at.")
@json_option
def doctor(file: Path | None, simulate: bool, pool: str, as_json: bool) -> int:
    """Check token, destination, Prefect, clock, disk and versions. The exit code is that of the worst finding."""
    findings = asyncio.run(_examine(chosen_file(file), simulate=simulate, pool=pool, as_json=as_json))
    if as_json:
        print(json.dumps([_facts(finding) for finding in findings], indent=2, ensure_ascii=False))
    return max((finding.error.exit_code for finding in findings if finding.error), default=0)


async def _examine(path: Path, *, simulate: bool, pool: str, as_json: bool) -> list[CheckResult]:
    api_url = _api_url()
    found: list[CheckResult] = []
    async for finding in _all(path, api_url, simulate=simulate, pool=pool):
        found.append(finding)
        if not as_json:
            mark = "FAIL" if finding.error else "warn" if finding.warning else "ok"
            print(f"{mark:<4}  {finding.subject:<12}  {finding.message}", flush=True)
            if finding.error and finding.error.hint:
                print(f"      {'':<12}  {finding.error.hint}", flush=True)
    return found


async def _all(path: Path, api_url: str | None, *, simulate: bool, pool: str) -> AsyncIterator[CheckResult]:
    from animatic.prefect.health import CheckResult, examine_prefect

    settings = Settings.from_environment()
    yield CheckResult(
        subject="versions",
        message=f"animatic {__version__}, Python {platform.python_version()}, Prefect {importlib.metadata.version('prefect')}",
    )
    yield _catalog(settings)
    declaration, finding = _declaration(path)
    yield finding
    for finding in _disk(settings, declaration):
        yield finding
    if api_url is None:
        yield CheckResult(subject="Prefect API", message="none configured; a local server is started when one is needed")
    else:
        async for finding in examine_prefect(declaration, path, pool):
            yield finding
    if not simulate:
        async for finding in _krea(settings, with_blocks=api_url is not None):
            yield finding
    async for finding in _destinations(declaration, simulate=simulate):
        yield finding


def _api_url() -> str | None:
    """Find the Prefect API without starting one, and set it before Prefect is imported."""
    from animatic.prefect.server import configured_api_url, running

    server = running(Settings.from_environment().home)
    url = configured_api_url(os.environ) or (server.api_url if server else None)
    if url is not None:
        os.environ["PREFECT_API_URL"] = url
    return url


def _catalog(settings: Settings) -> CheckResult:
    from animatic.prefect.health import CheckResult

    catalog = Catalog.load(settings.home)
    return CheckResult(subject="models", message=f"{len(catalog.names())} models, prices of {catalog.date} ({catalog.origin})")


def _declaration(path: Path) -> tuple[Declaration | None, CheckResult]:
    from animatic.prefect.health import CheckResult

    try:
        declaration = declared((path,))
    except AnimaticError as error:
        hint = "animatic validate shows each mistake" if path.exists() else "run it in the folder of pipelines.yaml, or give --file"
        return None, CheckResult(subject="pipelines", message=f"{path}: {error.message}", error=UsageError(error.message, hint=hint))
    return declaration, CheckResult(subject="pipelines", message=f"{path}: {len(declaration.pipelines)} pipelines")


def _disk(settings: Settings, declaration: Declaration | None) -> Iterator[CheckResult]:
    from animatic.prefect.health import CheckResult

    places = {"state": settings.home, "temporary": Path(tempfile.gettempdir())}
    for spec in declaration.pipelines.values() if declaration else ():
        place = destination_of(spec)
        if "://" not in place:
            places["destination"] = Path(place)
    for name, folder in places.items():
        there = next(parent for parent in (folder, *folder.parents) if parent.exists())
        free = shutil.disk_usage(there).free
        message = f"{free / GIGABYTE:.1f} GB free for {name} files ({folder})"
        yield CheckResult(subject="disk", message=message, warning=free < LITTLE_DISK)


async def _krea(settings: Settings, *, with_blocks: bool) -> AsyncIterator[CheckResult]:
    from animatic.krea import KreaClient
    from animatic.prefect.health import CheckResult, token_of_prefect

    source = "the environment"
    if settings.krea_token is None and with_blocks:
        try:
            settings, source = await token_of_prefect(settings), "the Secret block krea-api-token"
        except AnimaticError as error:
            yield CheckResult(subject="Krea token", message=error.message, error=error)
            return
        except Exception as error:  # noqa: BLE001 (a Prefect that does not answer has been told of already)
            yield CheckResult(subject="Krea token", message=f"the Secret block could not be read: {type(error).__name__}", warning=True)
    if settings.krea_token is None:
        hint = "set KREA_API_TOKEN, or save a Prefect Secret block krea-api-token; with --simulate none is needed"
        yield CheckResult(subject="Krea token", message="there is none", error=UsageError("there is no Krea token", hint=hint))
        return
    try:
        async with KreaClient(settings.krea_url, settings.krea_token, patience=settings.patience) as client:
            async for _ in client.jobs(limit=1):
                break
            offset = client.clock_offset.total_seconds()
    except AnimaticError as error:
        yield CheckResult(subject="Krea token", message=error.message, error=error)
        return
    yield CheckResult(subject="Krea token", message=f"accepted by {settings.krea_url} (from {source})")
    skewed = abs(offset) > SKEW
    advice = ": set the clock, for example with chrony" if skewed else ""
    yield CheckResult(
        subject="clock", message=f"{abs(offset):.0f} s {'behind' if offset > 0 else 'ahead of'} Krea's{advice}", warning=skewed
    )


async def _destinations(declaration: Declaration | None, *, simulate: bool) -> AsyncIterator[CheckResult]:
    from animatic.engine.history import open_destination
    from animatic.prefect.health import CheckResult

    for place in dict.fromkeys(destination_of(spec) for spec in declaration.pipelines.values()) if declaration else ():
        try:
            storage = open_destination(place, simulated=simulate)
            await storage.check()
        except AnimaticError as error:
            yield CheckResult(subject="destination", message=error.message, error=error)
        else:
            yield CheckResult(subject="destination", message=f"{storage.url}: written, read, listed, and nothing overwritten")


def _facts(finding: CheckResult) -> dict[str, object]:
    state = "fail" if finding.error else "warning" if finding.warning else "ok"
    hint = finding.error.hint if finding.error else None
    code = finding.error.exit_code if finding.error else 0
    return {"subject": finding.subject, "state": state, "message": finding.message, "hint": hint, "exit_code": code}
