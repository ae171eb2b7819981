"""Talks to the Prefect API: one client, whose failures are errors that say what to do; the work pool; the automation that notifies."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import prefect
from prefect.automations import AutomationCore
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound, PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL
from prefect.workers.process import ProcessWorker

from animatic import proxies
from animatic.errors import PrefectError, UsageError
from animatic.flows.parameters import TAG

AUTOMATION_NAME = "animatic: a run failed"
AUTOMATION_DESCRIPTION = (
    "Tells of storyboard runs that failed, crashed, are in doubt or went over their budget. Kept by `animatic deploy --notify TYPE/NAME`."
)
NOTIFYING_EVENTS = ("prefect.flow-run.Failed", "prefect.flow-run.Crashed", "prefect.flow-run.In doubt", "animatic.run.over-budget")
LOG_HINT = "see the log of the server"
DATABASE_HINT = (
    f"{LOG_HINT}: its database may be away, refuse the password, or have the tables of another version. `animatic doctor` says which on a "
    "machine that has the server's PREFECT_SERVER_DATABASE_CONNECTION_URL"
)
NOTIFICATION_SUBJECT = "{{ flow_run.name }}: {{ flow_run.state.name }}"
NOTIFICATION_BODY = "{{ flow_run.state.message }}\n\n{{ flow_run|ui_url }}"
WAITING_NAME = "animatic: a run waits for you"
WAITING_DESCRIPTION = (
    "Tells of storyboard runs that wait for an approval, and what approving pays. Kept by `animatic deploy --notify TYPE/NAME`."
)
WAITING_EVENTS = ("animatic.run.waiting",)
WAITING_SUBJECT = "{{ flow_run.name }} waits for you"
WAITING_BODY = (
    "{{ event.payload.message }}\n\n"
    "{% if event.payload.picture %}Picture: {{ event.payload.picture }}\n{% endif %}"
    "{% if event.payload.page %}Page: {{ event.payload.page }}\n{% endif %}"
    "Decide (Resume): {{ flow_run|ui_url }}"
)


@contextlib.asynccontextmanager
async def prefect_api() -> AsyncIterator[PrefectClient]:
    """Open a client for ``PREFECT_API_URL``. Raises PrefectError for a server that is not there, or refuses."""
    url = str(PREFECT_API_URL.value() or "")
    try:
        async with get_client() as client:
            await check_server(client)
            yield client
    except PrefectHTTPStatusError as error:
        code = error.response.status_code
        if code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            raise PrefectError(
                f"the Prefect API refuses the credentials ({code})",
                hint=proxies.advised("check PREFECT_API_KEY or PREFECT_API_AUTH_STRING", url),
            ) from None
        raise PrefectError(
            f"the Prefect API answered {code} to {error.request.method} {error.request.url.path}",
            hint=_detail(error) or proxies.advised(DATABASE_HINT if code >= httpx.codes.INTERNAL_SERVER_ERROR else LOG_HINT, url),
        ) from None
    except httpx.TransportError as error:
        raise PrefectError(
            f"the Prefect API does not answer: {type(error).__name__}",
            hint=proxies.advised("check PREFECT_API_URL, or unset it to use a local server", url),
        ) from None


async def check_server(client: PrefectClient) -> str:
    """Return the server's version. Raises PrefectError for another major or minor than the client's, which Prefect does not support."""
    version = str(await client.api_version())
    if version.split(".")[:2] != prefect.__version__.split(".")[:2]:
        raise PrefectError(
            f"the Prefect server is version {version}, this is version {prefect.__version__}",
            hint=f"run a {'.'.join(prefect.__version__.split('.')[:2])} server, or point PREFECT_API_URL at one",
        )
    return version


def _detail(error: PrefectHTTPStatusError) -> str | None:
    try:
        detail = error.response.json().get("detail")
    except (ValueError, AttributeError):
        return None
    return str(detail) if detail else None


async def ensure_pool(client: PrefectClient, name: str) -> bool:
    """Make a process work pool of that name where there is none; True if it was made now.

    A pool of another type is used as it is. Raises UsageError for one whose runs are not started by a worker.
    """
    try:
        pool = await client.read_work_pool(name)
    except ObjectNotFound:
        template = ProcessWorker.get_default_base_job_template()
        try:
            await client.create_work_pool(WorkPoolCreate(name=name, type=ProcessWorker.type, base_job_template=template))
        except ObjectAlreadyExists:
            return False
        return True
    if pool.is_push_pool or pool.is_managed_pool:
        raise UsageError(
            f"work pool {name!r} is of type {pool.type}, which has no worker on your machines", hint="name another: --pool NAME"
        )
    return False


async def ensure_automations(client: PrefectClient, block: str) -> list[str]:
    """Make the automations that notify, or point them at another notification block (``type/name``).

    Returns a sentence for each that says what was done. Raises UsageError for a block that is not there.
    """
    kind, _, name = block.partition("/")
    try:
        document = await client.read_block_document_by_name(name, kind)
    except ObjectNotFound:
        raise UsageError(
            f"there is no notification block {block!r}",
            hint="make one in the UI under Blocks, and name it TYPE/NAME, as in slack-webhook/ops",
        ) from None
    failed = SendNotification(block_document_id=document.id, subject=NOTIFICATION_SUBJECT, body=NOTIFICATION_BODY)
    waits = SendNotification(block_document_id=document.id, subject=WAITING_SUBJECT, body=WAITING_BODY)
    return [
        await _ensure(client, _automation(AUTOMATION_NAME, AUTOMATION_DESCRIPTION, NOTIFYING_EVENTS, failed), block),
        await _ensure(client, _automation(WAITING_NAME, WAITING_DESCRIPTION, WAITING_EVENTS, waits), block),
    ]


def _automation(name: str, description: str, events: tuple[str, ...], action: SendNotification) -> AutomationCore:
    return AutomationCore(
        name=name,
        description=description,
        trigger=EventTrigger(
            expect=set(events),
            match_related=ResourceSpecification({"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{TAG}"}),
            posture=Posture.Reactive,
            threshold=1,
            within=timedelta(0),
        ),
        actions=[action],
    )


async def _ensure(client: PrefectClient, wanted: AutomationCore, block: str) -> str:
    existing = await client.read_automations_by_name(wanted.name)
    if existing:
        await client.update_automation(existing[0].id, wanted)
        return f"the automation {wanted.name!r} notifies {block}"
    await client.create_automation(wanted)
    return f"made the automation {wanted.name!r}, which notifies {block}"
