"""What persons were asked about shots, and what they said: a log for each shot, of which the last entry counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, cast

from pydantic import AwareDatetime

from animatic.ledger.records import RecordLog, RecordStore, approval_folder

TIME_OUT = "time-out"
"""Who has decided where nobody did in time."""
OnTimeout = Literal["stop", "first"]
"""What follows then: the run stops, or the take goes on that the question names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entered:
    """How an answer came into the ledger, where a person did not type it there."""

    entered_by: str | None = None
    """Who put it there, where that is not who gave it."""
    time_code: float | None = None
    """Seconds in the shot's clip that it is about."""
    source: str | None = None
    """What it was read from, so that a second reading of it is known."""


BY_HAND = Entered()


@dataclass(frozen=True, kw_only=True, slots=True)
class Approval:
    """A question about the takes of a shot, or the answer to one."""

    kind: Literal["asked", "approved", "rejected", "lapsed"]
    """``lapsed``: nobody answered in time, and the run stops."""
    take: int
    """The take that was approved or rejected; of a question that which goes on where nobody picks another one."""
    offered: tuple[int, ...]
    """The takes that could be chosen from."""
    run_id: str
    step: str
    by: str | None
    note: str | None
    at: AwareDatetime
    until: AwareDatetime | None = None
    """When the time to answer is over; None: never."""
    on_timeout: OnTimeout = "stop"
    next_take: int | None = None
    """Of a rejection that the same run goes on with: the number of the take that is made instead."""
    changes: Mapping[str, Any] | None = None
    """Fields of the request body that this take is made with; None: the same."""
    entered: Entered = BY_HAND

    def over(self, now: datetime) -> bool:
        """Whether the question stands, and the time to answer it is over."""
        return self.kind == "asked" and self.until is not None and now >= self.until

    def subject(self, one: str, several: str) -> str:
        """Return ``take 2 is``, or ``takes 1, 2 and 3 are``: that which was approved; who rejects wants none of those that were offered."""
        *most, last = map(str, self.offered if self.kind == "rejected" and self.offered else (self.take,))
        return f"takes {', '.join(most)} and {last} {several}" if most else f"take {last} {one}"

    @property
    def lapse(self) -> Approval:
        """What the question has become once its time is over."""
        assert self.until is not None, "a question without an end stands"
        return replace(self, kind="approved" if self.on_timeout == "first" else "lapsed", by=TIME_OUT, at=self.until)


class NotOpenError(Exception):
    """Nothing is asked about the shot now. ``last`` is what was said before, None where nothing was ever asked."""

    def __init__(self, last: Approval | None) -> None:
        super().__init__("nothing is asked")
        self.last = last


class _StandsError(Exception):
    def __init__(self, entry: Approval | None) -> None:
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

    async def lapse(self, base: str) -> Approval | None:
        """Return the last entry; a question whose time is over is answered first, as it says."""

        def answer(last: Approval | None) -> Approval:
            if last is None or not last.over(self._records.now()):
                raise _StandsError(last)
            return last.lapse

        try:
            return await self._log.append(approval_folder(base), Approval, answer)
        except _StandsError as standing:
            return standing.entry

    async def ask(
        self,
        base: str,
        *,
        take: int,
        offered: tuple[int, ...],
        run_id: str,
        step: str,
        within: float | None = None,
        on_timeout: OnTimeout = "stop",
    ) -> Approval:
        """Ask about these takes unless that take is approved, or the question stands; returns the entry that counts then.

        ``within``: seconds to answer; None: for ever.
        """

        def question(last: Approval | None) -> Approval:
            if last is not None and last.take == take and (last.kind == "approved" or last.offered == offered):
                raise _StandsError(last)
            now = self._records.now()
            return Approval(
                kind="asked",
                take=take,
                offered=offered,
                run_id=run_id,
                step=step,
                by=None,
                note=None,
                at=now,
                until=None if within is None else now + timedelta(seconds=within),
                on_timeout=on_timeout,
            )

        try:
            return await self._log.append(approval_folder(base), Approval, question)
        except _StandsError as standing:
            return cast("Approval", standing.entry)  # only an entry stands

    async def approve(
        self,
        base: str,
        take: int | None,
        *,
        by: str,
        note: str | None,
        question: datetime | None = None,
        entered: Entered = BY_HAND,
    ) -> Approval:
        """Answer the open question; ``take`` None: with the take that it names.

        ``question``: when the question that is meant was asked; None: that which stands. Raises NotOpenError: of two answers the first
        counts, and none that comes after its time.
        """

        def answer(last: Approval | None) -> Approval:
            asked = self._open(last, question)
            chosen = asked.take if take is None else take
            return replace(asked, kind="approved", take=chosen, by=by, note=note, at=self._records.now(), entered=entered)

        return await self._log.append(approval_folder(base), Approval, answer)

    async def reject(
        self,
        base: str,
        *,
        by: str,
        note: str | None,
        question: datetime | None = None,
        next_take: int | None = None,
        changes: Mapping[str, Any] | None = None,
        entered: Entered = BY_HAND,
    ) -> Approval:
        """Answer the open question: none of the takes. Raises NotOpenError as ``approve`` does.

        ``next_take`` and ``changes``: the take that the same run makes instead, where it goes on by itself.
        """

        def answer(last: Approval | None) -> Approval:
            asked = self._open(last, question)
            answered = replace(asked, kind="rejected", by=by, note=note, at=self._records.now(), entered=entered)
            return replace(answered, next_take=next_take, changes=changes)

        return await self._log.append(approval_folder(base), Approval, answer)

    def _open(self, last: Approval | None, question: datetime | None) -> Approval:
        """Return the question, if it is that which is meant and may be answered. Raises NotOpenError."""
        if last is None or last.kind != "asked" or last.over(self._records.now()) or question not in {None, last.at}:
            raise NotOpenError(last)
        return last

    async def pick(self, base: str, take: int, *, by: str, step: str, note: str | None = None) -> Approval:
        """Approve a take whether or not somebody was asked: a person has chosen it."""

        def picked(last: Approval | None) -> Approval:
            offered = tuple(sorted({take, *(last.offered if last else ())}))
            run_id = last.run_id if last else ""
            return Approval(kind="approved", take=take, offered=offered, run_id=run_id, step=step, by=by, note=note, at=self._records.now())

        return await self._log.append(approval_folder(base), Approval, picked)
