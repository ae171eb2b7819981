"""Durable, immutable records of what was intended, sent, paid and made, kept beside the clips."""

from animatic.ledger.errors import AlreadySubmittedError, ClaimedError, OpenSubmissionError
from animatic.ledger.ledger import Ledger
from animatic.ledger.model import Claim, Doubt, Failure, How, Intent, SentInput, Settled, State, Submission, Submitted, Withdrawal
from animatic.ledger.outcomes import Outcome
from animatic.ledger.records import take_folder
from animatic.ledger.reels import ReelRecord
from animatic.ledger.spending import Cost, SpendingReport, Totals
from animatic.ledger.takes import AssetRecord, ClipRecord, Damage, Selection, Take, TakeFinding

__all__ = [
    "AlreadySubmittedError",
    "AssetRecord",
    "Claim",
    "ClaimedError",
    "ClipRecord",
    "Cost",
    "Damage",
    "Doubt",
    "Failure",
    "How",
    "Intent",
    "Ledger",
    "OpenSubmissionError",
    "Outcome",
    "ReelRecord",
    "Selection",
    "SentInput",
    "Settled",
    "SpendingReport",
    "State",
    "Submission",
    "Submitted",
    "Take",
    "TakeFinding",
    "Totals",
    "Withdrawal",
    "take_folder",
]
