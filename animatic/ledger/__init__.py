"""Durable, immutable records of what was intended, sent, paid and made, kept beside the clips."""

from animatic.ledger.errors import AlreadySubmittedError, ClaimedError, OpenSubmissionError
from animatic.ledger.ledger import Ledger
from animatic.ledger.model import (
    AssetRecord,
    Claim,
    ClipRecord,
    Doubt,
    Failure,
    How,
    Intent,
    Outcome,
    Selection,
    SentInput,
    Settled,
    State,
    Submission,
    Submitted,
    Take,
    Withdrawal,
)
from animatic.ledger.records import take_folder
from animatic.ledger.spending import Cost, SpendingReport, Totals

__all__ = [
    "AlreadySubmittedError",
    "AssetRecord",
    "Claim",
    "ClaimedError",
    "ClipRecord",
    "Cost",
    "Doubt",
    "Failure",
    "How",
    "Intent",
    "Ledger",
    "OpenSubmissionError",
    "Outcome",
    "Selection",
    "SentInput",
    "Settled",
    "SpendingReport",
    "State",
    "Submission",
    "Submitted",
    "Take",
    "Totals",
    "Withdrawal",
    "take_folder",
]
