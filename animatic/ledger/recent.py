"""Finds submissions of late by the journal: those without an answer, and those that tell what Krea's answers to a model are like."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from animatic.ledger.days import days_of
from animatic.ledger.model import PRESUMED, Claim, Submission
from animatic.ledger.records import RecordStore, each, evidence_folder, journal_time
from animatic.ledger.spending import Journal
from animatic.ledger.submissions import Submissions

MAX_ENTRIES_TO_LEARN_FROM = 300
"""Submissions that are read for what answered ones were like: the latest."""


class RecentSubmissions:
    """What was sent in the last days, in the order of the journal."""

    def __init__(self, records: RecordStore, journal: Journal, submissions: Submissions) -> None:
        self._records = records
        self._journal = journal
        self._submissions = submissions
        self._heard_of: set[str] = set()
        """Keys in the journal of submissions that have their job, or ended otherwise than unanswered: neither ever changes."""
        self._with_job: dict[tuple[str, int], Submission] = {}
        """Submissions that have their job, as they were when that was seen first."""

    async def answered(self, model: str | None = None, *, latest: int = MAX_ENTRIES_TO_LEARN_FROM) -> tuple[Submission, ...]:
        """Return the submissions to a model, or to any, of yesterday and today whose job Krea itself named in its answer, by time.

        Only the ``latest`` are looked at, and some are returned as they were when they were read.

        What they were sent with and which job they got never changes, and is read once: while answers are missing, this is asked again and
        again.
        """
        today = self._records.now().astimezone(UTC).date()
        keys = [key for day in (today - timedelta(days=1), today) for key in await self._journal.keys(day)]
        entries = await self._journal.kept(keys[-latest:])
        same_model = [(entry.fingerprint, entry.attempt) for entry in entries.values() if model in {None, entry.model}]
        await each(self._read_job, [attempt for attempt in same_model if attempt not in self._with_job])
        found = [self._with_job[attempt] for attempt in same_model if attempt in self._with_job]
        return tuple(one for one in found if one.submitted and one.submitted.how == "answer")

    async def _read_job(self, attempt: tuple[str, int]) -> None:
        found = await self._submissions.get_or_leave_out(*attempt)
        if found and found.submitted:
            self._with_job[attempt] = found

    async def by_evidence(self, days: Iterable[date]) -> tuple[Submission, ...]:
        """Return the submissions intended on those days whose jobs were taken because of evidence."""
        entries = [entry for day in days for entry in await self._records.storage.list(evidence_folder(day))]
        claims = [claim for claim in await each(lambda entry: self._records.read_or_leave_out(entry.key, Claim), entries) if claim]
        found = await each(lambda claim: self._submissions.get_or_leave_out(claim.fingerprint, claim.attempt), claims)
        return tuple(one for one in found if one and one.submitted and one.submitted.how in PRESUMED)

    async def open(self, since: datetime, until: datetime) -> tuple[Submission, ...]:
        """Return the submissions intended between the two times whose job is not known and that are not settled, by time."""
        return tuple(submission for submission in await self.unanswered(since, until) if not submission.known)

    async def unanswered(self, since: datetime, until: datetime, *, turned_away: bool = False) -> tuple[Submission, ...]:
        """Return the same, and those that were given up because no answer came, by us or by a person.

        ``turned_away``: those that Krea did not take as well.
        """
        days = days_of(since.astimezone(UTC).date(), until.astimezone(UTC).date())
        keys = [key for day in await each(self._journal.keys_not_final, days) for key in day]
        due = [key for key in keys if (turned_away or key not in self._heard_of) and since <= (journal_time(key) or since) <= until]
        return tuple(one for one in await each(lambda key: self._unanswered(key, turned_away=turned_away), due) if one)

    async def _unanswered(self, key: str, *, turned_away: bool) -> Submission | None:
        """Return the submission of an entry in the journal if no answer came; many searches at once ask, again and again."""
        entry = (await self._journal.kept((key,))).get(key)
        found = await self._submissions.get_or_leave_out(entry.fingerprint, entry.attempt) if entry else None
        if found and (found.submitted or (found.settled and found.settled.outcome not in {"never_arrived", "withdrawn"})):
            self._heard_of.add(key)
            return found if turned_away and not found.submitted and found.settled and found.settled.outcome == "unsent" else None
        return found
