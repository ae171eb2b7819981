"""Tells when enough of Krea's job list was read: order and end of it are nowhere promised, and a job that was paid may stand further down.

Reading stops early only where the list has shown that it goes from new to old. A list whose end cannot be reached, or that holds what
cannot be read or has no date, proves nothing of what is not in it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from animatic.errors import KreaUnreachableError
from animatic.krea.wire import Page

JITTER = timedelta(minutes=1)
"""By how much a job may be younger than the one before it in a list that counts as going from new to old."""


class Reading:
    """How far one reading of the list has come; ``since``: older jobs are not asked for, None: all are."""

    def __init__(self, since: datetime | None) -> None:
        self._since = since
        self._first: datetime | None = None
        self._last: datetime | None = None
        self._exact = True
        self._descends = True
        self._cursors: set[str] = set()

    def saw(self, page: Page) -> None:
        """Note the next page."""
        for moment in (job.latest for job in page.jobs if job.dated):
            if self._last is not None and moment > self._last:
                self._exact = False
                self._descends = self._descends and moment - self._last <= JITTER
            self._first, self._last = self._first or moment, moment

    @property
    def far_enough(self) -> bool:
        """Whether all that follows is older than ``since``."""
        if self._since is None or self._first is None or self._last is None or not self._descends:
            return False
        return self._first > self._last and self._last < (self._since if self._exact else self._since - JITTER)

    def may_be_cut(self, page: Page, limit: int) -> bool:
        """Whether a last page may not be the end: it is full, and the newest jobs do not come first."""
        return not self._descends and len(page.jobs) + len(page.unread) >= limit

    def turns_to(self, cursor: str) -> bool:
        """Whether the cursor leads on: one that was given before leads in a circle."""
        known = cursor in self._cursors
        self._cursors.add(cursor)
        return not known


def require_readable(page: Page, since: datetime | None) -> None:
    """Raise KreaUnreachableError where an entry of the page has no job id that can be read, and may be as young as ``since``."""
    if any(since is None or created is None or created >= since for created in page.unread):
        raise incomplete("it has entries without a job id")


def incomplete(reason: str) -> KreaUnreachableError:
    """Return the error for a list that does not show every job."""
    return KreaUnreachableError(
        f"Krea's list of jobs cannot be relied on to find a submission: {reason}",
        hint="nothing is sent again before that: `animatic resume` looks anew; or look at krea.ai, and decide with "
        "`animatic adopt SHOT JOB` or `animatic resubmit SHOT`",
    )
