"""Where a plan delivers to: the home of clips and ledger, real or simulated. Light to import: planning needs it, too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from animatic.errors import UsageError
from animatic.ledger import Ledger
from animatic.manifest import Manifest, read_manifest
from animatic.plan import Plan, destination_of, plan_from_json
from animatic.spec import Declaration
from animatic.storage import Storage, open_storage

SIMULATED = "simulated"
STORAGE_OUTAGE = 60.0
FIRST_READING = 30.0
"""Seconds for the first reading of a destination: nothing hangs on it yet, and a wrong endpoint should not take minutes to show."""


def utc_now() -> datetime:
    """Return the time now, in UTC."""
    return datetime.now(UTC)


def open_destination(deliver: str, *, simulated: bool, outage: float = STORAGE_OUTAGE) -> Storage:
    """Open the home of clips and ledger; simulated runs share nothing with real ones. ``outage``: seconds for which S3 may be silent."""
    storage = open_storage(deliver, patience=outage)
    return storage.below(SIMULATED) if simulated else storage


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A destination, real or simulated, and its ledger."""

    deliver: str
    simulated: bool
    storage: Storage
    ledger: Ledger


@dataclass(frozen=True, kw_only=True, slots=True)
class PastRun:
    """A run that was begun, and where."""

    place: Place
    plan: Plan

    @property
    def manifest_key(self) -> str:
        """Key of its manifest below the destination."""
        return f"{self.plan.pipeline}/{self.plan.run_id}/manifest.json"

    async def manifest(self) -> Manifest | None:
        """Read its manifest; None if it died before the first was written."""
        data = await self.place.storage.read(self.manifest_key)
        return None if data is None else read_manifest(data, key=self.manifest_key)


def places(declaration: Declaration, deliver: str | None = None) -> tuple[Place, ...]:
    """Return every destination that the declaration delivers to, the simulated part of each behind it."""
    destinations = dict.fromkeys(destination_of(spec, deliver) for spec in declaration.pipelines.values())
    return tuple(_place(destination, simulated=simulated) for destination in destinations for simulated in (False, True))


async def find_run(run_id: str, where: Iterable[Place]) -> PastRun:
    """Return a run by its id, or by a beginning of it that fits only one. Raises UsageError, StorageError."""
    found: list[tuple[Place, str]] = []
    for place in where:
        ids = await place.ledger.runs.ids()
        found += [(place, known) for known in ids if known.startswith(run_id)]
    if len(found) != 1:
        what = "there is no run" if not found else f"{len(found)} runs begin with"
        raise UsageError(f"{what} {run_id!r}", hint="`animatic runs` lists them; a run of another destination needs --deliver")
    place, known = found[0]
    return await _past_run(place, known)


async def past_runs(where: Iterable[Place], *, pipeline: str | None = None, limit: int = 20) -> list[PastRun]:
    """Return the newest runs of all places, the newest first."""
    known = sorted([(run_id, place) for place in where for run_id in await place.ledger.runs.ids()], key=lambda item: item[0], reverse=True)
    found: list[PastRun] = []
    for run_id, place in known:
        if len(found) == limit:
            break
        run = await _past_run(place, run_id)
        if pipeline is None or run.plan.pipeline == pipeline:
            found.append(run)
    return found


def _place(deliver: str, *, simulated: bool) -> Place:
    storage = open_destination(deliver, simulated=simulated)
    return Place(deliver=deliver, simulated=simulated, storage=storage, ledger=Ledger(storage, clock=utc_now))


async def _past_run(place: Place, run_id: str) -> PastRun:
    record = await place.ledger.runs.get(run_id)
    assert record is not None, "it was listed"
    return PastRun(place=place, plan=plan_from_json(record["plan"]))
