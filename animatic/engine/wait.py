"""Waits for a submitted job to end and settles what it cost; cancels jobs. Never submits."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from animatic.engine.crashpoints import crashpoint
from animatic.engine.run import Run
from animatic.engine.state import SubmittedJob
from animatic.engine.unclear import unclear_result
from animatic.errors import AnimaticError, JobFailedError, JobOpenError, JobTimeoutError, UnclearResultError
from animatic.krea import Job
from animatic.ledger import Failure
from animatic.plan import Step

log = logging.getLogger(__name__)

ZERO = Decimal(0)
CANCEL_PATIENCE_SECONDS = 10.0
"""How long a cancelled job may take to say so."""
JobEnd = Literal["completed", "failed", "cancelled", "moderated", "empty", "timed_out"]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Failure:
    """What it means that a job failed or was cancelled: how it is settled, and whether the same request may be sent again."""

    outcome: JobEnd
    code: str
    repeatable: bool
    message: str
    output_refused: bool = False


async def await_job(run: Run, step: Step, submitted: SubmittedJob) -> Job:
    """Wait for the end of a job and settle it. Returns a completed job with the addresses of its result.

    Raises JobFailedError (failed, moderated, cancelled), UnclearResultError (completed, but no result is understood), JobTimeoutError
    (outlived the shot's timeout and was cancelled), JobOpenError (outlived it, or is unknown to Krea, and was not said to have ended: it
    stays open for the next run), KreaUnreachableError.
    """
    run.progress.change(
        step.key,
        "running",
        "waiting for Krea",
        job_id=submitted.job_id,
        attempt=submitted.attempt,
        usd=submitted.usd,
        model=submitted.model,
    )
    run.state.running[step.key] = submitted
    try:
        job = await _with_result(run, step, submitted, await _end_of(run, step, submitted))
    except AnimaticError:
        del run.state.running[step.key]
        raise
    # A wait that was interrupted leaves it there, for `cancel_running`.
    del run.state.running[step.key]
    if job.status == "completed":
        if not job.urls:
            raise await _unclear(run, step, submitted, job)
        await _settle(run, submitted, "completed", usd=submitted.usd, job=job)
        return job
    failure = _failure(job)
    await _settle(run, submitted, failure.outcome, usd=ZERO, job=job, code=failure.code, message=failure.message)
    raise JobFailedError(failure.message, code=failure.code, repeatable=failure.repeatable, output_refused=failure.output_refused)


async def _with_result(run: Run, step: Step, submitted: SubmittedJob, job: Job) -> Job:
    """Read a completed job again for a while where its result has no address yet: Krea may add it some seconds later."""
    job = submitted.result_of(job)
    patient_until = run.timing.monotonic() + run.settings.patience.grace
    while job.status == "completed" and not job.urls and not job.error and run.timing.monotonic() < patient_until:
        run.progress.change(step.key, "running", "completed, waiting for the result", job_id=job.id)
        await run.timing.sleep(run.settings.patience.poll)
        again = await run.client.job(submitted.job_id)
        if again is not None and again.status == "completed":
            job = submitted.result_of(again)
    return job


async def _unclear(run: Run, step: Step, submitted: SubmittedJob, job: Job) -> UnclearResultError:
    """Settle a job that completed without a result that is understood: Krea bills it, so only a person may pay for another."""
    error = unclear_result(run, step, job.id, submitted.usd, job.error.message if job.error else "")
    await _settle(run, submitted, "empty", usd=submitted.usd, job=job, code=error.code, message=error.message)
    return error


async def _end_of(run: Run, step: Step, submitted: SubmittedJob) -> Job:
    """Wait until the job has ended; one that outlives the shot's timeout is cancelled."""
    left = step.timeout - (run.timing.now() - submitted.submitted_at).total_seconds()
    try:
        return await run.watcher.wait(
            submitted.job_id,
            # An earlier run has waited for all of its time, and Krea did not say that it ended: it gets that time once more.
            deadline=left if left > 0 else step.timeout,
            created_at=submitted.submitted_at,
            on_status=lambda seen: run.progress.change(step.key, "running", seen.status, job_id=seen.id),
            model=submitted.model,
        )
    except JobFailedError as error:  # Krea no longer knows the job: nobody can say whether it was billed
        raise JobOpenError(error.message, hint=_open_hint(run, step), code=error.code) from error
    except JobTimeoutError:
        message = f"it did not end within {step.timeout:g} s"
        job = await cancel_job(run, submitted, code="timeout", message=message)
        if job is None or not job.terminal:
            known = "Krea does not say that it was cancelled" if job else "Krea no longer knows it"
            raise JobOpenError(
                f"job {submitted.job_id} did not end within {step.timeout:g} s and {known}, so it may still be billed",
                hint=_open_hint(run, step),
                code=JobTimeoutError.code,
            ) from None
        if job.status == "cancelled":
            raise JobTimeoutError(
                f"job {submitted.job_id} did not end within {step.timeout:g} s and was cancelled",
                hint="raise `timeout` of the shot, or choose a quicker model",
            ) from None
        return job


def _open_hint(run: Run, step: Step) -> str:
    return (
        "nothing else is paid for this shot while it may be billed: "
        f"`animatic resume {run.plan.run_id}` waits for it again; look for it at krea.ai, and if it is lost, "
        f"pay for a new one with `animatic retake {run.plan.pipeline} {step.key}`"
    )


async def cancel_job(run: Run, submitted: SubmittedJob, *, code: str, message: str) -> Job | None:
    """Cancel at Krea and read again, because cancelling can lose the race with completion; settle what was cancelled.

    Returns the job as it is now, None if Krea knows none. Only one that says that it was cancelled is settled: every other stays open,
    and the next run waits for it.
    """
    job = await run.client.job(submitted.job_id)
    if job is None or job.terminal:  # cancelling a job that has ended would remove it
        return job
    crashpoint("before-cancelled")
    await run.client.cancel(submitted.job_id)
    crashpoint("after-cancelled")
    patient_until = run.timing.monotonic() + CANCEL_PATIENCE_SECONDS
    while True:
        job = await run.client.job(submitted.job_id)
        if job is None or job.terminal or run.timing.monotonic() >= patient_until:
            break
        await run.timing.sleep(min(1.0, run.settings.patience.poll))
    if job is not None and job.status == "cancelled":
        await _settle(run, submitted, "timed_out" if code == "timeout" else "cancelled", usd=ZERO, job=job, code=code, message=message)
    return job


async def cancel_running(run: Run) -> int:
    """Cancel every job that is being waited for; returns how many say that they were. The next run takes up the others.

    Raises nothing of Krea's: a job of which it does not tell is one of the others, and keeps none from being cancelled.
    """

    async def cancel(submitted: SubmittedJob) -> Job | None:
        try:
            return await cancel_job(run, submitted, code="cancelled", message="the run was interrupted")
        except AnimaticError as error:
            log.warning("job %s was not cancelled: %s", submitted.job_id, error.message)
            return None

    jobs = await asyncio.gather(*(cancel(submitted) for submitted in list(run.state.running.values())))
    return sum(job is not None and job.status == "cancelled" for job in jobs)


def _failure(job: Job) -> _Failure:
    """Return what went wrong with a job that ended failed or cancelled."""
    said = job.error.message if job.error else ""
    code = job.error.code if job.error else ""
    match job.status:
        case "cancelled":
            return _Failure(outcome="cancelled", code="cancelled", repeatable=False, message=said or "the job was cancelled")
        case _ if job.moderated and job.error and job.error.output_refused:
            message = f"moderation refused what came of it, which may differ the next time: {said}"
            return _Failure(outcome="moderated", code=code or "moderated", repeatable=True, message=message, output_refused=True)
        case _ if job.moderated:
            return _Failure(
                outcome="moderated", code=code or "moderated", repeatable=False, message=said or "moderation refused the prompt or an input"
            )
        case _:
            return _Failure(
                outcome="failed", code=code or "job_failed", repeatable=True, message=said or "the job failed and Krea gave no reason"
            )


async def _settle(
    run: Run, submitted: SubmittedJob, outcome: JobEnd, *, usd: Decimal | None, job: Job | None, code: str = "", message: str = ""
) -> None:
    crashpoint("before-settled")
    if usd == ZERO:
        run.budget.release(submitted.fingerprint, submitted.attempt)
        run.state.made_nothing.add(submitted.fingerprint)
    await run.ledger.submissions.settle(
        submitted.fingerprint,
        submitted.attempt,
        outcome,
        usd=usd,
        job_id=submitted.job_id,
        completed_at=job.completed_at if job else None,
        error=Failure(code=code, message=message) if code else None,
    )
    crashpoint("after-settled")
