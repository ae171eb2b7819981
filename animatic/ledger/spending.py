"""What was spent: the journal of submissions by day, and sums over it. Past days are summed up once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from animatic.errors import StorageError
from animatic.ledger.days import days_of
from animatic.ledger.late_jobs import LateJobs, with_own_jobs
from animatic.ledger.model import PRESUMED, Intent, JournalEntry, Settled, Submitted
from animatic.ledger.outcomes import Outcome, is_final, was_accepted
from animatic.ledger.records import (
    JOURNAL_KEY,
    SUBMISSIONS,
    RecordStore,
    attempt_folder,
    each,
    journal_folder,
    journal_key,
    journal_time,
    spending_key,
)

logger = logging.getLogger(__name__)

CLOSED_AFTER = timedelta(days=2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """One submission and its price: what was billed, or what is expected while that is not known. None: no price is known at all."""

    line: JournalEntry
    usd: Decimal | None
    outcome: Outcome | None
    """None while it is not settled."""

    @property
    def day(self) -> date:
        """The day (UTC) on which it was intended."""
        return self.line.at.astimezone(UTC).date()

    @property
    def is_open(self) -> bool:
        """Whether it may yet turn out otherwise: not settled, or given up, and all the same there is a job that may be its own."""
        return self.outcome is None or (counts_as_lost(self.outcome) and self.usd != 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClosedDay:
    """What is final of a past day, by the key of each line in the journal."""

    costs: dict[str, Cost]


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """Sums over some submissions. ``open_usd`` is the part of ``usd`` that is not settled; ``unpriced`` are not in either."""

    submissions: int
    usd: Decimal
    open_usd: Decimal
    unpriced: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SpendingReport:
    """All submissions of the days that were asked for, by time."""

    costs: tuple[Cost, ...]

    @property
    def totals(self) -> Totals:
        """The sums over all of it."""
        return _totals(self.costs)

    def by(self, key: Callable[[Cost], str]) -> dict[str, Totals]:
        """Return the sums by day, pipeline, model or shot, e.g. ``by(lambda cost: cost.line.model)``, by name."""
        groups: dict[str, list[Cost]] = {}
        for cost in self.costs:
            groups.setdefault(key(cost), []).append(cost)
        return {name: _totals(groups[name]) for name in sorted(groups)}


class Journal:
    """The index by day: which submissions there were, and which of them are final."""

    def __init__(self, records: RecordStore) -> None:
        self._records = records
        self._kept: dict[str, JournalEntry] = {}

    async def enter(self, intent: Intent) -> None:
        """Write the submission's entry, if it is not there."""
        await self._records.create(journal_key(intent.intended_at, intent.fingerprint, intent.attempt), _entry_of(intent))

    async def keys(self, day: date) -> list[str]:
        """Return the keys of all entries of a day, by time."""
        return [entry.key for entry in await self._records.storage.list(journal_folder(day)) if journal_time(entry.key)]

    async def keys_not_final(self, day: date) -> list[str]:
        """Return the keys of those entries of a day whose submissions may still be open, by time."""
        keys = await self.keys(day)
        closed = await self.closed(day) if keys else None
        return [key for key in keys if closed is None or key not in closed.costs]

    async def entry(self, key: str) -> JournalEntry | None:
        """Return one entry, None if it is gone. One that is damaged, which the ledger keeps in mind, says what its intent does."""
        found = await self._records.read_or_leave_out(key, JournalEntry)
        named = JOURNAL_KEY.search(key)
        if found is not None or named is None or key not in self._records.left_out:
            return found
        below = f"{SUBMISSIONS}{named['fingerprint'][:2]}/{named['fingerprint']}"
        keys = [entry.key for entry in await self._records.storage.list(below) if entry.key.endswith(f"/{named['attempt']}/intended.json")]
        intents = [await self._records.read_or_leave_out(one, Intent) for one in keys]
        return next((_entry_of(intent) for intent in intents if intent), None)

    async def kept(self, keys: Collection[str]) -> dict[str, JournalEntry]:
        """Return the entries that are there, by key. Each is read once, as none ever changes: for what is asked again and again."""
        missing = [key for key in keys if key not in self._kept]
        found = zip(missing, await each(self.entry, missing), strict=True)
        self._kept |= {key: entry for key, entry in found if entry}
        return {key: self._kept[key] for key in keys if key in self._kept}

    async def closed(self, day: date) -> ClosedDay | None:
        """Return the sums of a day, None where there are none yet."""
        return await self._records.read(spending_key(day), ClosedDay) if self.is_past(day) else None

    def is_past(self, day: date) -> bool:
        """Whether a day lies far enough back to be summed up."""
        return day + CLOSED_AFTER <= self._records.now().astimezone(UTC).date()


class Spending:
    """The part of the ledger that adds up.

    Remembers what is settled, so that a budget by the day looks at each submission of a long run once.
    """

    def __init__(self, records: RecordStore, journal: Journal, late_jobs: LateJobs) -> None:
        self._records = records
        self._journal = journal
        self._late_jobs = late_jobs
        self._settled: dict[str, Cost] = {}

    async def on(self, days: Iterable[date]) -> SpendingReport:
        """Return what was submitted on those days (UTC) and what it costs."""
        costs = [cost for day in await each(self._day, set(days)) for cost in day]
        return SpendingReport(costs=tuple(sorted(await self._with_late_jobs(costs), key=lambda cost: cost.line.at)))

    async def _with_late_jobs(self, costs: list[Cost]) -> list[Cost]:
        """Count those given up submissions at their price that jobs were made for, as far as the jobs can belong to nobody else."""
        late = await self._late_jobs.on({cost.day for cost in costs if cost.outcome and (counts_as_lost(cost.outcome) or cost.usd == 0)})
        if not late:
            return costs
        concerned = {key: cost for cost in costs if (key := (cost.line.fingerprint, cost.line.attempt)) in late}
        lost = [key for key, cost in concerned.items() if cost.outcome and counts_as_lost(cost.outcome)]
        others = {key: await self._submitted(key) for key in concerned if key not in lost}
        # What was taken for one of these cost nothing, and may have been another's: its own job may have been billed since.
        free = [key for key, found in others.items() if concerned[key].usd == 0 and found is not None and found.how in PRESUMED]
        # One that counts already may have one of the jobs: it has none yet, or one of them was only taken for it.
        counted = [key for key, found in others.items() if key not in free and (found is None or found.job_id in late[key])]
        lost += free
        # A job that may be of one which counts at its price already, or of a dearer one, adds nothing for the others.
        lost.sort(key=lambda key: concerned[key].line.usd or Decimal(0), reverse=True)
        billed = with_own_jobs({key: late[key] for key in (*sorted(counted), *lost)}).keys() & set(lost)
        return [replace(cost, usd=cost.line.usd) if (cost.line.fingerprint, cost.line.attempt) in billed else cost for cost in costs]

    async def _submitted(self, key: tuple[str, int]) -> Submitted | None:
        return await self._records.read_or_leave_out(f"{attempt_folder(*key)}submitted.json", Submitted)

    async def of_run(self, run_id: str, since: datetime, until: datetime, known: Collection[tuple[str, int]] = ()) -> list[Cost]:
        """Return what a run has submitted between the two times, without the submissions of ``known``: fingerprints and attempts.

        Of the submissions of other runs in that time only the lines of the journal are read, each once: a busy destination has thousands.
        """
        days = days_of(since.astimezone(UTC).date(), until.astimezone(UTC).date())
        keys = [key for day in days for key in await self._journal.keys(day) if since <= (journal_time(key) or since)]
        lines = await self._journal.kept(keys)
        unknown = [key for key, line in lines.items() if line.run_id == run_id and (line.fingerprint, line.attempt) not in known]
        return [cost for _, cost in await each(self._cost, unknown) if cost]

    async def _day(self, day: date) -> list[Cost]:
        keys = await self._journal.keys(day)
        closed = await self._journal.closed(day) if keys else None
        costs = {key: closed.costs[key] for key in keys if key in closed.costs} if closed else {}
        costs |= {key: cost for key, cost in await each(self._cost, [key for key in keys if key not in costs]) if cost}
        if closed is None and self._journal.is_past(day):
            await self._close(day, costs)
        return list(costs.values())

    async def _cost(self, key: str) -> tuple[str, Cost | None]:
        if key in self._settled:
            return key, self._settled[key]
        line = await self._journal.entry(key)
        if line is None:
            return key, None
        folder = attempt_folder(line.fingerprint, line.attempt)
        # What cannot be read counts as open, at the price that was expected.
        settled = await self._records.read_or_leave_out(f"{folder}settled.json", Settled)
        if settled is None:
            return key, Cost(line=line, usd=line.usd, outcome=None)
        corrected: Settled | None = None
        if settled.outcome != "completed":
            corrected = await self._records.read_or_leave_out(f"{folder}corrected.json", Settled)
        ending = corrected or settled
        late = await self._records.read_or_leave_out(f"{folder}submitted.json", Submitted) if counts_as_lost(ending.outcome) else None
        if late:
            # Its job was found after all: it runs, and may be billed.
            return key, Cost(line=line, usd=line.usd, outcome=None)
        cost = Cost(line=line, usd=line.usd if ending.usd is None else ending.usd, outcome=ending.outcome)
        if ending.outcome == "completed":
            self._settled[key] = cost
        return key, cost

    async def _close(self, day: date, costs: dict[str, Cost]) -> None:
        """Sum the day up. Left out, and read again each time: what is open, and what Krea may say otherwise later."""
        final = {key: cost for key, cost in costs.items() if cost.outcome and is_final(cost.outcome)}
        if not final:
            return
        try:
            await self._records.create(spending_key(day), ClosedDay(costs=final))
        except StorageError as error:
            # Who may only read shall still be told what was spent.
            logger.info("the day %s could not be summed up: %s", day, error.message)


def _entry_of(intent: Intent) -> JournalEntry:
    """Return what the journal says of a submission."""
    return JournalEntry(
        fingerprint=intent.fingerprint,
        attempt=intent.attempt,
        at=intent.intended_at,
        usd=intent.usd,
        pipeline=intent.pipeline,
        step=intent.step,
        model=intent.model,
        run_id=intent.run_id,
    )


def counts_as_lost(outcome: Outcome) -> bool:
    """Whether Krea has no job for a submission that ended so, unless one is on record all the same."""
    return not was_accepted(outcome) or outcome == "withdrawn"


def _totals(costs: Iterable[Cost]) -> Totals:
    zero = Decimal(0)
    found = list(costs)
    return Totals(
        submissions=len(found),
        usd=sum((cost.usd for cost in found if cost.usd is not None), zero),
        open_usd=sum((cost.usd for cost in found if cost.usd is not None and cost.is_open), zero),
        unpriced=sum(cost.usd is None for cost in found),
    )
