"""Stray jobs: paid, or perhaps, and in no take. Found in the ledger, followed until Krea says how they ended, and told in the manifest.

A job goes astray where its answer came after its submission was given up, where it runs beside the one that made the take, or where a
person gave it up. Nothing here submits or cancels.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from animatic.engine.attempts import attempt_of
from animatic.engine.evidence import Adopt
from animatic.engine.late_jobs import keep_late_jobs, late_jobs, why_late
from animatic.engine.reach import out_of_reach
from animatic.engine.run import Run
from animatic.engine.search import adopt, conclude_now
from animatic.engine.second_look import look_again
from animatic.engine.state import LostAnswers
from animatic.engine.windows import Window, window_of
from animatic.errors import AnimaticError, KreaUnreachableError
from animatic.krea import KreaClient
from animatic.ledger import Cost, Ledger, Submission, Take
from animatic.manifest import StrayJob

log = logging.getLogger(__name__)
UNFETCHED = "it completed, and its result was not fetched"


@dataclass(frozen=True, kw_only=True, slots=True)
class Stray:
    """A job that was paid, or may be, and that makes no take."""

    submission: Submission
    job_id: str
    usd: Decimal | None
    why: str
    expected: bool = False
    """Whether the next run takes it up: how it ended is for that run to say."""

    @property
    def ended(self) -> bool:
        """Whether Krea has said that it completed."""
        return self.submission.ending is not None and self.submission.ending.outcome in {"completed", "empty"}


def strays_among(submissions: Iterable[Submission], take: Take | None) -> tuple[Stray, ...]:
    """Return those submissions for a take whose jobs are strays, once ``take`` (None: there is none) is what was made of them."""
    found = []
    for submission in submissions:
        why = _why_stray(submission, take)
        if why and submission.submitted:
            ending = submission.ending
            usd = submission.intent.usd if ending is None or ending.usd is None or not ending.usd else ending.usd
            found.append(Stray(submission=submission, job_id=submission.submitted.job_id, usd=usd, why=why))
    return tuple(found)


def _why_stray(submission: Submission, take: Take | None) -> str | None:
    ending, submitted = submission.ending, submission.submitted
    if submitted is None or (take is not None and take.job_id == submitted.job_id):
        return None
    match ending.outcome if ending else None:
        case "failed" | "cancelled" | "moderated":
            return None
        case "timed_out" if ending and ending.usd is not None:  # Krea said that it was cancelled
            return None
        case "withdrawn" if take is None and not submission.waits_for_job:
            return "its submission had been given up before it was found"
        case "never_arrived" | "unsent" | "withdrawn" if take is None and submission.withdrawal is None:
            return "it came after its submission had been given up: the next run takes it up"
        case _:
            pass
    if take is not None:
        return f"paid beside job {take.job_id}, which made the take"
    return submission.withdrawal.reason if submission.withdrawal else None


async def list_strays(ledger: Ledger, days: Iterable[date]) -> list[Stray]:
    """Return the strays among the submissions of those days, and jobs without a take whose sender is not at work any more."""
    suspects: dict[str, list[Cost]] = defaultdict(list)
    for cost in (await ledger.spending.on(days)).costs:
        if cost.outcome not in {"failed", "cancelled", "moderated", "unsent"}:
            suspects[cost.line.fingerprint].append(cost)
    made = await ledger.takes.fingerprints() if suspects else frozenset()
    # One completed job, and its take, is what nearly every shot has.
    unusual = sorted(
        fingerprint
        for fingerprint, costs in suspects.items()
        if len(costs) > 1 or costs[0].outcome in {"empty", "timed_out", "withdrawn"} or costs[0].outcome is None or fingerprint not in made
    )
    takes = await ledger.takes.get_many(unusual)
    found: list[Stray] = []
    for fingerprint in unusual:
        submissions, take = await ledger.submissions.of(fingerprint), takes.get(fingerprint)
        strays = strays_among(submissions, take)
        known = {stray.job_id for stray in strays}
        if take is None:
            left = (left_alone(ledger, submission) for submission in submissions)
            strays += tuple(stray for stray in left if stray and stray.job_id not in known)
        found += strays
    return found


def left_alone(ledger: Ledger, submission: Submission) -> Stray | None:
    """Return the job of a submission that made no take so far, and that its sender does not wait for any more."""
    intent, submitted, ending = submission.intent, submission.submitted, submission.ending
    if submitted is None or not submission.waits_for_job or ledger.submissions.owner_alive(intent):
        return None
    if submission.unclear:  # that is a question of its own
        return None
    said = UNFETCHED if ending and ending.outcome == "completed" else "Krea has not said that it ended"
    why = f"{said}: `animatic resume {intent.run_id}` goes on with it"
    return Stray(submission=submission, job_id=submitted.job_id, usd=intent.usd, why=why, expected=True)


async def follow(client: KreaClient, ledger: Ledger, strays: Iterable[Stray]) -> list[Stray]:
    """Ask Krea how strays ended and record it; returns those that were billed or may be. Raises KreaUnreachableError, StorageError."""
    kept = []
    for stray in strays:
        job = None if stray.ended or out_of_reach(client, stray.submission.intent) else await client.job(stray.job_id)
        if job is not None and job.terminal:
            intent, billed = stray.submission.intent, job.status == "completed"
            if billed and stray.expected:
                kept.append(replace(stray, why=f"{UNFETCHED}: `animatic resume {intent.run_id}` fetches it"))
                continue
            await ledger.submissions.settle(
                intent.fingerprint,
                stray.submission.number,
                "completed" if billed else "failed" if job.status == "failed" else "cancelled",
                usd=intent.usd if billed else Decimal(0),
                job_id=job.id,
                completed_at=job.completed_at,
            )
            if not billed:
                continue
        kept.append(stray)
    return kept


async def report_strays(run: Run, *, cancelled: bool) -> None:
    """Look once more for the jobs of this run's lost answers, follow its strays, and enter them into its manifest.

    ``cancelled``: whether somebody waits for the end of an interrupted run; then jobs that made nothing are not looked at again, nor where
    Krea is away.
    """
    told: list[StrayJob] = []
    try:
        if not cancelled and not any(error.code == KreaUnreachableError.code for error in run.state.errors.values()):
            told += await _billed_after_all(run)
        for lost in tuple(run.state.lost_answers.values()):
            await _look_again(run, lost)
        told += await _late_jobs_of(run)
        strays = await follow(run.client, run.ledger, run.state.strays.values())
    except AnimaticError as error:
        log.warning("strays could not be followed: %s", error.message)
        strays = list(run.state.strays.values())
    told += [StrayJob(job_id=stray.job_id, usd=stray.usd, why=_told(stray)) for stray in strays]
    run.manifest.stray_jobs = tuple({stray.job_id: stray for stray in told}.values())


async def _billed_after_all(run: Run) -> list[StrayJob]:
    """Look again at the jobs of this run that made nothing, as Krea said; returns those that completed all the same and made no take."""
    looked = await asyncio.gather(*(_billed_after_all_of(run, fingerprint) for fingerprint in sorted(run.state.made_nothing)))
    return [told for strays in looked for told in strays]


async def _billed_after_all_of(run: Run, fingerprint: str) -> list[StrayJob]:
    found = await look_again(run, await run.ledger.submissions.of(fingerprint))
    if not found:
        return []
    submissions, take = await run.ledger.submissions.of(fingerprint), await run.ledger.takes.get(fingerprint)
    note_strays(run, submissions, take)
    attempts = [attempt_of(one, run.plan.run_id, take) for one in submissions if one.intent.run_id == run.plan.run_id]
    for step in run.plan.steps:
        if step.fingerprint == fingerprint and run.manifest.shot(step.key).record.attempts:
            run.manifest.shot(step.key).update(attempts=attempts)
    return [_unfetched(one) for one in found if take is None and one.submitted is not None]


def _unfetched(submission: Submission) -> StrayJob:
    assert submission.submitted is not None
    intent = submission.intent
    why = f"Krea had said that it made nothing, and it completed: `animatic resume {intent.run_id}` fetches it"
    return StrayJob(job_id=submission.submitted.job_id, usd=intent.usd, why=f"{intent.step}, attempt {submission.number}: {why}")


async def _late_jobs_of(run: Run) -> list[StrayJob]:
    """Record the jobs that may be of this run's given up submissions, or of those that another job was taken for; returns them."""
    intents = [*run.state.by_evidence, *(intent for lost in run.state.lost_answers.values() for intent in lost.intents)]
    submissions = [await run.ledger.submissions.get(intent.fingerprint, intent.attempt) for intent in intents]
    late = await late_jobs(run.client, run.ledger, [one for one in submissions if one])
    billed = await keep_late_jobs(run.ledger, late)
    return [
        StrayJob(
            job_id=job.id,
            # Of several for one submission Krea bills one: which, is not known.
            usd=submission.intent.usd if submission.submitted or job.id in billed else None,
            why=f"{submission.intent.step}, attempt {submission.number}: {why_late(submission)}",
        )
        for submission, jobs in late
        for job in jobs
    ]


async def _look_again(run: Run, lost: LostAnswers) -> None:
    """Look whether Krea has made a job after its submission had been given up."""
    intent = lost.intents[-1]
    window = Window(first=window_of(lost.intents[0]).first, last=None)
    conclusion = await conclude_now(run, intent, window)
    if isinstance(conclusion, Adopt) and await adopt(run, intent, conclusion, window):
        take = await run.ledger.takes.get(intent.fingerprint)
        note_strays(run, await run.ledger.submissions.of(intent.fingerprint), take)


def note_strays(run: Run, submissions: Iterable[Submission], take: Take | None) -> None:
    """Keep the strays among the submissions for a take of this run, to be reported at its end: those of this run, or found by it."""
    for stray in strays_among(submissions, take):
        intent, made_here = stray.submission.intent, take is not None and take.run_id == run.plan.run_id
        if made_here or run.plan.run_id == intent.run_id:
            run.state.strays[stray.job_id] = stray


def _told(stray: Stray) -> str:
    intent = stray.submission.intent
    return f"{intent.step}, attempt {stray.submission.number}: {stray.why}"
