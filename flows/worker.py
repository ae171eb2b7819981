"""Prepares a run that a worker, a schedule or the UI has started: version check, credentials, plan; and stops it when it is cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import signal
import threading
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from prefect.blocks.system import Secret as SecretBlock
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.runtime import deployment, flow_run

from animatic import proxies
from animatic.catalog import Catalog
from animatic.engine.decided import with_decisions
from animatic.engine.estimate import check_money, estimate, open_ledger
from animatic.engine.plan_run import PlanOptions, plan_here
from animatic.errors import UsageError
from animatic.flows.alive import fate_of, give_way, say_alive
from animatic.flows.answers import take_answers
from animatic.flows.identity import run_id_of
from animatic.flows.parameters import FRESH, ONLY, OWN, profile_asked
from animatic.flows.punctual import due_of
from animatic.flows.run import FlowRunContext
from animatic.flows.withdrawn import settle_withdrawn_if_possible
from animatic.ledger import Ledger
from animatic.plan import Plan, destination_of, plan_from_json
from animatic.plan.found_again import found_again
from animatic.settings import AWS_BLOCK, Secret, Settings, export_aws_credentials
from animatic.signals import stop_signals
from animatic.spec import Declaration, PipelineSpec

NOT_RENDERED = frozenset({"description", "schedule", "schedules", "overlap", "tags"})
"""Keys of a pipeline that change when and under which label it runs, not what comes out."""
SHARED_KEYS = ("version", "defaults", "profiles", "deliver", "budget", "timezone")
"""Keys of the file that every pipeline takes part in."""
VERSION_DIGITS = 16
TOKEN_BLOCK = "krea-api-token"  # noqa: S105 (the name of a block, not what it holds)
STATE_CHECK_SECONDS = 3.0
"""Between two looks at the flow run's state."""
"""A worker sends the first, Ctrl-C in a terminal the second to every process of its group."""
log = logging.getLogger(__name__)


async def prepare_for_worker(declaration: Declaration, spec: PipelineSpec, values: Mapping[str, Any]) -> FlowRunContext:
    """Return what the flow is to make: plan, settings and, where this worker was started with one, the simulator's address.

    A flow run that is retried or resumed keeps its run: its plan is taken up with what was decided since, and only what is missing is paid
    for. Raises AnimaticError for all that keeps a run from beginning, MissedRunError for one that its schedule does not want so late.
    """
    proxies.prepare()
    settings = Settings.from_environment()
    now = datetime.now(UTC)
    due = await due_of(spec, flow_run.id, flow_run.scheduled_start_time or now)
    check_version(spec, deployment.version, follow=settings.follow)
    await use_aws_block(settings.aws_block)
    simulator_url = settings.simulator_url
    if simulator_url is None:
        settings = await with_token(settings)
    params = {name: value for name, value in values.items() if name not in OWN}
    run_id = run_id_of(flow_run.id, flow_run.scheduled_start_time)
    ledger = open_ledger(destination_of(spec, None, params), simulated=simulator_url is not None)
    begun = plan = await _plan_of(ledger, run_id) if run_id else None
    catalog = Catalog.load(settings.home)
    remarks: tuple[str, ...] = ()
    if plan is not None:
        plan = found_again(plan, spec.document.path)
        remarks = await take_answers(plan, ledger, catalog)
        plan = await with_decisions(plan, ledger, catalog)
    else:
        due.check(now)
        simulated = simulator_url is not None
        only = str(values.get(ONLY) or "").strip() or None
        options = PlanOptions(
            only=only, fresh=bool(values.get(FRESH)), simulated=simulated, run_id=run_id, due=due.at, profile=profile_asked(values)
        )
        plan, ledger = await plan_here(declaration, spec, params, catalog, options)
    check_money(plan, await estimate(plan, ledger, resumed=begun is not None))
    return FlowRunContext(plan=plan, settings=settings, simulator_url=simulator_url, remarks=remarks, as_of=now)


async def _plan_of(ledger: Ledger, run_id: str) -> Plan | None:
    """Return the plan of a run that has begun before; None if it has not."""
    record = await ledger.runs.get(run_id)
    return None if record is None else plan_from_json(record["plan"])


def version_of(spec: PipelineSpec) -> str:
    """Return the version of a pipeline: the same as long as its meaning is, whatever its comments and the order of its keys."""
    data: dict[str, Any] = spec.document.data
    own = {key: value for key, value in data["pipelines"][spec.name].items() if key not in NOT_RENDERED}
    content = {"pipeline": own, **{key: data[key] for key in SHARED_KEYS if key in data}}
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False, default=str).encode()).hexdigest()[:VERSION_DIGITS]


def check_version(spec: PipelineSpec, deployed: str | None, *, follow: bool) -> None:
    """Refuse to render what was not deployed. Raises UsageError; ``deployed`` None: the run has no deployment to compare with."""
    found = version_of(spec)
    if deployed is None or follow or deployed == found:
        return
    raise UsageError(
        f"pipeline {spec.name!r} is not what was deployed: {spec.document.path} holds version {found}, "
        f"the deployment is version {deployed}",
        hint="deploy again with `animatic deploy`, bring the worker's copy of the file up to date, "
        "or deploy with --follow to render whatever the file says",
    )


async def with_token(settings: Settings) -> Settings:
    """Return the settings with a token: the environment's, else that of the Secret block, else without one."""
    if settings.krea_token is not None:
        return settings
    text = await _token_of_block()
    return settings if text is None else replace(settings, krea_token=Secret(text))


async def _token_of_block() -> str | None:
    try:
        block: Any = await SecretBlock.aload(TOKEN_BLOCK)
    except ValueError:  # what Prefect raises where there is no such block
        return None
    text = str(block.get()).strip()
    if not text or any(ord(character) < 33 or ord(character) > 126 for character in text):  # noqa: PLR2004
        raise UsageError(f"the Secret block {TOKEN_BLOCK!r} holds no token", hint="save the token in it again: one line, no quotes")
    return text


async def use_aws_block(name: str | None) -> None:
    """Take S3 credentials from the AwsCredentials block of that name, if there is one. Raises UsageError where they cannot be had."""
    if not name:
        return
    try:
        from prefect_aws import AwsCredentials  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise UsageError(f"{AWS_BLOCK} is set, but prefect-aws is not installed", hint="pip install prefect-aws, or unset it") from None
    try:
        block = await AwsCredentials.aload(name)
    except ValueError:
        raise UsageError(
            f"there is no AwsCredentials block {name!r} ({AWS_BLOCK})", hint="make one in the UI: Blocks, AWS Credentials"
        ) from None
    export_aws_credentials(
        access_key_id=block.aws_access_key_id,
        secret_access_key=Secret(block.aws_secret_access_key.get_secret_value()) if block.aws_secret_access_key else None,
        session_token=Secret(str(block.aws_session_token)) if block.aws_session_token else None,
        region=block.region_name,
    )


@contextlib.asynccontextmanager
async def stop_when_asked(context: FlowRunContext) -> AsyncIterator[None]:
    """Interrupt a run on SIGTERM, SIGINT or SIGHUP, and once the Prefect server says that its flow run is not to go on."""
    loop = asyncio.get_running_loop()
    watching = asyncio.create_task(_watch_state(context))
    in_main_thread = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in stop_signals()}
    if in_main_thread:
        for number in before:
            loop.add_signal_handler(number, context.interrupt)
    try:
        yield
    finally:
        watching.cancel()
        if in_main_thread:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler)


async def _watch_state(context: FlowRunContext) -> None:
    """Look every few seconds whether the run is still to go on, here."""
    if flow_run.id is None:
        return
    run_id, began_as = UUID(flow_run.id), None
    async with get_client() as client:
        await settle_withdrawn_if_possible(client)
        # Not while it ends: a run that was suspended may have been resumed already, elsewhere.
        while not context.interrupted and (context.work is None or not context.work.done()):
            await asyncio.sleep(STATE_CHECK_SECONDS)
            try:
                seen = await client.read_flow_run(run_id)
                if context.work is not None and context.work.done():
                    return  # it has ended while this was asked: what was read may be the state of the run that was resumed
                began_as = seen.run_count if began_as is None else began_as
                match fate_of(seen, began_as):
                    case "goes on":
                        pass
                    case "stops":
                        context.interrupt()
                    case "was believed dead":
                        began_as = await say_alive(client, run_id) or began_as
                    case "is another's":
                        give_way()
            except ObjectNotFound:
                log.warning("the flow run was deleted: stopping")
                context.interrupt()
            except Exception as error:  # noqa: BLE001 (whatever ails the server, the shots go on)
                log.debug("the run's state could not be read: %s", type(error).__name__)


async def tag_run(*tags: str) -> None:
    """Add tags to this flow run, so that lists of runs tell a simulated one, or a draft, from others. It never fails a run."""
    if flow_run.id is None or not tags:
        return
    try:
        async with get_client() as client:
            there = (await client.read_flow_run(UUID(flow_run.id))).tags
            await client.update_flow_run(UUID(flow_run.id), tags=[*there, *(tag for tag in tags if tag not in there)])
    except Exception as error:  # noqa: BLE001 (whatever ails the server, the shots go on)
        log.warning("the run could not be tagged as %s: %s", ", ".join(tags), type(error).__name__)
