"""Runs: the plan of each, as it was when the run started, so that `resume` does the same again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from animatic.ledger.layout import RUNS, run_key
from animatic.ledger.model import RunRecord
from animatic.ledger.shelf import Shelf


class Runs(Shelf):
    """The part of the ledger that knows what was planned."""

    async def save_run(self, run_id: str, plan: Mapping[str, Any]) -> bool:
        """Keep the plan (plain JSON values) under the run's id; False: that run has a plan already, which stands."""
        return await self._create(run_key(run_id), RunRecord(run_id=run_id, plan=plan, at=self._clock()))

    async def run(self, run_id: str) -> dict[str, Any] | None:
        """Return the plan of a run, None if there is no such run."""
        record = await self._read(run_key(run_id), RunRecord)
        return dict(record.plan) if record else None

    async def runs(self) -> tuple[str, ...]:
        """Return the ids of all runs, the earliest first: they sort by time."""
        entries = await self._storage.list(RUNS)
        return tuple(entry.key.removeprefix(RUNS).removesuffix(".json") for entry in entries if entry.key.endswith(".json"))
