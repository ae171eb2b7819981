"""Tells of jobs that completed, and were billed, with a result that no take can be made of: a person decides. Never submits."""

from __future__ import annotations

from decimal import Decimal

from animatic.engine.run import Run
from animatic.engine.state import SubmittedJob
from animatic.errors import AnimaticError, BadClipError, UnclearResultError
from animatic.money import dollars
from animatic.plan import Step


def unclear_result(run: Run, step: Step, job_id: str, usd: Decimal | None, said: str = "") -> UnclearResultError:
    """Return the error for a job whose result is not understood; ``usd``: what it was billed, None where that is not known."""
    price = "" if usd is None else f" ({dollars(usd)})"
    return UnclearResultError(
        f"job {job_id} completed and was billed{price}, but its result was not understood{f': {said}' if said else ''}",
        hint=f"`animatic resume {run.plan.run_id}` looks at it again; `animatic retake {run.plan.pipeline} {step.key}` pays for a new one",
        candidates=(job_id,),
    )


def is_unusable(error: AnimaticError) -> bool:
    """Whether what a job gave is no file for its shot: fetching it once more gives the same. What cannot be had now may come back."""
    return isinstance(error, BadClipError) and not error.retryable


async def found_unusable(run: Run, step: Step, submitted: SubmittedJob, error: AnimaticError) -> UnclearResultError:
    """Record that the file of a completed job is of no use; returns the error for it. Raises StorageError."""
    unclear = unclear_result(run, step, submitted.job_id, submitted.usd, error.message)
    await run.ledger.submissions.unusable(submitted.fingerprint, submitted.attempt, unclear.message)
    unclear.unusable = True
    return unclear
