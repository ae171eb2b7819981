"""Durable, immutable records of what was intended, sent, paid and made, kept beside the clips."""

from animatic.ledger.errors import AlreadySubmittedError, ClaimedError, OpenAttemptError
from animatic.ledger.ledger import Ledger
from animatic.ledger.model import (
    AssetRecord,
    Attempt,
    Claim,
    ClipRecord,
    Doubt,
    Failure,
    How,
    Intent,
    Outcome,
    Selection,
    Settled,
    State,
    Submitted,
    Take,
)
from animatic.ledger.records import take_folder
from animatic.ledger.spending import Cost, Spending, Totals

__all__ = [
    "AlreadySubmittedError",
    "AssetRecord",
    "Attempt",
    "Claim",
    "ClaimedError",
    "ClipRecord",
    "Cost",
    "Doubt",
    "Failure",
    "How",
    "Intent",
    "Ledger",
    "OpenAttemptError",
    "Outcome",
    "Selection",
    "Settled",
    "Spending",
    "State",
    "Submitted",
    "Take",
    "Totals",
    "take_folder",
]
