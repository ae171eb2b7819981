"""Opens destinations with their ledgers, and finds the runs that were begun there. Light to import: planning needs it, too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from animatic.destination import parse_destination
from animatic.engine.timing import utc_now
from animatic.errors import UsageError
from animatic.ledger import Ledger
from animatic.manifest import Manifest, read_manifest
from animatic.plan import Plan, destinations_of, plan_from_json
from animatic.spec import Declaration
from animatic.storage import DamagedRecordError, Storage, open_storage

SIMULATED = "simulated"
STORAGE_OUTAGE_SECONDS = 60.0
FIRST_READING_SECONDS = 30.0
"""For the first reading of a destination: no shot waits for it yet, and a wrong endpoint should not take minutes to show."""


def open_destination(deliver: str, *, simulated: bool, outage: float = STORAGE_OUTAGE_SECONDS) -> Storage:
    """Open the home of clips and ledger; simulated runs share nothing with real ones. ``outage``: seconds for which S3 may be silent."""
    storage = open_storage(deliver, patience=outage)
    return storage.below(SIMULATED) if simulated else storage


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenDestination:
    """A destination, real or simulated, with its storage and ledger."""

    deliver: str
    simulated: bool
    storage: Storage
    ledger: Ledger


@dataclass(frozen=True, kw_only=True, slots=True)
class PastRun:
    """A run that was begun, and where."""

    destination: OpenDestination
    plan: Plan

    @property
    def manifest_key(self) -> str:
        """Key of its manifest below the destination."""
        return f"{self.plan.pipeline}/{self.plan.run_id}/manifest.json"

    async def manifest(self) -> Manifest | None:
        """Read its manifest; None if it died before the first was written. Raises DamagedRecordError for a damaged one."""
        data = await self.destination.storage.read(self.manifest_key)
        return None if data is None else read_manifest(data, key=self.manifest_key)

    async def manifest_if_whole(self) -> Manifest | None:
        """Read its manifest; None, which the ledger keeps in mind, for one that is damaged as well: plan and takes lie elsewhere."""
        data = await self.destination.storage.read(self.manifest_key)
        try:
            return None if data is None else read_manifest(data, key=self.manifest_key)
        except DamagedRecordError as error:
            self.destination.ledger.runs.leave_out(self.plan.run_id, error)
            return None


def open_destinations(declaration: Declaration, deliver: str | None = None) -> tuple[OpenDestination, ...]:
    """Return every destination that the declaration delivers to, the simulated part of each behind it.

    Raises UsageError where one depends on a param that may be anything.
    """
    # One place is one ledger, whatever the options with which several pipelines put there.
    texts = (place for spec in declaration.pipelines.values() for place in destinations_of(spec, deliver))
    destinations = {parse_destination(text).place: text for text in texts}
    return tuple(_open(text, simulated=simulated) for text in destinations.values() for simulated in (False, True))


async def find_run(run_id: str, destinations: Iterable[OpenDestination]) -> PastRun:
    """Return a run by its id, or by a beginning of it that fits only one. Raises UsageError, StorageError."""
    found: list[tuple[OpenDestination, str]] = []
    for destination in destinations:
        ids = await destination.ledger.runs.ids()
        found += [(destination, known) for known in ids if known.startswith(run_id)]
    if len(found) != 1:
        what = "there is no run" if not found else f"{len(found)} runs begin with"
        raise UsageError(f"{what} {run_id!r}", hint="`animatic runs` lists them; a run of another destination needs --deliver")
    return await _past_run(*found[0])


async def past_runs(destinations: Iterable[OpenDestination], *, pipeline: str | None = None, limit: int = 20) -> list[PastRun]:
    """Return the newest runs of all destinations, the newest first."""
    known = [(run_id, destination) for destination in destinations for run_id in await destination.ledger.runs.ids()]
    found: list[PastRun] = []
    for run_id, destination in sorted(known, key=lambda item: item[0], reverse=True):
        if len(found) == limit:
            break
        try:
            run = await _past_run(destination, run_id)
        except DamagedRecordError as error:
            destination.ledger.runs.leave_out(run_id, error)
            continue
        if pipeline is None or run.plan.pipeline == pipeline:
            found.append(run)
    return found


def _open(deliver: str, *, simulated: bool) -> OpenDestination:
    storage = open_destination(deliver, simulated=simulated)
    return OpenDestination(deliver=deliver, simulated=simulated, storage=storage, ledger=Ledger(storage, clock=utc_now))


async def _past_run(destination: OpenDestination, run_id: str) -> PastRun:
    record = await destination.ledger.runs.get(run_id)
    assert record is not None, "it was listed"
    return PastRun(destination=destination, plan=plan_from_json(record["plan"]))
