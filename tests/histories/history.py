"""One history while it is played: its processes, Krea, the storage, what was seen, and what can be said of it afterwards."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from animatic.engine.timing import Timing
from animatic.krea import KreaClient
from animatic.ledger import SpendingReport, Take
from animatic.plan import Plan
from animatic.settings import Secret
from tests.histories import patches
from tests.histories.krea import BASE, BEGAN, Krea
from tests.histories.ledger_reader import LedgerReader
from tests.histories.loop import HistoryLoop, Process
from tests.histories.memory import MemoryStorage
from tests.histories.plans import TYPES, plan_of
from tests.histories.scenario import Scenario
from tests.histories.transport import Network, Transport

End = Literal["", "well", "error", "interrupted", "killed", "unexpected", "endless"]


@dataclass(kw_only=True)
class Ran:
    """One run of one process, and how it ended."""

    run_id: str
    process: Process
    account: str
    began: float
    quiet: bool
    end: End = ""
    error: BaseException | None = None
    ended: float = 0.0


@dataclass(kw_only=True)
class Mention:
    """One doubt that is told, and the jobs that it names."""

    kind: str
    shot: str
    jobs: frozenset[str]


@dataclass(kw_only=True)
class History:
    """One history while it is played, and what can be said of it afterwards."""

    scenario: Scenario
    loop: HistoryLoop
    krea: Krea
    network: Network
    storage: MemoryStorage
    reader: LedgerReader
    home: Path
    runs: list[Ran] = field(default_factory=list)
    trace: list[tuple[float, str, str]] = field(default_factory=list)
    offsets: dict[str, float] = field(default_factory=dict)
    doubts: list[Mention] = field(default_factory=list)
    takes: dict[str, Take] = field(default_factory=dict)
    spending: SpendingReport | None = None
    doubted_although_known: list[tuple[str, str]] = field(default_factory=list)
    """Processes that wrote a doubt of a submission whose job was known, and the keys of the doubts."""
    misled: bool = False
    """Whether somebody said of a job that it is the wrong submission's: then whatever follows from it is nobody's fault."""
    broken: list[str] = field(default_factory=list)
    """Rules that were broken on the way."""

    def tell(self, who: str, text: str) -> None:
        self.trace.append((self.loop.elapsed, who, text))

    def wall(self, host: str) -> datetime:
        return BEGAN + timedelta(seconds=self.loop.elapsed + self.offsets.get(host, 0.0))

    def timing(self, process: Process) -> Timing:
        return Timing(
            now=lambda: self.wall(process.host),
            monotonic=self.loop.time,
            sleep=asyncio.sleep,
            randomness=random.Random(process.pid),
        )

    def client(self, process: Process, run_id: str, account: str) -> KreaClient:
        """Return the client of one run, which speaks to the model."""
        return KreaClient(
            BASE,
            Secret(account),
            patience=self.scenario.patience,
            transport=Transport(network=self.network, process=process, run_id=run_id, account=account),
            clock=lambda: self.wall(process.host),
            monotonic=self.loop.time,
            randomness=random.Random(process.pid),
        )

    @property
    def plan(self) -> Plan:
        return plan_of(self.scenario, "any")


def set_up(scenario: Scenario, home: Path) -> History:
    """Return a history that has not begun."""
    loop = HistoryLoop()
    krea = Krea(skew=scenario.skew)
    types: dict[str, str | None] = {route: None if "untyped" in scenario.faults else type_ for route, type_ in TYPES.items()}
    network = Network(loop=loop, krea=krea, scenario=scenario, rng=random.Random(f"krea {scenario.seed}"), types=types)
    storage = MemoryStorage(
        loop, lambda: BEGAN + timedelta(seconds=loop.elapsed), slow=scenario.slow_storage, rng=random.Random(f"storage {scenario.seed}")
    )
    loop.world.run(patches.STORAGE.set, storage)
    history = History(
        scenario=scenario,
        loop=loop,
        krea=krea,
        network=network,
        storage=storage,
        reader=LedgerReader(storage.objects),
        home=home,
        offsets=dict(scenario.offsets),
    )
    network.tell = history.tell
    return history
