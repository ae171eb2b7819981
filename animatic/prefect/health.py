"""Checks whether Prefect is there and ready for our pipelines, for `animatic doctor`. Reads only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import WorkerFilter, WorkerFilterStatus
from prefect.client.schemas.objects import WorkerStatus
from prefect.exceptions import ObjectNotFound

from animatic.engine.bundles import Bundle, bundle_of
from animatic.engine.timing import utc_now
from animatic.errors import AnimaticError, PrefectError, UsageError
from animatic.flows.worker import with_token
from animatic.krea.pace import http_date
from animatic.plan.carried import carried_files
from animatic.prefect.api import check_server, prefect_api
from animatic.prefect.deployments import compare, wanted_deployments
from animatic.prefect.job_limits import limits_now, limits_text
from animatic.prefect.origin import BUCKET_STEP, GIT_STEP, Origin, in_bucket, in_folder
from animatic.prefect.takeover import takeover_gaps
from animatic.settings import FILE, Settings
from animatic.spec import Declaration

MAX_CLOCK_SKEW_SECONDS = 30.0
"""That this machine's clock may differ from that of Krea or Prefect before it is worth a warning: jobs in doubt are found by time."""
Severity = Literal["ok", "warning", "fail"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckResult:
    """One thing that was checked. ``error`` is what is wrong with it, None if nothing is; ``warning``: it works, but look at it."""

    subject: str
    message: str
    error: AnimaticError | None = None
    warning: bool = False

    @property
    def severity(self) -> Severity:
        """How the check ended: ``fail`` makes the exit code that of its error."""
        return "fail" if self.error is not None else "warning" if self.warning else "ok"


async def examine_prefect(declaration: Declaration | None, path: Path, pool: str) -> AsyncIterator[CheckResult]:
    """Check the API of ``PREFECT_API_URL``, its version, the work pool, and whether the deployments are in step with the file."""
    try:
        async with prefect_api() as client:
            yield CheckResult(subject="Prefect API", message=f"{client.api_url}, version {await check_server(client)}")
            yield await _clock(client)
            yield await _work_pool(client, pool)
            yield await _job_limits(client, pool)
            yield await _takeover(client, pool)
            if declaration is not None:
                yield await _deployments(client, declaration, path, pool)
    except PrefectError as error:
        yield CheckResult(subject="Prefect API", message=error.message, error=error)


async def examine_postgres() -> AsyncIterator[CheckResult]:
    """Check the database of a Prefect server, where this machine knows it."""
    from animatic.prefect.database import database_url, examine_database  # noqa: PLC0415 (SQLAlchemy takes a second, and few need it)

    address = database_url()
    if address is None:
        return
    try:
        yield CheckResult(subject="database", message=await examine_database(address))
    except PrefectError as error:
        yield CheckResult(subject="database", message=error.message, error=error)


async def token_of_prefect(settings: Settings) -> Settings:
    """Return the settings with the token that a scheduled run would have."""
    return await with_token(settings)


async def _clock(client: PrefectClient, now: Callable[[], datetime] = utc_now) -> CheckResult:
    """Compare this machine's clock with the server's: schedules go by the one, the day of a run and its budget by the other."""
    theirs = http_date((await client.hello()).headers.get("Date"))
    if theirs is None:
        return CheckResult(subject="server clock", message="the Prefect server does not say what time it is")
    offset = (theirs - now()).total_seconds()
    skewed = abs(offset) > MAX_CLOCK_SKEW_SECONDS
    return CheckResult(
        subject="server clock",
        message=f"{abs(offset):.0f} s {'behind' if offset > 0 else 'ahead of'} the Prefect server's"
        + (": set the clock of this machine or of that one, for example with chrony" if skewed else ""),
        warning=skewed,
    )


async def _work_pool(client: PrefectClient, name: str) -> CheckResult:
    try:
        pool = await client.read_work_pool(name)
    except ObjectNotFound:
        return CheckResult(subject="work pool", message=f"there is no {name!r} yet; `animatic deploy` makes it", warning=True)
    online = WorkerFilter(status=WorkerFilterStatus(any_=[WorkerStatus.ONLINE]))
    workers = await client.read_workers_for_work_pool(name, worker_filter=online)
    if pool.is_paused:
        return CheckResult(subject="work pool", message=f"{name!r} is paused: nothing in it is run; resume it in the UI", warning=True)
    if not workers:
        return CheckResult(
            subject="work pool", message=f"{name!r} has no worker; start one: prefect worker start --pool {name}", warning=True
        )
    return CheckResult(subject="work pool", message=f"{name!r}, {len(workers)} workers")


async def _job_limits(client: PrefectClient, pool: str) -> CheckResult:
    """Say which limits of jobs all machines share. Without a work pool there is one machine, and nothing to share."""
    limits = await limits_now(client)
    if limits:
        return CheckResult(subject="job limit", message=limits_text(limits))
    try:
        await client.read_work_pool(pool)
    except ObjectNotFound:
        return CheckResult(
            subject="job limit", message="none is shared with other runs; with several machines: `animatic deploy --max-jobs 12`"
        )
    message = (
        "none: the runs of all machines together may start more jobs than Krea runs at once, which it turns away or puts into a queue; "
        "set what your plan allows: `animatic deploy --max-jobs 12`"
    )
    return CheckResult(subject="job limit", message=message, warning=True)


async def _takeover(client: PrefectClient, pool: str) -> CheckResult:
    """Say whether runs of machines that are gone are taken up by others. Without a work pool there are no others."""
    missing, off = await takeover_gaps(client)
    try:
        await client.read_work_pool(pool)
    except ObjectNotFound:
        return CheckResult(subject="lost runs", message="none is taken up by itself: there is no work pool yet")
    if missing:
        message = "runs of machines that are gone stay as they are: `animatic deploy` makes the automations that have others take them up"
        return CheckResult(subject="lost runs", message=message, warning=True)
    if off:
        message = f"switched off in the UI: {', '.join(off)}; runs of machines that are gone stay as they are"
        return CheckResult(subject="lost runs", message=message, warning=True)
    return CheckResult(subject="lost runs", message="those of machines that are gone are taken up by other workers")


async def _origin(client: PrefectClient, declaration: Declaration, path: Path) -> Origin:
    """Return where the workers find the file: where the deployments of its pipelines say, in the version that is here."""
    for name in declaration.pipelines:
        try:
            there = await client.read_deployment_by_name(f"{name}/{name}")
        except ObjectNotFound:
            continue
        for step in there.pull_steps or ():
            if BUCKET_STEP in step:
                location, include = step[BUCKET_STEP]["location"], step[BUCKET_STEP].get("include", ())
                try:
                    bundle = await asyncio.to_thread(_bundle, declaration, path, include)
                except UsageError:
                    return in_folder(path)  # what was deployed can no longer be made from what is here
                return in_bucket(location, path, sha256=bundle.sha256, include=include)
            if GIT_STEP in step:
                environment = (there.job_variables or {}).get("env") or {}
                return Origin(pull_steps=tuple(there.pull_steps or ()), file=environment.get(FILE, path.name))
    return in_folder(path)


def _bundle(declaration: Declaration, path: Path, include: Sequence[str]) -> Bundle:
    return bundle_of(carried_files(declaration, path, include))


async def _deployments(client: PrefectClient, declaration: Declaration, path: Path, pool: str) -> CheckResult:
    origin = await _origin(client, declaration, path)
    differing: list[str] = []
    # Deployed to the pool or served, with --follow or without: each is in step if the rest is.
    for place, follow in ((pool, False), (None, False), (pool, True), (None, True)):
        differences = await compare(client, wanted_deployments(declaration, origin, pool=place, follow=follow), origin)
        if all(item.change == "new" for item in differences):
            return CheckResult(subject="deployments", message="none yet; `animatic deploy` makes them", warning=True)
        others = [item.name for item in differences if item.change != "unchanged"]
        if not others:
            return CheckResult(subject="deployments", message=f"{len(differences)}, in step with {path.name}")
        differing = differing or others
    message = f"{', '.join(differing)}: not as in {path.name}; see `animatic deploy --dry-run`"
    return CheckResult(subject="deployments", message=message, warning=True)
