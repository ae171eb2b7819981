"""How a submission may end, and what follows from it for money."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, assert_never

Outcome = Literal["completed", "failed", "cancelled", "moderated", "empty", "timed_out", "unsent", "never_arrived", "withdrawn"]
"""How a submission ended. ``empty``: its job completed with a result that was not understood; ``unsent`` and ``never_arrived``:
Krea has no job for it; ``withdrawn``: a person gave it up."""


def was_accepted(outcome: Outcome) -> bool:
    """Whether Krea has a job for a submission that ended so, as far as the ledger knows. Only then may it have been billed."""
    match outcome:
        case "completed" | "failed" | "cancelled" | "moderated" | "empty" | "timed_out" | "withdrawn":
            return True
        case "unsent" | "never_arrived":
            return False
        case _:
            assert_never(outcome)


def is_final(outcome: Outcome) -> bool:
    """Whether Krea has said how it ended and what was billed. What it said was free it may bill all the same: see `corrects`."""
    match outcome:
        case "completed" | "failed" | "cancelled" | "moderated":
            return True
        case "empty" | "timed_out" | "withdrawn" | "unsent" | "never_arrived":
            return False
        case _:
            assert_never(outcome)


def is_free(outcome: Outcome, usd: Decimal | None) -> bool:
    """Whether Krea has said of the job of a submission that ended so that it made nothing, and is not billed."""
    return outcome in {"failed", "cancelled", "moderated"} or (outcome == "timed_out" and usd is not None)


def corrects(later: Outcome, standing: Outcome) -> bool:
    """Whether what Krea says later of a job outweighs how its submission was settled: all that was not final, and what was not billed."""
    if not is_final(standing):
        return was_accepted(later)
    return standing != "completed" and later in {"completed", "empty"}
