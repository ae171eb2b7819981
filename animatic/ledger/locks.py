"""Locks: the take of a shot that stays, whatever changes in or above the shot. A log for each shot, of which the last entry counts.

A lock belongs to a shot by its name, not to its request: it is there to outlast changes of that. One that was set under a profile holds
under that profile alone, any other one under every profile that has none of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import quote

from pydantic import AwareDatetime

from animatic.catalog.model import Yield
from animatic.ledger.records import RecordLog, RecordStore, each, number_of, numbered, shot_folder, shots_folder

LOCK_KEY = re.compile(r"^(?P<folder>.*/lock(?:@[^/]+)?/)\d{6,}\.json$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """A take that a person locked, or that the lock was taken off, by whom, when and why."""

    kind: Literal["locked", "unlocked"]
    pipeline: str
    step: str
    """Key of the shot's step."""
    profile: str | None
    base: str
    take: int
    fingerprint: str
    beside: tuple[int, ...]
    """Numbers of the shot's other takes that were there; they are kept beside it."""
    makes: Yield
    run_id: str
    """Of the run that made the take."""
    plan: Mapping[str, Any]
    """A plan with the shot alone, as it was when the take was made: what has changed since is told from it."""
    by: str
    note: str | None
    at: AwareDatetime


class Locks:
    """Which shots of a pipeline are locked."""

    def __init__(self, records: RecordStore) -> None:
        self._records = records
        self._log = RecordLog(records)

    async def of(self, pipeline: str, profile: str | None) -> dict[str, Lock]:
        """Return the locks that hold under a profile (None: without one), by step key. One listing, and one read for each."""
        last: dict[str, int] = {}
        for entry in await self._records.storage.list(shots_folder(pipeline)):
            if found := LOCK_KEY.match(entry.key):
                last[found["folder"]] = max(number_of(entry.key) or 0, last.get(found["folder"], 0))
        read = await each(lambda item: self._records.read(numbered(*item), Lock), last.items())
        holding = [lock for lock in read if lock is not None and lock.kind == "locked" and lock.profile in {None, profile}]
        return {lock.step: lock for lock in sorted(holding, key=lambda lock: lock.profile is not None)}

    async def lock(self, lock: Lock) -> Lock:
        """Lock a shot; returns the lock that counts, which is another one where the shot is locked already. ``at`` is set here."""

        def make(last: Lock | None) -> Lock:
            if last is not None and last.kind == "locked":
                raise _StandsError(last)
            return replace(lock, kind="locked", at=self._records.now())

        return await self._appended(lock, make)

    async def unlock(self, lock: Lock, *, by: str, note: str | None) -> Lock:
        """Take a lock off; returns the entry that counts, which is another one where somebody was quicker."""

        def make(last: Lock | None) -> Lock:
            if last is None or last.kind == "unlocked":
                raise _StandsError(last or replace(lock, kind="unlocked"))
            return replace(last, kind="unlocked", by=by, note=note, at=self._records.now())

        return await self._appended(lock, make)

    async def history(self, pipeline: str, step: str, profile: str | None) -> list[Lock]:
        """Return every entry about a shot, the first one first."""
        return await self._log.all(_folder(pipeline, step, profile), Lock)

    async def _appended(self, lock: Lock, make: Any) -> Lock:
        try:
            return await self._log.append(_folder(lock.pipeline, lock.step, lock.profile), Lock, make)
        except _StandsError as standing:
            return standing.entry


def _folder(pipeline: str, step: str, profile: str | None) -> str:
    return f"{shot_folder(pipeline, step)}lock{'' if profile is None else '@' + quote(profile, safe='')}/"


class _StandsError(Exception):
    def __init__(self, entry: Lock) -> None:
        super().__init__("it stands already")
        self.entry = entry
