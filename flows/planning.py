"""Plans a run that nobody in this process has planned: one started by a worker, a schedule or the UI."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from prefect.runtime import deployment, flow_run

from animatic.catalog import Catalog
from animatic.flows.credentials import use_aws_block, with_token
from animatic.flows.environment import FOLLOW, SIMULATOR
from animatic.flows.expand import FRESH
from animatic.flows.version import check_version
from animatic.ledger import Ledger
from animatic.plan import Plan, destination_of, plan_from_json
from animatic.settings import Settings
from animatic.spec import Declaration, PipelineSpec
from animatic.takes.planning import Wish, plan_here
from animatic.takes.survey import check_money, open_ledger, survey

RUN_ID_DIGITS = 12


async def plan_for_worker(declaration: Declaration, spec: PipelineSpec, values: Mapping[str, Any]) -> tuple[Plan, Settings, str | None]:
    """Return the plan, the settings and, where this worker was started with one, the simulator's address.

    A flow run that is retried keeps its run: its plan is taken up, and only what is missing is paid for.
    """
    check_version(spec, deployment.version, follow=bool(os.environ.get(FOLLOW)))
    await use_aws_block()
    simulator_url = os.environ.get(SIMULATOR) or None
    settings = Settings.from_environment()
    if simulator_url is None:
        settings = await with_token(settings)
    run_id = run_id_of(flow_run.id, flow_run.scheduled_start_time)
    ledger = open_ledger(destination_of(spec), simulated=simulator_url is not None)
    plan = await _begun(ledger, run_id) if run_id else None
    if plan is None:
        wish = Wish(fresh=bool(values.get(FRESH)), simulated=simulator_url is not None, run_id=run_id)
        params = {name: value for name, value in values.items() if name != FRESH}
        plan, ledger = await plan_here(declaration, spec, params, Catalog.load(settings.home), wish)
    check_money(plan, await survey(plan, ledger))
    return plan, settings, simulator_url


def run_id_of(flow_run_id: str | None, expected: datetime) -> str | None:
    """Return the run's id for a flow run: the same at every retry (Prefect keeps the first expected start), and sorting by time."""
    if flow_run_id is None:
        return None
    return f"{expected.astimezone(UTC):%Y%m%dT%H%M%SZ}-{UUID(flow_run_id).hex[-RUN_ID_DIGITS:]}"


async def _begun(ledger: Ledger, run_id: str) -> Plan | None:
    record = await ledger.run(run_id)
    return None if record is None else plan_from_json(record["plan"])
