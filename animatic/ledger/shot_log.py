"""What was said and done about a shot, in order: who, when, what, why. Outlasts changes of the shot, and is read, never decided by.

Questions, answers, locks and choices are told from the records that count for them, so that none of them can be missing here; only what
counts for nothing else (comments, retakes) is written here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import AwareDatetime

from animatic.ledger.approvals import Approval
from animatic.ledger.locks import LOCK_KEY, Lock
from animatic.ledger.records import (
    RecordLog,
    RecordStore,
    approval_folder,
    each,
    number_of,
    selection_folder,
    shot_folder,
    shots_folder,
)
from animatic.ledger.takes import Selection

What = Literal["asked", "approved", "rejected", "lapsed", "used", "locked", "unlocked", "retake", "comment"]
Priority = Literal["low", "normal", "high"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Remark:
    """One entry of the log of a shot."""

    what: What
    pipeline: str
    step: str
    """Key of the shot's step."""
    at: AwareDatetime
    by: str | None = None
    """Who said it; None where a run asks."""
    entered_by: str | None = None
    """Who put it into the ledger, where that is somebody else."""
    take: int | None = None
    note: str | None = None
    issue: str | None = None
    """What is wrong, or the name of a ticket that says so."""
    priority: Priority | None = None
    time_code: float | None = None
    """Seconds in the shot's clip."""
    run_id: str | None = None
    profile: str | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Of a retake or a rejection: the fields of the request that the next take changes."""
    source: str | None = None
    """What it was read from: a mark of the decision in its review file, by which a second reading of it is known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """That a shot once had this request: what was said about its takes is kept under that."""

    pipeline: str
    step: str
    base: str
    profile: str | None
    at: AwareDatetime


class ShotLog:
    """The logs of the shots of all pipelines."""

    def __init__(self, records: RecordStore) -> None:
        self._records = records
        self._log = RecordLog(records)

    async def note_subject(self, pipeline: str, step: str, base: str, profile: str | None) -> None:
        """Note, before anything is said about its takes, that a shot has this request. Repeatable."""
        subject = Subject(pipeline=pipeline, step=step, base=base, profile=profile, at=self._records.now())
        await self._records.create(_subject_key(pipeline, step, base), subject)

    async def add(self, remark: Remark) -> Remark:
        """Add a remark; ``at`` is set here. One whose ``source`` was entered before is not added again, and that one is returned."""
        folder = _remarks(remark.pipeline, remark.step)
        known = await self._log.all(folder, Remark) if remark.source is not None else []
        standing = [entry for entry in known if entry.source == remark.source]
        return standing[0] if standing else await self._log.append(folder, Remark, lambda _: replace(remark, at=self._records.now()))

    async def of(self, pipeline: str) -> dict[str, tuple[Remark, ...]]:
        """Return the log of every shot of a pipeline about which anything was said, by step key, the first entry first.

        One listing where nothing was. Damaged records are left out and kept in mind. Raises StorageError.
        """
        keys = [entry.key for entry in await self._records.storage.list(shots_folder(pipeline))]
        said = await self._read((key for key in keys if "/remarks/" in key), Remark)
        locks = await self._read((key for key in keys if LOCK_KEY.match(key)), Lock)
        subjects = await self._read((key for key in keys if "/subjects/" in key), Subject)
        found = [*said, *(_of_lock(lock) for lock in locks)]
        for told in await each(self._about, subjects):
            found += told
        logs: dict[str, list[Remark]] = {}
        for remark in sorted(found, key=lambda remark: remark.at):
            logs.setdefault(remark.step, []).append(remark)
        return {step: tuple(remarks) for step, remarks in logs.items()}

    async def _about(self, subject: Subject) -> list[Remark]:
        """Return what was asked, answered and chosen under the request that a shot has, or had."""
        asked = await self._folder(approval_folder(subject.base), Approval)
        chosen = await self._folder(selection_folder(subject.base), Selection)
        return [
            *(_of_approval(subject, entry) for entry in asked),
            *(_of_choice(subject, entry) for entry in chosen if entry.by is not None),
        ]

    async def _folder(self, folder: str, kind: type[Any]) -> list[Any]:
        return await self._read((entry.key for entry in await self._records.storage.list(folder)), kind)

    async def _read(self, keys: Iterable[str], kind: type[Any]) -> list[Any]:
        wanted = sorted(key for key in keys if number_of(key) or "/subjects/" in key)
        return [record for record in await each(lambda key: self._records.read_or_leave_out(key, kind), wanted) if record is not None]


def _remarks(pipeline: str, step: str) -> str:
    return f"{shot_folder(pipeline, step)}remarks/"


def _subject_key(pipeline: str, step: str, base: str) -> str:
    return f"{shot_folder(pipeline, step)}subjects/{base}.json"


def _of_lock(lock: Lock) -> Remark:
    return Remark(
        what=lock.kind, pipeline=lock.pipeline, step=lock.step, at=lock.at, by=lock.by, take=lock.take, note=lock.note, profile=lock.profile
    )


def _of_approval(subject: Subject, said: Approval) -> Remark:
    return Remark(
        what=said.kind,
        pipeline=subject.pipeline,
        step=subject.step,
        at=said.at,
        by=said.by,
        take=said.take,
        note=said.note,
        entered_by=said.entered.entered_by,
        time_code=said.entered.time_code,
        source=said.entered.source,
        run_id=said.run_id or None,
        profile=subject.profile,
        changes=said.changes or {},
    )


def _of_choice(subject: Subject, chosen: Selection) -> Remark:
    return Remark(
        what="used",
        pipeline=subject.pipeline,
        step=subject.step,
        at=chosen.at,
        by=chosen.by,
        take=chosen.take,
        note=chosen.note,
        profile=subject.profile,
    )
