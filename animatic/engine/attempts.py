"""Tells submissions as the manifest does: attempts of a shot, in words that are Krea's where the ledger is finer, and what they leave."""

from __future__ import annotations

from decimal import Decimal
from typing import assert_never

from animatic.errors import UnclearResultError
from animatic.ledger import Failure as LedgerFailure
from animatic.ledger import Submission, Take
from animatic.manifest import Attempt, Failure, ShotChanges


def attempt_of(submission: Submission, run_id: str, take: Take | None = None) -> Attempt:
    """Return a submission as an attempt of its shot in a run, with its end as far as it is known. ``take``: that of the shot.

    What another run submitted is this run's only if this one made the take of it: the other has not come so far.
    """
    taken_up = (
        take is not None and take.run_id == run_id and submission.submitted is not None and submission.submitted.job_id == take.job_id
    )
    settled, submitted = submission.ending, submission.submitted
    error = settled.error if settled else None
    if submission.unusable is not None and not (take is not None and submitted is not None and submitted.job_id == take.job_id):
        error = LedgerFailure(code=UnclearResultError.code, message=submission.unusable.reason)
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


def billed_for(submissions: tuple[Submission, ...], job_id: str | None) -> Decimal | None:
    """Return what a job was billed that completed and gave no take: USD, None where none did, or where its price is not known."""
    ended = (found.ending for found in submissions if found.submitted and found.submitted.job_id == job_id)
    return next((ending.usd for ending in ended if ending and ending.outcome in {"completed", "empty"}), None)


def left_by_interruption(submissions: tuple[Submission, ...], run_id: str) -> ShotChanges:
    """Return what an interruption leaves of a shot: not started, submitted without an answer, running, or cancelled."""
    last = submissions[-1] if submissions else None
    if last is None or (last.ending is not None and last.ending.outcome in {"unsent", "withdrawn", "never_arrived"}):
        return ShotChanges(doing="not started", set_aside_usd=None)
    attempts = [attempt_of(submission, run_id) for submission in submissions]
    if last.ending is None:
        return ShotChanges(job_id=last.submitted.job_id if last.submitted else None, attempts=attempts) | left_at_krea(last)
    return ShotChanges(doing="fetching" if last.ending.outcome == "completed" else "cancelled", set_aside_usd=None, attempts=attempts)


def left_at_krea(last: Submission | None) -> ShotChanges:
    """Return what the last submission of a shot may be billed yet: without an answer, or with a job that runs."""
    if last is None or last.ending is not None:
        return ShotChanges()
    return ShotChanges(doing="running" if last.submitted else "submitted", set_aside_usd=last.intent.usd)
