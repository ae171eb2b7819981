"""The plans of runs, as they were when the runs started."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from pydantic import AwareDatetime

from animatic.ledger.days import CLOCKS_AHEAD
from animatic.ledger.records import RUNS, RecordStore, run_key
from animatic.storage import DamagedRecordError

_DAY_OF_RUN = re.compile(r"(\d{4}[01]\d[0-3]\d)T\d{6}Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRecord:
    """The plan of a run, as it was when the run started."""

    run_id: str
    plan: Mapping[str, Any]
    at: AwareDatetime


class Runs:
    """The plan of every run, as it was when the run started."""

    def __init__(self, records: RecordStore) -> None:
        self._records = records

    async def save(self, run_id: str, plan: Mapping[str, Any]) -> bool:
        """Keep the plan (plain JSON values) under the run's id; False if that run has a plan already, which is kept."""
        return await self._records.create(run_key(run_id), RunRecord(run_id=run_id, plan=plan, at=self._records.now()))

    async def get(self, run_id: str) -> dict[str, Any] | None:
        """Return the plan of a run, None if there is no such run."""
        record = await self._records.read(run_key(run_id), RunRecord)
        return dict(record.plan) if record else None

    async def began(self, run_id: str) -> datetime | None:
        """Return when the plan of a run was kept, before anything of it was submitted; None if there is no such run."""
        record = await self._records.read(run_key(run_id), RunRecord)
        return record.at if record else None

    def leave_out(self, run_id: str, error: DamagedRecordError) -> None:
        """Keep in mind that a run was left out of a list because its record is damaged."""
        self._records.leave_out(run_key(run_id), error)

    async def days_ahead(self, now: datetime) -> tuple[date, ...]:
        """Return the days (UTC) on which runs began by clocks that were further ahead than others are looked at for, by time."""
        last = f"{(now + CLOCKS_AHEAD).astimezone(UTC):%Y%m%d}"
        begun = {found[1] for run_id in await self.ids() if (found := _DAY_OF_RUN.match(run_id)) and found[1] > last}
        return tuple(date.fromisoformat(day) for day in sorted(begun))

    async def ids(self) -> tuple[str, ...]:
        """Return the ids of all runs, the earliest first: they sort by time."""
        entries = await self._records.storage.list(RUNS)
        return tuple(entry.key.removeprefix(RUNS).removesuffix(".json") for entry in entries if entry.key.endswith(".json"))
