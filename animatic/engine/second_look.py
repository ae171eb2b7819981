"""Looks again at jobs of which Krea said that they made nothing: one that completes after all is billed, and is the shot's.

Krea has been seen to call a job failed or cancelled that went on. So it is asked once more before anything further is paid for the shot, at
the end of the run, and by `doubts`. Never submits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from functools import partial

from animatic.engine.reach import out_of_reach
from animatic.engine.run import Run
from animatic.errors import JobFailedError, JobOpenError, JobTimeoutError, KreaUnreachableError
from animatic.krea import Job, KreaClient
from animatic.ledger import Ledger, Submission
from animatic.ledger.days import days_so_far
from animatic.ledger.outcomes import is_free
from animatic.plan import Step

log = logging.getLogger(__name__)

Wait = Callable[[Job], Awaitable[Job | None]]

LOOK_AGAIN_FOR = timedelta(days=1)
"""How long after its end such a job is looked at: before the day of its submission is summed up for good."""
MAX_LOOKED_AT = 200
"""By `doubts`, at once: a request each."""


async def completed_after_all(
    client: KreaClient,
    ledger: Ledger,
    submissions: Iterable[Submission],
    now: datetime,
    *,
    wait: Wait | None = None,
    needs_an_answer: bool = False,
) -> list[Submission]:
    """Record which of these submissions' jobs completed although Krea had said that they made nothing; returns those submissions anew.

    What cannot be read now stays as Krea said; where nothing can be, and ``needs_an_answer``, that is an outage. ``wait`` is given a job
    that Krea says runs on, and returns it as it ended. Raises KreaUnreachableError (only then), KreaRefusedError, OutOfCreditsError,
    StorageError, and what ``wait`` raises.
    """
    free = [one for one in submissions if _made_nothing(one, now) and not out_of_reach(client, one.intent)]
    found = await asyncio.gather(*(_look(client, ledger, one, wait) for one in free))
    outages = [one for one in found if isinstance(one, KreaUnreachableError)]
    if needs_an_answer and outages and len(outages) == len(free):
        raise outages[0]
    return [one for one in found if isinstance(one, Submission)]


def _made_nothing(submission: Submission, now: datetime) -> bool:
    ending = submission.ending
    if ending is None or submission.submitted is None or submission.withdrawal is not None:
        return False
    return is_free(ending.outcome, ending.usd) and now - ending.at < LOOK_AGAIN_FOR


async def _look(client: KreaClient, ledger: Ledger, submission: Submission, wait: Wait | None) -> Submission | KreaUnreachableError | None:
    assert submission.submitted is not None
    intent, job_id = submission.intent, submission.submitted.job_id
    try:
        job = await client.job(job_id)
    except KreaUnreachableError as error:
        log.info("job %s is not looked at again: %s", job_id, error.message)
        return error
    if job is not None and not job.terminal and wait is not None:
        job = await wait(job)
    if job is None or job.status != "completed":
        return None
    log.warning("%s: job %s completed, and is billed, although Krea had said that it made nothing", intent.step, job_id)
    await ledger.submissions.settle(
        intent.fingerprint, intent.attempt, "completed", usd=intent.usd, job_id=job_id, completed_at=job.completed_at
    )
    return await ledger.submissions.get(intent.fingerprint, intent.attempt)


async def said_to_be_free(ledger: Ledger, now: datetime) -> list[Submission]:
    """Return the newest submissions of late whose jobs made nothing, as Krea said."""
    costs = (await ledger.spending.on(days_so_far((now - LOOK_AGAIN_FOR).date(), now))).costs
    lines = [cost.line for cost in costs if cost.outcome is not None and is_free(cost.outcome, cost.usd) and cost.usd == 0]
    found = [await ledger.submissions.get(line.fingerprint, line.attempt) for line in lines[-MAX_LOOKED_AT:]]
    return [one for one in found if one is not None]


async def look_again(run: Run, submissions: Iterable[Submission], *, waits_for: Step | None = None) -> list[Submission]:
    """Do so for submissions of a run; what it was billed for counts against its budget again.

    ``waits_for``: the step for which something further is due to be paid; a job that runs on is waited for before that, and a JobOpenError
    raised where it does not end within the step's timeout.
    """

    async def wait(step: Step, job: Job) -> Job | None:
        run.progress.change(step.key, "running", "Krea says that the job goes on after all", job_id=job.id)
        try:
            return await run.watcher.wait(job.id, deadline=step.timeout, created_at=job.created_at)
        except JobTimeoutError as error:
            raise JobOpenError(
                f"job {job.id}, which Krea had said made nothing, runs on, so it may still be billed",
                hint=f"nothing else is paid for this shot meanwhile: `animatic resume {run.plan.run_id}` waits for it again",
            ) from error
        except JobFailedError:  # it is not to be seen any more
            return None

    waiting = None if waits_for is None else partial(wait, waits_for)
    found = await completed_after_all(run.client, run.ledger, submissions, run.timing.now(), wait=waiting)
    for one in found:
        run.budget.note(one)
    return found
