"""Jobs that Krea made after their submissions had been given up, where several submissions may have caused them: for the bill.

Which of the submissions a job belongs to is not known; but each job was caused by one of them at most, so that as many of them count
as spent as can have a job of their own. A job that turns out to be somebody's is claimed, and counts for nobody else any more.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from typing import TypeVar

from pydantic import AwareDatetime

from animatic.ledger.model import PRESUMED, Claim, Submission
from animatic.ledger.records import RecordStore, claim_key, each, late_job_folder, late_job_key

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, kw_only=True, slots=True)
class LateJob:
    """The job may be that of this submission."""

    job_id: str
    created_at: AwareDatetime
    """By Krea's clock."""
    fingerprint: str
    attempt: int
    at: AwareDatetime


class LateJobs:
    """Which jobs may be whose."""

    def __init__(self, records: RecordStore) -> None:
        self._records = records

    async def record(self, job_id: str, created_at: AwareDatetime, submissions: Iterable[Submission]) -> None:
        """Record that a job may be that of any of these submissions. Doing so again changes nothing."""
        now = self._records.now()
        await each(
            lambda late: self._records.create(late_job_key(late[0], late[1].fingerprint, late[1].attempt, late[1].job_id), late[1]),
            [
                (
                    one.intent.intended_at.astimezone(UTC).date(),
                    LateJob(job_id=job_id, created_at=created_at, fingerprint=one.intent.fingerprint, attempt=one.number, at=now),
                )
                for one in submissions
            ],
        )

    async def on(self, days: Iterable[date]) -> dict[tuple[str, int], list[str]]:
        """Return the jobs that may be of submissions (fingerprint, attempt) intended on those days, less those that are surely another's.

        A job that was taken for a submission because of evidence may be another's all the same.
        """
        entries = [entry for day in sorted(days) for entry in await self._records.storage.list(late_job_folder(day))]
        late = [one for one in await each(lambda entry: self._records.read_or_leave_out(entry.key, LateJob), entries) if one]
        claims = await each(lambda job_id: self._records.read(claim_key(job_id), Claim), dict.fromkeys(one.job_id for one in late))
        claimed = {claim.job_id for claim in claims if claim and claim.how not in PRESUMED}
        found: dict[tuple[str, int], list[str]] = {}
        for one in late:
            if one.job_id not in claimed:
                found.setdefault((one.fingerprint, one.attempt), []).append(one.job_id)
        return found


def with_own_jobs(possible: Mapping[K, Sequence[str]]) -> dict[K, str]:
    """Give as many submissions as possible a job of their own, out of those that may be theirs; the first ones go before the others."""
    owner: dict[str, K] = {}

    def place(key: K, tried: set[str]) -> bool:
        for job_id in possible[key]:
            if job_id not in tried:
                tried.add(job_id)
                if job_id not in owner or place(owner[job_id], tried):
                    owner[job_id] = key
                    return True
        return False

    for key in possible:
        place(key, set())
    return {key: job_id for job_id, key in owner.items()}
