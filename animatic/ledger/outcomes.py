"""How a submission may end, and what follows from it for money."""

from __future__ import annotations

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
    """Whether nothing that Krea says later can change what was billed for a submission that ended so."""
    match outcome:
        case "completed" | "failed" | "cancelled" | "moderated":
            return True
        case "empty" | "timed_out" | "withdrawn" | "unsent" | "never_arrived":
            return False
        case _:
            assert_never(outcome)
