"""A pipeline rendered in this process: a small Krea at the transport, a folder, and no engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from animatic.catalog import Catalog
from animatic.engine.history import OpenDestination, open_destination
from animatic.engine.plan_run import PlanOptions, pipeline_named, plan_here
from animatic.engine.run import Run, open_run
from animatic.engine.timing import Timing
from animatic.errors import AnimaticError
from animatic.ledger import Ledger
from animatic.plan import Plan, Step
from animatic.settings import Patience, Secret, Settings
from animatic.spec import Declaration, load_declaration
from tests import virtual_time
from tests.direct_stages import execute_run
from tests.krea_double import BASE, KreaDouble

PATIENCE = Patience()

DAWN = """
version: 1
deliver: ./out
defaults: {video: {model: xai/grok-video, resolution: 480p}, image: {model: google/nano-banana-pro}}
pipelines:
  coast:
    {pipeline}
    shots:
      {shots}
"""
ONE = "- {id: dawn, prompt: Rooftops at dawn, duration: 4}"
CHAIN = ONE + "\n      - {id: surf, prompt: Surf, start_image: dawn, duration: 4}"


@dataclass
class Studio:
    """A pipelines file in a folder, a Krea, and what rendering them gives."""

    folder: Path
    krea: KreaDouble
    patience: Patience = PATIENCE
    settings: dict[str, Any] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    token: str = "token"
    url: str = BASE
    timeout: float | None = None
    """Seconds that a job may take, shorter than a pipelines file may say."""
    offset: timedelta = timedelta(0)
    """How far the clock of this machine is ahead."""

    def declare(self, shots: str = ONE, pipeline: str = "description: A coast", budget: str = "") -> None:
        text = DAWN.replace("{pipeline}", pipeline).replace("{shots}", shots) + budget
        (self.folder / "pipelines.yaml").write_text(text)

    @property
    def declaration(self) -> Declaration:
        return load_declaration((self.folder / "pipelines.yaml",))

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def ledger(self) -> Ledger:
        return Ledger(open_destination(str(self.out), simulated=False), clock=self.clock)

    @property
    def destinations(self) -> tuple[OpenDestination, ...]:
        storage = open_destination(str(self.out), simulated=False)
        return (OpenDestination(deliver=str(self.out), simulated=False, storage=storage, ledger=self.ledger),)

    def clock(self) -> datetime:
        return virtual_time.now() + self.offset

    def timing(self) -> Timing:
        return replace(virtual_time.timing(), now=self.clock)

    async def plan(self, **options: Any) -> Plan:
        spec = pipeline_named(self.declaration, None)
        plan, _ = await plan_here(self.declaration, spec, {}, Catalog.load(), PlanOptions(**options), timing=self.timing())
        return plan if self.timeout is None else replace(plan, steps=tuple(replace(step, timeout=self.timeout) for step in plan.steps))

    async def step(self, key: str = "dawn") -> Step:
        return (await self.plan()).step(key)

    async def render(self, plan: Plan | None = None, *, before: Callable[[Run], Run] = lambda run: run) -> AnimaticError | None:
        """Run the pipeline once, as a new process would; the run is the last of ``runs``. ``before`` may put another in its place."""
        plan = plan or await self.plan()
        async with self.open(plan) as opened:
            run = before(opened)
            self.runs.append(run)
            return await execute_run(run)

    def open(self, plan: Plan) -> Any:
        settings = Settings(
            krea_url=self.url, krea_token=Secret(self.token), home=self.folder / "home", patience=self.patience, **self.settings
        )
        return open_run(plan, settings, timing=self.timing(), connect=self.krea.client)

    @property
    def run(self) -> Run:
        return self.runs[-1]

    def state(self, key: str = "dawn") -> str:
        return self.run.manifest.shot(key).record.state

    def files(self) -> list[str]:
        folder = self.out / self.run.prefix
        return sorted(path.name for path in folder.iterdir())


def patient(**seconds: float) -> Patience:
    return replace(PATIENCE, **seconds)
