"""``doctor``: checks everything that a run depends on before it is needed. Pays nothing and leaves nothing behind."""

from __future__ import annotations

import asyncio
import importlib.metadata
import platform
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from animatic import __version__
from animatic.catalog import Catalog
from animatic.cli.advice import completed
from animatic.cli.lookup import declared, krea_client
from animatic.cli.options import json_option, one_file_option
from animatic.cli.output import count, print_json, tell, terminal_width
from animatic.columns import wrapped
from animatic.destination import is_remote
from animatic.errors import AnimaticError, UsageError
from animatic.plan import destinations_of
from animatic.proxies import is_inside
from animatic.redact import bare_url
from animatic.settings import Settings, pipelines_file, use_prefect_api
from animatic.spec import Declaration

if TYPE_CHECKING:
    from animatic.prefect.health import CheckResult

GIGABYTE = 10**9
MIN_FREE_BYTES = 2 * GIGABYTE


@click.command()
@one_file_option
@click.option("--simulate", is_flag=True, help="Check what a simulated run needs: no Krea token.")
@click.option("--pool", default="animatic", show_default=True, help="Work pool to check.")
@json_option
def doctor(file: Path | None, simulate: bool, pool: str, as_json: bool) -> int:
    """Check everything that a run depends on.

    That is versions, prices, the pipelines file, disk, Prefect with work pool and deployments, its database where this machine knows it,
    the Krea token, the clock, the way of callbacks, and every destination. The exit code is the highest of what failed.
    """
    results = asyncio.run(_examine(file or pipelines_file(), simulate=simulate, pool=pool, as_json=as_json))
    if as_json:
        print_json([_facts(result) for result in results])
    return max((result.error.exit_code for result in results if result.error), default=0)


async def _examine(path: Path, *, simulate: bool, pool: str, as_json: bool) -> list[CheckResult]:
    """Make all checks, and print each as soon as it is done where that is for people."""
    settings = Settings.from_environment()
    api_url = _use_available_api(settings)
    results: list[CheckResult] = []
    async for result in _checks(settings, path, api_url, simulate=simulate, pool=pool):
        results.append(result)
        if not as_json:
            mark = "FAIL" if result.error else "warn" if result.warning else "ok"
            width, hanging = terminal_width(sys.stdout), " " * 20
            lines = wrapped(result.message, width, indent=f"{mark:<4}  {result.subject:<12}  ", hanging=hanging)
            if result.error and result.error.hint:
                lines += wrapped(result.error.hint, width, indent=hanging)
            tell("\n".join(lines))
            sys.stdout.flush()
    return results


def _use_available_api(settings: Settings) -> str | None:
    """Find the Prefect API without starting one, and use it before Prefect is imported."""
    from animatic.prefect.server import available_api

    url = available_api(settings.home)
    if url is not None:
        use_prefect_api(url)
    return url


async def _checks(settings: Settings, path: Path, api_url: str | None, *, simulate: bool, pool: str) -> AsyncIterator[CheckResult]:
    from animatic.prefect.health import CheckResult, examine_postgres, examine_prefect

    yield CheckResult(
        subject="versions",
        message=f"animatic {__version__}, Python {platform.python_version()}, Prefect {importlib.metadata.version('prefect')}",
    )
    yield _catalog(settings)
    declaration, result = _declaration(path)
    yield result
    for result in _disk(settings, declaration):
        yield result
    if api_url is None:
        yield CheckResult(subject="Prefect API", message="none configured; a local server is started when one is needed")
    else:
        async for result in examine_prefect(declaration, path, pool):
            yield result
    async for result in examine_postgres():
        yield result
    if not simulate:
        async for result in _krea(settings, with_blocks=api_url is not None):
            yield result
        if settings.webhook_url is not None:
            yield await _callbacks(settings.webhook_url, settings.webhook_port, settings.krea_url)
    async for result in _destinations(settings, declaration, simulate=simulate):
        yield result


def _catalog(settings: Settings) -> CheckResult:
    from animatic.prefect.health import CheckResult

    catalog = Catalog.load(settings.home)
    return CheckResult(subject="models", message=f"{len(catalog.names())} models, prices of {catalog.date} ({catalog.origin})")


def _declaration(path: Path) -> tuple[Declaration | None, CheckResult]:
    from animatic.prefect.health import CheckResult

    try:
        declaration = declared((path,))
    except AnimaticError as error:
        hint = "`animatic validate` shows each mistake" if path.exists() else "run it in the folder of pipelines.yaml, or give --file"
        return None, CheckResult(subject="pipelines", message=f"{path}: {error.message}", error=UsageError(error.message, hint=hint))
    return declaration, CheckResult(subject="pipelines", message=f"{path}: {count(len(declaration.pipelines), 'pipeline')}")


def _disk(settings: Settings, declaration: Declaration | None) -> Iterator[CheckResult]:
    from animatic.prefect.health import CheckResult

    folders = {"state": settings.home, "temporary": Path(tempfile.gettempdir())}
    for spec in declaration.pipelines.values() if declaration else ():
        for place in destinations_of(spec):
            if not is_remote(place):
                folders["destination"] = Path(place)
    for name, folder in folders.items():
        there = next(parent for parent in (folder, *folder.parents) if parent.exists())
        free = shutil.disk_usage(there).free
        message = f"{free / GIGABYTE:.1f} GB free for {name} files ({folder})"
        yield CheckResult(subject="disk", message=message, warning=free < MIN_FREE_BYTES)


async def _krea(settings: Settings, *, with_blocks: bool) -> AsyncIterator[CheckResult]:
    """Prove the token as a run would: that of the environment, else that of the Prefect Secret block; then compare the clocks."""
    from animatic.engine.run import prove_token
    from animatic.prefect.health import MAX_CLOCK_SKEW_SECONDS, CheckResult, token_of_prefect

    source = "the environment"
    if settings.krea_token is None and with_blocks:
        try:
            settings, source = await token_of_prefect(settings), "the Secret block krea-api-token"
        except AnimaticError as error:
            yield CheckResult(subject="Krea token", message=error.message, error=error)
            return
        except Exception as error:  # noqa: BLE001 (a Prefect that does not answer is reported already)
            yield CheckResult(subject="Krea token", message=f"the Secret block could not be read: {type(error).__name__}", warning=True)
    if settings.krea_token is None:
        hint = "set KREA_API_TOKEN, or save a Prefect Secret block krea-api-token; with --simulate none is needed"
        yield CheckResult(subject="Krea token", message="there is none", error=UsageError("there is no Krea token", hint=hint))
        return
    try:
        async with krea_client(settings) as client:
            await prove_token(client, settings.krea_url, settings.patience.outage)
            offset = client.clock_offset.total_seconds()
    except AnimaticError as error:
        yield CheckResult(subject="Krea token", message=error.message, error=error)
        return
    yield CheckResult(subject="Krea token", message=f"accepted by {settings.krea_url} (from {source})")
    skewed = abs(offset) > MAX_CLOCK_SKEW_SECONDS
    advice = ": set the clock, for example with chrony" if skewed else ""
    yield CheckResult(
        subject="clock", message=f"{abs(offset):.0f} s {'behind' if offset > 0 else 'ahead of'} Krea's{advice}", warning=skewed
    )


async def _callbacks(url: str, port: int, krea_url: str) -> CheckResult:
    """Call the address that Krea would call. Nothing but speed depends on it, so what is wrong is a warning."""
    from animatic.krea.webhook_proof import prove_callbacks
    from animatic.prefect.health import CheckResult

    receiver, problem = await prove_callbacks(url, port=port)
    if problem is None and is_inside(urlsplit(url).hostname or "") and not is_inside(urlsplit(krea_url).hostname or ""):
        problem = "from here it does, but it is an address of this machine or network, which Krea cannot call"
    if problem is None:
        return CheckResult(subject="webhooks", message=f"a callback to {bare_url(url)} arrives; it is received by {receiver}")
    message = (
        f"a callback to {bare_url(url)} does not arrive: {problem}. It would be received by {receiver}. Runs poll and miss "
        "nothing; for callbacks start `animatic webhook` where that address leads and let its proxy pass on /hooks/ and /listen, "
        "or unset ANIMATIC_WEBHOOK_URL"
    )
    return CheckResult(subject="webhooks", message=message, warning=True)


async def _destinations(settings: Settings, declaration: Declaration | None, *, simulate: bool) -> AsyncIterator[CheckResult]:
    from animatic.engine.history import FIRST_READING_SECONDS, open_destination
    from animatic.prefect.health import CheckResult

    for place in dict.fromkeys(place for spec in declaration.pipelines.values() for place in destinations_of(spec)) if declaration else ():
        try:
            storage = open_destination(place, simulated=simulate, outage=min(settings.patience.outage, FIRST_READING_SECONDS))
            await storage.check()
        except AnimaticError as error:
            yield CheckResult(subject="destination", message=error.message, error=error)
        else:
            yield CheckResult(subject="destination", message=f"{storage.url}: read/write OK, existing objects are not overwritten")


def _facts(result: CheckResult) -> dict[str, object]:
    state = "fail" if result.error else "warning" if result.warning else "ok"
    hint = completed(result.error.hint) if result.error and result.error.hint else None
    code = result.error.exit_code if result.error else 0
    return {"subject": result.subject, "state": state, "message": completed(result.message), "hint": hint, "exit_code": code}
