"""From "this job is ours" to "it has ended, and the ledger knows what it cost". Never submits."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from animatic.errors import JobFailedError, JobTimeoutError
from animatic.krea import Job
from animatic.ledger import Failure
from animatic.plan import Step
from animatic.takes.crashpoints import crashpoint
from animatic.takes.run import Run
from animatic.takes.submission import Submission

NOTHING = Decimal(0)
Outcome = Literal["completed", "failed", "cancelled", "moderated", "empty", "timed_out"]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Meaning:
    """What an end of a job means: how it is settled, and whether the same request may be sent again."""

    outcome: Outcome
    code: str
    repeatable: bool
    message: str


async def await_job(run: Run, step: Step, submission: Submission) -> Job:
    """Wait for the end of a job and settle it. Returns a completed job with a result.

    Raises JobFailedError (failed, moderated, cancelled, empty), JobTimeoutError (outlived the shot's timeout; cancelled at Krea first), KreaUnreachableError.
    """
    run.board.change(
        step.key,
        "running",
        "waiting for Krea",
        job_id=submission.job_id,
        attempt=submission.attempt,
        usd=submission.usd,
        model=submission.model,
    )
    age = (run.clock() - submission.submitted_at).total_seconds()
    try:
        job = await run.watcher.wait(
            submission.job_id,
            deadline=max(0.0, step.timeout - age),
            created_at=submission.submitted_at,
            on_status=lambda seen: run.board.change(step.key, "running", seen.status, job_id=seen.id),
        )
    except JobTimeoutError:
        last = await _cancel(run, submission)
        if last is None or not last.terminal or last.status == "cancelled":
            message = f"job {submission.job_id} did not end within {step.timeout:g} s and was cancelled"
            await _settle(run, submission, "timed_out", usd=NOTHING, job=last, code="timeout", message=message)
            raise JobTimeoutError(message, hint="raise `timeout` of the shot, or choose a quicker model") from None
        job = last
    meaning = _meaning(job)
    if meaning is None:
        await _settle(run, submission, "completed", usd=submission.usd, job=job)
        return job
    # An empty result is a completed job to Krea, which bills those: it counts as spent.
    usd = submission.usd if meaning.outcome == "empty" else NOTHING
    await _settle(run, submission, meaning.outcome, usd=usd, job=job, code=meaning.code, message=meaning.message)
    raise JobFailedError(meaning.message, code=meaning.code, repeatable=meaning.repeatable)


def _meaning(job: Job) -> _Meaning | None:
    """Return what went wrong with an ended job; None if nothing did."""
    said = job.error.message if job.error else ""
    code = job.error.code if job.error else ""
    match job.status:
        case "completed" if job.urls:
            return None
        case "completed":
            return _Meaning(outcome="empty", code="empty_result", repeatable=True, message=said or "the job completed without a result")
        case "cancelled":
            return _Meaning(outcome="cancelled", code="cancelled", repeatable=False, message=said or "the job was cancelled")
        case _ if job.moderated:
            return _Meaning(
                outcome="moderated", code=code or "moderated", repeatable=False, message=said or "moderation refused the prompt or an input"
            )
        case _:
            return _Meaning(
                outcome="failed", code=code or "job_failed", repeatable=True, message=said or "the job failed and Krea gave no reason"
            )


async def _cancel(run: Run, submission: Submission) -> Job | None:
    """Cancel at Krea, then read again: cancelling can lose the race with completion."""
    await run.client.cancel(submission.job_id)
    return await run.client.job(submission.job_id)


async def _settle(
    run: Run, submission: Submission, outcome: Outcome, *, usd: Decimal | None, job: Job | None, code: str = "", message: str = ""
) -> None:
    crashpoint("before-settled")
    await run.ledger.settle(
        submission.fingerprint,
        submission.attempt,
        outcome,
        usd=usd,
        job_id=submission.job_id,
        completed_at=job.completed_at if job else None,
        error=Failure(code=code, message=message) if code else None,
    )
    crashpoint("after-settled")
