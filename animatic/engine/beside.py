"""Tells what was paid, or may be, for a take of which no clip is there, before another one is paid for in its place."""

from __future__ import annotations

from decimal import Decimal

from animatic.ledger import Ledger, Submission
from animatic.money import dollars
from animatic.plan import Step


async def paid_beside(ledger: Ledger, step: Step) -> str | None:
    """Return a sentence about the submission for a step that is open, or paid without a clip; None where there is none.

    Raises StorageError.
    """
    if await ledger.takes.get(step.fingerprint) is not None:
        return None
    submissions = await ledger.submissions.of(step.fingerprint)
    last = next((one for one in reversed(submissions) if not one.known or one.waits_for_job), None)
    return None if last is None else _told(last, f"take {step.take}", last.intent.usd)


def _told(submission: Submission, take: str, usd: Decimal | None) -> str:
    price, submitted = dollars(usd, unknown="an unknown price"), submission.submitted
    if submitted is None:
        return f"{take} is in doubt, and {price} may be billed for it as well: see `animatic doubts`"
    job = f"job {submitted.job_id} of {take}"
    if submission.unclear:
        return f"{job} was billed ({price}), and its result is given up"
    if submission.ending is not None and submission.ending.outcome == "completed":
        return f"{job} is paid ({price}) and was not fetched: `animatic resume {submission.intent.run_id}` fetches it"
    return f"{job} may still run, and {price} be billed for it as well: `animatic resume {submission.intent.run_id}` waits for it"
