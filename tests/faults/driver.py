"""One process that renders a pipeline without Prefect: what the crash harness kills by the hundred.

``python driver.py PIPELINES_FILE [--pipeline NAME] [--run RUN_ID] [--fresh]``: plans (or takes up RUN_ID), makes every take, prints one
line of JSON, and exits with the code that the command line would exit with. Below the stages it is the product's own code.
``--clock FILE``: this machine's clock is as many seconds ahead as the file says, from the moment that it is there.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from animatic.catalog import Catalog
from animatic.engine.decided import with_decisions
from animatic.engine.estimate import check_money, estimate
from animatic.engine.history import find_run, open_destinations
from animatic.engine.plan_run import PlanOptions, pipeline_named, plan_here
from animatic.engine.run import open_run
from animatic.engine.timing import Timing, utc_now
from animatic.errors import AnimaticError
from animatic.krea import KreaClient
from animatic.plan import Plan
from animatic.settings import Patience, Secret, Settings
from animatic.spec import load_declaration
from tests.direct_stages import execute_run


async def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--pipeline")
    parser.add_argument("--run")
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--clock", type=Path)
    options = parser.parse_args()
    settings = Settings.from_environment()
    declaration = load_declaration((options.file,))
    plan: Plan
    if options.run:
        past = await find_run(options.run, open_destinations(declaration))
        plan = await with_decisions(past.plan, past.destination.ledger, Catalog.load())
    else:
        spec = pipeline_named(declaration, options.pipeline)
        plan, ledger = await plan_here(declaration, spec, {}, Catalog.load(), PlanOptions(fresh=options.fresh))
        check_money(plan, await estimate(plan, ledger))
    print(json.dumps({"run_id": plan.run_id}), flush=True)  # noqa: T201
    clock = _clock(options.clock)

    def connect(url: str, token: Secret | None, patience: Patience, simulator: bool) -> KreaClient:
        return KreaClient(url, token, patience=patience, simulator=simulator, clock=clock)

    async with open_run(plan, settings, timing=Timing(now=clock), connect=connect) as run:
        error = await execute_run(run)
        shots = {key: run.manifest.shot(key).record.state for key in run.progress.shots}
    print(json.dumps({"shots": shots, "error": None if error is None else str(error)}), flush=True)  # noqa: T201
    return 0 if error is None else error.exit_code


def _clock(file: Path | None) -> Callable[[], datetime]:
    def now() -> datetime:
        return utc_now() + timedelta(seconds=float(file.read_text()) if file and file.exists() else 0)

    return now


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except AnimaticError as error:
        print(json.dumps({"error": str(error)}), flush=True)  # noqa: T201
        sys.exit(error.exit_code)
