"""Publishes a run in the Prefect UI: the plan before the first cent, a live table of shots with progress, and what came of it.

One writer publishes, at most one call a second however many shots move: the live artifacts are updated in place. It never fails a run.
However a run ends, its table and its progress are settled; what a killed process leaves is settled by `animatic.flows.settling`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Mapping
from typing import Any, Literal, Self
from urllib.parse import quote
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey, FlowRunFilter, FlowRunFilterId
from prefect.runtime import flow_run

from animatic.destination import S3, is_remote
from animatic.engine.deliver import file_name
from animatic.engine.estimate import estimate
from animatic.engine.history import SIMULATED
from animatic.engine.run import Run
from animatic.errors import AnimaticError
from animatic.flows.accounts import end_markdown, missing_text, plan_markdown, plan_summary
from animatic.flows.pictures import MAX_PICTURES, graph_picture, still_of, storyboard_picture
from animatic.flows.settling import SIMULATED_NOTE
from animatic.flows.suspension import goes_on
from animatic.flows.tables import ShotView, headline, percent_ended, rows_in, shots_markdown
from animatic.manifest import Manifest
from animatic.plan.report import Decision

PAUSE_SECONDS = 1.0
"""Between two calls to the server."""
ROWS_PER_SECOND = 100
"""A large table is written less often: 1,000 shots every ten seconds."""
BYTES_PER_SECOND = 50_000
"""So is one with many pictures: each update is a write of the whole text in the server's database."""
TIMEOUT_SECONDS = 20.0
"""For one artifact. By itself Prefect tries for a minute."""
AFTER_FAILURE_TIMEOUT_SECONDS = 2.0
"""For one artifact where the server did not answer the last time."""
MAX_SURVEYED = 200
"""Steps; beyond that the plan is shown without what each shot would find: looking would hold the first submission up."""
Kind = Literal["markdown", "progress"]
KINDS: Mapping[str, Kind] = {
    "plan": "markdown",
    "shots": "markdown",
    "progress": "progress",
    "storyboard": "markdown",
    "approval": "markdown",
    "manifest": "markdown",
}
"""The artifacts of a run, each once however often it is tried again; ``approval`` of those that have waited for one."""
log = logging.getLogger(__name__)


class ArtifactPublisher:
    """Async context manager around the making of a run: publishes the plan when it is entered, and the live artifacts until it is left."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._ids: dict[str, UUID] = {}
        self._written: dict[str, tuple[str | float, str]] = {}
        self._dirty = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._client: PrefectClient | None = None
        self._stack = contextlib.AsyncExitStack()
        self._timeout = TIMEOUT_SECONDS
        self._note = SIMULATED_NOTE if run.simulated else ""
        self._decisions: Mapping[str, Decision] | None = None
        self._stills: dict[str, str] = {}
        self._settled = False
        self._table_bytes = 0

    async def __aenter__(self) -> Self:
        self._client = await self._stack.enter_async_context(get_client())
        await self._safely(self._find_earlier())
        await self._safely(self._publish_plan())
        self._run.progress.listeners.append(self._listen)
        self._writer = asyncio.create_task(self._keep_writing())
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._run.progress.listeners.remove(self._listen)
        if self._writer is not None:
            self._writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writer
        await self._stack.aclose()

    @property
    def plan_summary(self) -> str:
        """What the run will do and cost, in one line."""
        return plan_summary(self._run, self._decisions)

    async def publish_end(self, manifest: Manifest | None) -> None:
        """Publish what came of the run: the final table, its stills and reels, the account. ``manifest`` is None where none was written."""
        self._settled = True
        if self._writer is not None:
            self._writer.cancel()
        await self._safely(self._write_shots())
        await self._safely(self._write_progress())
        await self._safely(self._publish_storyboard(manifest))
        if manifest is None:
            return
        text = end_markdown(manifest, address=self._address, location=self._run.address)
        await self._safely(self._put("manifest", text, f"{self._note}What came of the run, and where its record lies"))

    async def publish_approval(self, text: str, headline: str) -> None:
        """Publish what is asked of persons, or in its place what they have decided."""
        await self._safely(self._put("approval", text, f"{self._note}{headline}"))

    @property
    def has_asked(self) -> bool:
        """Whether an earlier attempt of this flow run has published what it asked."""
        return "approval" in self._ids

    def _listen(self, _shot: object) -> None:
        self._dirty.set()

    async def _keep_writing(self) -> None:
        while True:
            await self._safely(self._write_shots())
            await asyncio.sleep(PAUSE_SECONDS)
            await self._safely(self._write_progress())
            await asyncio.sleep(max(PAUSE_SECONDS, len(self._run.progress.shots) / ROWS_PER_SECOND, self._table_bytes / BYTES_PER_SECOND))
            await self._dirty.wait()
            self._dirty.clear()

    async def _find_earlier(self) -> None:
        """Take up the artifacts of an earlier attempt of this flow run: Retry and Resume go on with the same run."""
        run_id = flow_run.id
        if run_id is None or not goes_on():
            return
        assert self._client is not None
        own = f"{slug(self._run.plan.pipeline)}-"
        earlier = await self._client.read_artifacts(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[UUID(run_id)])))
        for artifact in earlier:
            name = (artifact.key or "").removeprefix(own)
            if artifact.type == KINDS.get(name):
                self._ids[name] = artifact.id

    async def _publish_plan(self) -> None:
        plan = self._run.plan
        if len(plan.steps) <= MAX_SURVEYED:
            self._decisions = (await estimate(plan, self._run.ledger)).decisions
        text = plan_markdown(self._run, self._decisions, picture=graph_picture(self._run))
        await self._put("plan", text, f"{self._note}Plan: {self.plan_summary}")

    async def _write_shots(self) -> None:
        text = shots_markdown(self._run, await self._views(), self._address, settled=self._settled)
        self._table_bytes = len(text)
        await self._put("shots", text, f"{self._note}{self._headline}")

    async def _write_progress(self) -> None:
        progress = self._run.progress
        there = sum(shot.state in {"delivered", "reused"} for shot in progress.shots.values())
        percent = 100.0 * there / max(1, len(progress.shots)) if self._settled else percent_ended(progress)
        await self._put("progress", percent, f"{self._note}{self._headline}")

    @property
    def _headline(self) -> str:
        return headline(self._run.progress, settled=self._settled, simulated=self._run.simulated)

    async def _publish_storyboard(self, manifest: Manifest | None) -> None:
        picture = await storyboard_picture(self._run)
        if picture is None:
            return
        parts = []
        for name in (reel.file for reel in (manifest.reels if manifest else ()) if reel.file):
            address = self._address(name)
            parts.append(f"[Watch {name}]({address})" if address else f"Reel: `{self._run.address(name)}`")
        if page := self._address("index.html"):
            parts.append(f"[Open the storyboard page]({page})")
        parts.append(f"![storyboard]({picture})")
        steps = self._run.plan.steps
        if len(steps) > MAX_PICTURES:
            parts.append(f"The first {MAX_PICTURES} of {len(steps)}; all of them are in the table of shots.")
        if gaps := missing_text(self._run):
            parts.append(gaps)
        await self._put("storyboard", "\n\n".join(parts), f"{self._note}Stills and reel of run {self._run.plan.run_id}")

    async def _views(self) -> dict[str, ShotView]:
        """Return files, stills and lengths of what is there, by step key."""
        views = {}
        for step in self._run.plan.steps:
            take = self._run.takes.get(step.key)
            if take is None:
                continue
            if take.fingerprint not in self._stills and (still := await still_of(self._run, step.key)):
                self._stills[take.fingerprint] = still
            file = file_name(step, "." + take.clip.key.rpartition(".")[2])
            views[step.key] = ShotView(file=file, picture=self._stills.get(take.fingerprint), seconds=take.clip.duration)
        return views

    def _address(self, name: str) -> str | None:
        return public_address(self._run, name)

    async def _put(self, name: str, data: str | float, description: str) -> None:
        """Create an artifact of the run, or update it in place; nothing is sent where the server has the very same."""
        assert self._client is not None
        if self._written.get(name) == (data, description):
            return
        self._written.pop(name, None)  # what is sent may arrive although its answer does not
        key = f"{slug(self._run.plan.pipeline)}-{name}"
        if name in self._ids:
            await self._client.update_artifact(self._ids[name], ArtifactUpdate(data=data, description=description))
            self._written[name] = data, description
            return
        run_id = flow_run.id
        made = await self._client.create_artifact(
            ArtifactCreate(key=key, type=KINDS[name], data=data, description=description, flow_run_id=UUID(run_id) if run_id else None)
        )
        self._ids[name], self._written[name] = made.id, (data, description)

    async def _safely(self, work: Awaitable[None]) -> None:
        """Do it, or log why it could not be done."""
        try:
            async with asyncio.timeout(self._timeout):
                await work
        except AnimaticError as error:
            log.warning("an artifact could not be made: %s", error.message)
        except Exception as error:  # noqa: BLE001 (whatever ails the server, the shots go on)
            log.warning("an artifact could not be published: %s", type(error).__name__)
            self._timeout = AFTER_FAILURE_TIMEOUT_SECONDS
        else:
            self._timeout = TIMEOUT_SECONDS


async def read_shots(pipeline: str, flow_run_id: str) -> list[dict[str, Any]]:
    """Return what a flow run's live table carries for programs; empty if it has none."""
    async with get_client() as client:
        found = await client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[f"{slug(pipeline)}-shots"])),
            flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[UUID(flow_run_id)])),
            limit=1,
        )
    return rows_in(str(found[0].data)) if found else []


def slug(pipeline: str) -> str:
    """Return a pipeline's name as artifact keys are written: lower case letters, digits and dashes."""
    return "".join(character if character.isalnum() and character.isascii() else "-" for character in pipeline.lower()).strip("-") or "run"


def public_address(run: Run, name: str) -> str | None:
    """Return where a browser finds a file of a run; None where it is not known how its destination can be read.

    A bucket without a public address has the AWS console's: that asks for a login, and never expires.
    """
    settings = run.settings
    if settings.public_url:
        inside = f"{run.prefix}/{name}"
        return f"{settings.public_url}/{quote(f'{SIMULATED}/{inside}' if run.simulated else inside)}"
    address = run.address(name)
    if is_remote(address) and not settings.custom_s3:
        bucket, _, key = address.removeprefix(S3).partition("/")
        return f"https://console.aws.amazon.com/s3/object/{bucket}?prefix={quote(key)}"
    return None
