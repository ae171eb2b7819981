"""Learns how far Krea's times of jobs are from the clock of its answers: a job that is dated by another clock is looked for in vain.

Krea's ``Date`` headers say what time its door has. Who dates the jobs may be another machine, or one that leaves the time zone out.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from animatic.krea.wire import Job

TOLERATED = timedelta(seconds=2)
"""Below this, two clocks are one: what is looked for has a margin of its own."""
WHOLE_SECONDS = timedelta(seconds=1)


class JobClock:
    """The clock of jobs minus that of answers, as an interval: from jobs of which both times are known, those that answers named."""

    def __init__(self) -> None:
        self._ahead: tuple[timedelta, timedelta] | None = None
        self._made: dict[str, tuple[datetime, datetime]] = {}
        """Between which times of the clock of answers jobs were made."""
        self.recalled = False
        """Whether what earlier runs know was asked for."""

    @property
    def known(self) -> bool:
        """Whether any job has told."""
        return self._ahead is not None

    def made(self, job_id: str, *, earliest: datetime, latest: datetime) -> None:
        """Note that a job was made between two times of the clock of answers, as its submission was answered."""
        self._made[job_id] = earliest, latest

    def saw(self, job: Job) -> None:
        """Narrow the interval by what Krea says of a job that is known. Where it says something else now, that counts: a clock was set."""
        if not job.dated or (made := self._made.get(job.id)) is None:
            return
        stated, (earliest, latest), precision = job.created_at, made, job.imprecision or WHOLE_SECONDS
        low, high = stated - latest, stated + precision - earliest
        if self._ahead is not None and low <= self._ahead[1] and self._ahead[0] <= high:
            low, high = max(low, self._ahead[0]), min(high, self._ahead[1])
        self._ahead = low, high

    def placed(self, job: Job) -> Job:
        """Return a job with its times by the clock of answers; the job itself where the two are one, or nothing is known."""
        if self._apart is None or not job.dated or job.stated_at is not None:
            return job
        low, high = self._apart
        return replace(
            job,
            created_at=job.created_at - high,
            imprecision=job.imprecision + high - low,
            stated_at=job.created_at,
            completed_at=job.completed_at and job.completed_at - high,
        )

    def latest(self, stated: datetime | None) -> datetime | None:
        """Return the latest time of the clock of answers that a time of jobs may be; None stays None."""
        if stated is None or self._apart is None:
            return stated
        return max(stated, stated - self._apart[0])

    @property
    def _apart(self) -> tuple[timedelta, timedelta] | None:
        """The interval, None where the two clocks may be one."""
        if self._ahead is None or (self._ahead[0] <= TOLERATED and self._ahead[1] >= -TOLERATED):
            return None
        return self._ahead
