"""Takes: what was made, once for each fingerprint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from animatic.ledger.model import AssetRecord, RunRecord, Selection, Take
from animatic.ledger.records import (
    RUNS,
    SELECTIONS,
    RecordLog,
    RecordStore,
    asset_folder,
    each,
    number_of,
    numbered,
    run_key,
    selection_folder,
    take_key,
)


class Takes(RecordStore):
    """The part of the ledger that knows what was made."""

    async def take(self, fingerprint: str) -> Take | None:
        """Return the take, None if it was not made yet."""
        return await self._read(take_key(fingerprint), Take)

    async def takes(self, fingerprints: Iterable[str]) -> dict[str, Take]:
        """Return those of the takes that were made, by fingerprint."""
        found = await each(self.take, dict.fromkeys(fingerprints))
        return {take.fingerprint: take for take in found if take}

    async def record_take(self, take: Take) -> Take:
        """Record a take whose clip is stored. The first one stands; it is returned."""
        return await self._first(take_key(take.fingerprint), take)


class Assets(RecordLog):
    """The part of the ledger that knows what Krea holds. ``host`` is that of Krea's base URL, port included."""

    async def asset(self, host: str, sha256: str) -> AssetRecord | None:
        """Return the last upload of that content, None if there was none. Krea may have deleted it meanwhile."""
        return (await self._last(asset_folder(host, sha256), AssetRecord))[1]

    async def record_asset(self, host: str, sha256: str, *, asset_id: str, url: str, mime: str) -> AssetRecord:
        """Record an upload; it counts from now on."""
        record = AssetRecord(asset_id=asset_id, url=url, mime=mime, at=self._clock())
        return await self._append(asset_folder(host, sha256), AssetRecord, lambda _: record)


FIRST_TAKE = 1


class Selections(RecordLog):
    """The part of the ledger that knows which take was chosen; ``base`` is what all takes of a shot have in common."""

    async def selected(self, base: str) -> Selection | None:
        """Return the last choice, None if there was none: take 1 counts then."""
        return (await self._last(selection_folder(base), Selection))[1]

    async def select(self, base: str, take: int, fingerprint: str, why: str) -> Selection:
        """Choose a take from now on."""

        def choose(last: Selection | None) -> Selection:
            highest = max(take, last.highest if last else FIRST_TAKE)
            return Selection(take=take, fingerprint=fingerprint, why=why, at=self._clock(), highest=highest)

        return await self._append(selection_folder(base), Selection, choose)

    async def selections(self) -> dict[str, int]:
        """Return the chosen take of every shot that has a choice, by base. One listing, and one read for each."""
        last: dict[str, int] = {}
        for entry in await self._storage.list(SELECTIONS):
            base = entry.key.removeprefix(SELECTIONS).partition("/")[0]
            if number := number_of(entry.key):
                last[base] = max(number, last.get(base, 0))
        chosen = await each(lambda item: self._read(numbered(selection_folder(item[0]), item[1]), Selection), last.items())
        return {base: selection.take for base, selection in zip(last, chosen, strict=True) if selection}

    async def highest_take(self, base: str) -> int:
        """Return the highest take number that was ever chosen for the shot, at least 1: the next new take is one more."""
        selection = await self.selected(base)
        return selection.highest if selection else FIRST_TAKE


class Runs(RecordStore):
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
