"""The ledger of one destination: whether we paid, and for what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from animatic.ledger.approvals import Approvals
from animatic.ledger.days import days_so_far
from animatic.ledger.late_jobs import LateJobs
from animatic.ledger.locks import Locks
from animatic.ledger.owner import owner_alive
from animatic.ledger.recent import RecentSubmissions
from animatic.ledger.records import RecordStore, random_id
from animatic.ledger.reels import Reels
from animatic.ledger.runs import Runs
from animatic.ledger.shot_log import ShotLog
from animatic.ledger.signatures import Signatures
from animatic.ledger.spending import Journal, Spending
from animatic.ledger.submissions import OwnerAlive, Submissions
from animatic.ledger.takes import Assets, Selections, Takes
from animatic.storage import DamagedRecordError, Storage


class Ledger:
    """All records below ``.animatic/`` of a storage, in parts; each part is described where it is defined.

    ``clock`` returns aware times, ``new_id`` 128 unguessable bits in hex, ``owner_alive`` whether the process
    of an intent still runs (None: unknown). Remembers only what never changes: any number of ledgers on any
    number of machines may share a storage. Every method of a part may raise StorageError.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], str] = random_id,
        owner_alive: OwnerAlive = owner_alive,
    ) -> None:
        records = RecordStore(storage, clock=clock, new_id=new_id)
        journal = Journal(records)
        self.submissions = Submissions(records, journal, owner_alive)
        self.recent = RecentSubmissions(records, journal, self.submissions)
        self.late_jobs = LateJobs(records)
        self.spending = Spending(records, journal, self.late_jobs)
        self.takes = Takes(records)
        self.reels = Reels(records)
        self.signatures = Signatures(records)
        self.assets = Assets(records)
        self.selections = Selections(records)
        self.runs = Runs(records)
        self.approvals = Approvals(records)
        self.locks = Locks(records)
        self.shot_log = ShotLog(records)
        self.now = clock
        self._records = records

    async def days_since(self, first: date) -> tuple[date, ...]:
        """Return every day (UTC) from the first on to which submissions may have been entered, also by clocks that are far ahead."""
        now = self.now()
        return *days_so_far(first, now), *await self.runs.days_ahead(now)

    @property
    def left_out(self) -> tuple[DamagedRecordError, ...]:
        """Why records were left out of the sums and searches that this ledger was asked for: they are damaged."""
        return tuple(self._records.left_out.values())
