"""The ledger of one destination: whether we paid, and for what."""

from __future__ import annotations

from animatic.ledger.spending import SpendingBook
from animatic.ledger.submissions import Submissions
from animatic.ledger.takes import Assets, Runs, Selections, Takes


class Ledger(Submissions, Takes, Assets, Selections, Runs, SpendingBook):
    """All records below ``.animatic/`` of a storage; each part is described where it is defined.

    ``Ledger(storage, clock=..., new_id=...)``: the clock returns aware times, ``new_id`` 128 unguessable bits in hex. Remembers only
    what never changes: any number of ledgers on any number of machines may share a storage. Every method may raise StorageError.
    """
