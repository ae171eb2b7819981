"""What persons were asked about shots, and what they said: a log for each shot, of which the last entry counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from pydantic import AwareDatetime

from animatic.ledger.records import RecordLog, RecordStore, approval_folder


@dataclass(frozen=True, kw_only=True, slots=True)
class Approval:
    """A question about the takes of a shot, or the answer to one."""

    kind: Literal["asked", "approved", "rejected"]
    take: int
    """The take that was approved or rejected; of a question that which goes on where nobody picks another one."""
    offered: tuple[int, ...]
    """The takes that could be chosen from."""
    run_id: str
    step: str
    by: str | None
    note: str | None
    at: AwareDatetime


class NotOpenError(Exception):
    """Nothing is asked about the shot now. ``last`` is what was said before, None where nothing was ever asked."""

    def __init__(self, last: Approval | None) -> None:
        super().__init__("nothing is asked")
        self.last = last


class _StandsError(Exception):
    def __init__(self, entry: Approval) -> None:
        super().__init__("it stands already")
        self.entry = entry


class Approvals:
    """Questions and answers by ``base``, which all takes of a shot have in common, and variants that share them."""

    def __init__(self, records: RecordStore) -> None:
        self._records = records
        self._log = RecordLog(records)

    async def current(self, base: str) -> Approval | None:
        """Return the last entry, None if nobody was ever asked."""
        return (await self._log.last(approval_folder(base), Approval))[1]

    async def all(self, base: str) -> list[Approval]:
        """Return every entry, the first one first."""
        return await self._log.all(approval_folder(base), Approval)

    async def ask(self, base: str, *, take: int, offered: tuple[int, ...], run_id: str, step: str) -> Approval:
        """Ask about these takes unless that take is approved, or the question stands; returns the entry that counts then."""

        def question(last: Approval | None) -> Approval:
            if last is not None and last.take == take and (last.kind == "approved" or last.offered == offered):
                raise _StandsError(last)
            return Approval(kind="asked", take=take, offered=offered, run_id=run_id, step=step, by=None, note=None, at=self._records.now())

        try:
            return await self._log.append(approval_folder(base), Approval, question)
        except _StandsError as standing:
            return standing.entry

    async def approve(self, base: str, take: int | None, *, by: str, note: str | None) -> Approval:
        """Answer the open question; ``take`` None: with the take that it names. Raises NotOpenError: of two answers the first counts."""

        def answer(last: Approval | None) -> Approval:
            if last is None or last.kind != "asked":
                raise NotOpenError(last)
            chosen = last.take if take is None else take
            return replace(last, kind="approved", take=chosen, by=by, note=note, at=self._records.now())

        return await self._log.append(approval_folder(base), Approval, answer)

    async def reject(self, base: str, *, by: str, note: str | None) -> Approval:
        """Answer the open question: none of the takes. Raises NotOpenError: of two answers the first counts."""

        def answer(last: Approval | None) -> Approval:
            if last is None or last.kind != "asked":
                raise NotOpenError(last)
            return replace(last, kind="rejected", by=by, note=note, at=self._records.now())

        return await self._log.append(approval_folder(base), Approval, answer)

    async def pick(self, base: str, take: int, *, by: str, step: str, note: str | None = None) -> Approval:
        """Approve a take whether or not somebody was asked: a person has chosen it."""

        def picked(last: Approval | None) -> Approval:
            offered = tuple(sorted({take, *(last.offered if last else ())}))
            run_id = last.run_id if last else ""
            return Approval(kind="approved", take=take, offered=offered, run_id=run_id, step=step, by=by, note=note, at=self._records.now())

        return await self._log.append(approval_folder(base), Approval, picked)
