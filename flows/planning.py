"""Plans a run that nobody in this process has planned: one started by a worker, a schedule or the UI."""

from __future__ import annotations

import os
from typing import Any

from prefect.runtime import flow_run

from animatic.catalog import Catalog
from animatic.plan import Plan
from animatic.settings import Settings
from animatic.spec import Declaration, PipelineSpec
from animatic.takes.planning import Wish, plan_here
from animatic.takes.survey import check_money, survey

SIMULATOR = "ANIMATIC_SIMULATOR_URL"
"""Set by ``animatic up`` alone: a scheduled run without a token must fail, not fill a bucket with slates."""


async def plan_for_worker(declaration: Declaration, spec: PipelineSpec, values: dict[str, Any]) -> tuple[Plan, Settings, str | None]:
    """Return the plan, the settings and, where this worker was started with one, the simulator's address."""
    settings = Settings.from_environment()
    simulator_url = os.environ.get(SIMULATOR) or None
    wish = Wish(fresh="fresh" in flow_run.tags, simulated=simulator_url is not None)
    plan, ledger = await plan_here(declaration, spec, values, Catalog.load(settings.home), wish)
    check_money(plan, await survey(plan, ledger))
    return plan, settings, simulator_url
