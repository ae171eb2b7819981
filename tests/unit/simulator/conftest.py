"""Simulations in this process, with a clock of their own and renders small enough to cost nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from animatic.catalog import Catalog
from animatic.simulator import SimulatorSettings
from animatic.simulator.simulation import Simulation


@dataclass
class Clock:
    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


MakeSimulation = Callable[..., Simulation]


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog.load()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_simulation(tmp_path: Path, catalog: Catalog, clock: Clock) -> Iterator[MakeSimulation]:
    made: list[Simulation] = []

    def make(**settings: object) -> Simulation:
        values = {"job_seconds": 10, "jitter": 0, "longest_side": 64, **settings}
        simulation = Simulation(tmp_path / "state", SimulatorSettings.from_json(values), catalog=catalog, clock=clock)
        made.append(simulation)
        return simulation

    yield make
    for simulation in made:
        simulation.close()


@pytest.fixture
def rendered() -> Callable[[Simulation], None]:
    """Wait until every accepted job that delivers is rendered."""

    def wait(simulation: Simulation) -> None:
        until = time.monotonic() + 20
        jobs = [job for job in simulation.store.all_jobs() if job.outcome == "completed"]
        while not all(simulation.renders.finished(job.render_key, job.suffix) for job in jobs):
            assert time.monotonic() < until, "a render was not finished"
            time.sleep(0.01)

    return wait
