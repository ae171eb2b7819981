"""Tells submissions as the manifest does: attempts of a shot, in words that are Krea's where the ledger is finer."""

from __future__ import annotations

from typing import assert_never

from animatic.ledger import Submission, Take
from animatic.manifest import Attempt, Failure


def attempt_of(submission: Submission, run_id: str, take: Take | None = None) -> Attempt:
    """Return a submission as an attempt of its shot in a run, with its end as far as it is known. ``take``: that of the shot.

    What another run submitted is this run's only if this one made the take of it: the other has not come so far.
    """
    taken_up = (
        take is not None and take.run_id == run_id and submission.submitted is not None and submission.submitted.job_id == take.job_id
    )
    settled, submitted = submission.ending, submission.submitted
    error = settled.error if settled else None
    return Attempt(
        attempt=submission.number,
        job_id=submitted.job_id if submitted else None,
        status=_status(submission),
        submitted_at=submission.intent.intended_at,
        completed_at=settled.completed_at if settled else None,
        error=Failure(code=error.code, message=error.message) if error else None,
        usd=settled.usd if settled else None,
        elsewhere=submission.intent.run_id != run_id and not taken_up,
    )


def _status(submission: Submission) -> str:
    """Return the job's status in Krea's word where the ledger is finer; what was wrong with it is in the attempt's error."""
    if submission.ending is None:
        return submission.state
    match submission.ending.outcome:
        case "moderated":
            return "failed"
        case "empty":
            return "completed"
        case "completed" | "failed" | "cancelled" | "timed_out" | "unsent" | "never_arrived" | "withdrawn" as outcome:
            return outcome
        case _:
            assert_never(submission.ending.outcome)
