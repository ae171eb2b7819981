"""From "this job is ours" to "it has ended, and the ledger knows what it cost". Never submits."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Literal

from animatic.engine.crashpoints import crashpoint
from animatic.engine.run import Run, SubmittedJob
from animatic.errors import AnimaticError, JobFailedError, JobTimeoutError
from animatic.krea import Job
from animatic.ledger import Failure
from animatic.plan import Step

NOTHING = Decimal(0)
CANCEL_PATIENCE = timedelta(seconds=10)
"""How long a cancelled job may take to say so."""
Outcome = Literal["completed", "failed", "cancelled", "moderated", "empty", "timed_out"]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Meaning:
    """What an end of a job means: how it is settled, and whether the same request may be sent again."""

    outcome: Outcome
    code: str
    repeatable: bool
    message: str


async def await_job(run: Run, step: Step, submission: SubmittedJob) -> Job:
    """Wait for the end of a job and settle it. Returns a completed job with a result.

    Raises JobFailedError (failed, moderated, cancelled, empty), JobTimeoutError (outlived the shot's timeout; cancelled at Krea first), KreaUnreachableError.
    """
    run.progress.change(
        step.key,
        "running",
        "waiting for Krea",
        job_id=submission.job_id,
        attempt=submission.attempt,
        usd=submission.usd,
        model=submission.model,
    )
    run.running[step.key] = submission
    try:
        job = await _end_of(run, step, submission)
    except AnimaticError:
        del run.running[step.key]
        raise
    # A wait that was interrupted leaves it there, for `cancel_running`.
    del run.running[step.key]
    meaning = _meaning(job)
    if meaning is None:
        await _settle(run, submission, "completed", usd=submission.usd, job=job)
        return job
    # An empty result is a completed job to Krea, which bills those: it counts as spent.
    usd = submission.usd if meaning.outcome == "empty" else NOTHING
    await _settle(run, submission, meaning.outcome, usd=usd, job=job, code=meaning.code, message=meaning.message)
    raise JobFailedError(meaning.message, code=meaning.code, repeatable=meaning.repeatable)


async def _end_of(run: Run, step: Step, submission: SubmittedJob) -> Job:
    """Wait until the job has ended; one that outlives the shot's timeout is cancelled."""
    age = (run.clock() - submission.submitted_at).total_seconds()
    try:
        return await run.watcher.wait(
            submission.job_id,
            deadline=max(0.0, step.timeout - age),
            created_at=submission.submitted_at,
            on_status=lambda seen: run.progress.change(step.key, "running", seen.status, job_id=seen.id),
            model=submission.model,
        )
    except JobFailedError as error:  # Krea no longer knows the job: nobody can say whether it was billed, so it stays open
        error.hint = (
            f"it may have been billed, so it is not sent again by itself: look for it at krea.ai, and then, if it is lost, pay for a new one "
            f"with `animatic retake {run.plan.pipeline} {step.key}`"
        )
        raise
    except JobTimeoutError:
        job = await cancel_job(run, submission, code="timeout", message=f"it did not end within {step.timeout:g} s")
        if job is not None and job.terminal and job.status != "cancelled":
            return job
        ending = (
            "was cancelled" if job is not None and job.terminal else "Krea does not say that it was cancelled, so it may still be billed"
        )
        raise JobTimeoutError(
            f"job {submission.job_id} did not end within {step.timeout:g} s and {ending}",
            hint="raise `timeout` of the shot, or choose a quicker model",
        ) from None


async def cancel_job(run: Run, submission: SubmittedJob, *, code: str, message: str) -> Job | None:
    """Cancel at Krea and read again, because cancelling can lose the race with completion; settle what was cancelled.

    Returns the job as it is now, None if Krea has removed it. One that does not say that it stopped is settled as perhaps billed, and the next
    run looks at it first.
    """
    job = await run.client.job(submission.job_id)
    if job is None or job.terminal:  # cancelling a job that has ended would remove it
        return job
    crashpoint("before-cancelled")
    await run.client.cancel(submission.job_id)
    crashpoint("after-cancelled")
    patient_until = run.clock() + CANCEL_PATIENCE
    while True:
        job = await run.client.job(submission.job_id)
        if job is None or job.terminal or run.clock() >= patient_until:
            break
        await asyncio.sleep(min(1.0, run.settings.patience.poll))
    if job is not None and job.status == "cancelled":
        await _settle(run, submission, "timed_out" if code == "timeout" else "cancelled", usd=NOTHING, job=job, code=code, message=message)
    elif job is None or not job.terminal:
        message = f"{message}; Krea does not say that it was cancelled"
        await _settle(run, submission, "timed_out", usd=None, job=job, code=code, message=message)
    return job


async def cancel_running(run: Run) -> int:
    """Cancel every job that is being waited for; returns how many were stopped. Those that had completed are delivered by the next run."""
    running = list(run.running.values())
    jobs = await asyncio.gather(
        *(cancel_job(run, submission, code="cancelled", message="the run was interrupted") for submission in running)
    )
    return sum(job is None or job.status == "cancelled" for job in jobs)


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


async def _settle(
    run: Run, submission: SubmittedJob, outcome: Outcome, *, usd: Decimal | None, job: Job | None, code: str = "", message: str = ""
) -> None:
    crashpoint("before-settled")
    if usd == NOTHING:
        run.budget.release(submission.fingerprint, submission.attempt)
    await run.ledger.submissions.settle(
        submission.fingerprint,
        submission.attempt,
        outcome,
        usd=usd,
        job_id=submission.job_id,
        completed_at=job.completed_at if job else None,
        error=Failure(code=code, message=message) if code else None,
    )
    crashpoint("after-settled")
