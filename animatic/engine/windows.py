"""When a submission's job may have been made: the windows, by Krea's clock, in which jobs are looked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from animatic.krea import Job
from animatic.ledger import Intent, Submission

CLOCK_MARGIN = timedelta(seconds=2)
"""How far two clocks may differ after Krea's Date header was taken into account (it has whole seconds)."""
LATE_CREATION = timedelta(seconds=120)
"""After the last moment at which a submission may have been sent, until when Krea may have created its job."""
LATE_JOB = timedelta(minutes=10)
"""After a submission was given up, until when a job that Krea makes may be its own."""
LATE_JOBS_SINCE = timedelta(days=2)
"""For how long the jobs of submissions that were given up are still looked for."""
SENDING_SLACK_SECONDS = 60.0
"""Beyond the time-out of a POST until its owner is certainly not sending it any more."""
MAX_CLOCK_DIFFERENCE = timedelta(minutes=10)
"""How far the clocks of two machines of ours may differ."""
OWNER_ENDED = "owner_ended"
"""Code of a submission that counts as never arrived and of which nobody knows whether it was sent: its process was killed just then."""
OWNER_ENDED_MESSAGE = "the process ended before an answer came"
JOURNAL_MARGIN = timedelta(hours=1)
"""How far the journal's times may be from Krea's: each entry is in the clock of whoever wrote it, which may have been set since."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """From when to when a submission's job may have been created: in Krea's clock, margins included."""

    first: datetime
    last: datetime | None
    """None: the moment of each look. Krea may create the job long after its answer was lost."""

    def holds(self, job: Job) -> bool:
        """Whether the job may have been created in it.

        Where Krea dates jobs by another clock, its own word counts as well: what was learned of that clock may be wrong, and a job that is
        not looked at is paid for again.
        """
        ours = self.first <= job.created_by and (self.last is None or job.created_at <= self.last)
        return ours or (job.stated_at is not None and self.holds_time(job.stated_at))

    def holds_time(self, moment: datetime) -> bool:
        """Whether a moment of Krea's clock lies in it."""
        return self.first <= moment and (self.last is None or moment <= self.last)


def window_of(intent: Intent) -> Window:
    """Return the window of a submission: as long as its owner may be sending it, and Krea at work on it afterwards."""
    return Window(first=intent.by_krea(intent.intended_at) - _margin(intent), last=latest(intent, intent.deadline) + LATE_CREATION)


def was_perhaps_not_sent(submission: Submission) -> bool:
    """Whether nobody knows if a submission that counts as never arrived was sent. Records of before say so in their sentence alone."""
    error = submission.settled.error if submission.settled else None
    return error is not None and (error.code == OWNER_ENDED or (error.code == "never_arrived" and error.message == OWNER_ENDED_MESSAGE))


def turned_away_window(intent: Intent, answered_at: datetime) -> Window:
    """Return when Krea may have made the job of a submission that was turned away.

    A proxy on the way that repeats a POST passes on the last answer only: the first may have been accepted.
    """
    return Window(first=window_of(intent).first, last=latest(intent, answered_at))


def late_window(intent: Intent, given_up_at: datetime) -> Window:
    """Return when Krea may have made the job of a submission although it was given up; clocks may have been set since the intent."""
    window = window_of(intent)
    assert window.last is not None
    return Window(first=window.first, last=max(window.last, latest(intent, given_up_at)) + LATE_JOB)


def latest(intent: Intent, moment: datetime) -> datetime:
    """Return the latest time that Krea's clock may have shown at a moment of ours, by what was known of it when the intent was written.

    Whatever is recorded of a submission comes after its intent: what says otherwise was read from a clock that had been set back meanwhile,
    and then it was sent as late as it may have been.
    """
    return intent.by_krea(moment if moment >= intent.intended_at else intent.deadline) + _margin(intent)


def _margin(intent: Intent) -> timedelta:
    return CLOCK_MARGIN + timedelta(seconds=intent.clock_error)
