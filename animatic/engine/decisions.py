"""Shows what only a person can decide, what becomes of a submission in doubt, and records the decision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Literal

from animatic.engine.evidence import unclaimed
from animatic.engine.history import OpenDestination
from animatic.engine.late_jobs import ask_for_late_jobs, why_late
from animatic.engine.second_look import completed_after_all, said_to_be_free
from animatic.engine.strays import Stray, follow, list_strays, strays_among
from animatic.engine.timing import REAL_TIME, Timing
from animatic.engine.windows import MAX_CLOCK_DIFFERENCE, OWNER_ENDED_MESSAGE, window_of
from animatic.errors import UsageError
from animatic.krea import Job, KreaClient
from animatic.ledger import ClaimedError, Failure, Intent, Ledger, Submission
from animatic.ledger.days import CLOCKS_AHEAD

LOOK_BACK = timedelta(days=31)
MIN_FINGERPRINT_DIGITS = 6
"""As many digits of a fingerprint name a submission; fewer might be the id of a shot."""


DoubtKind = Literal["lost_answer", "unclear_result", "stray"]
"""Why a submission is shown to a person: nobody knows which job it became; its job completed and nobody knows where the result is; or
its job was paid, or may be, and makes no take. The first two wait for a decision, the last is only reported."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenDoubt:
    """A submission in doubt, and where its ledger is."""

    destination: OpenDestination
    submission: Submission
    kind: DoubtKind
    stray: Stray | None = None
    """Where that is what it is, and the job is known."""
    late: tuple[Job, ...] = ()
    """Of a stray: jobs without an owner that may be of a submission that was given up, or that another job was taken for."""

    @property
    def job_id(self) -> str | None:
        """The job that it is about; None where only candidates are known."""
        if self.kind == "stray":
            return self.stray.job_id if self.stray else None
        return self.submission.submitted.job_id if self.submission.submitted else None

    @property
    def usd(self) -> Decimal | None:
        """What was billed, or may have been; None where no price is known."""
        if self.kind == "stray":
            return self.stray.usd if self.stray else self.submission.intent.usd
        settled = self.submission.ending
        return self.submission.intent.usd if settled is None or settled.usd is None else settled.usd

    @property
    def reason(self) -> str:
        """One sentence for people."""
        submission = self.submission
        if self.kind == "stray":
            return "; ".join([*([self.stray.why] if self.stray else []), *([why_late(submission)] if self.late else [])])
        if submission.unusable is not None:
            return submission.unusable.reason
        if submission.ending is not None:
            return submission.ending.error.message if submission.ending.error else "the result of its job was not understood"
        return submission.doubt.reason if submission.doubt else OWNER_ENDED_MESSAGE


async def list_doubts(destinations: tuple[OpenDestination, ...], *, timing: Timing = REAL_TIME) -> list[OpenDoubt]:
    """Return the submissions of the last month that wait for a person, or that nobody is sending any more, and the strays, by time.

    Among them are completed jobs whose results were not understood, unless the shot has its take all the same.
    """
    now = timing.now()
    found: list[OpenDoubt] = []
    for destination in destinations:
        opened = await destination.ledger.recent.open(now - LOOK_BACK, now + CLOCKS_AHEAD)
        for day in await destination.ledger.runs.days_ahead(now):
            begin = datetime.combine(day, time(), UTC)
            opened += await destination.ledger.recent.open(begin, begin + timedelta(days=1))
        found += [
            OpenDoubt(destination=destination, submission=submission, kind="lost_answer")
            for submission in opened
            if submission.doubt is not None or _is_abandoned(destination.ledger, submission, now)
        ]
        unclear = await _unclear(destination.ledger, now)
        found += [OpenDoubt(destination=destination, submission=submission, kind="unclear_result") for submission in unclear]
        strays = await list_strays(destination.ledger, await destination.ledger.days_since((now - LOOK_BACK).date()))
        found += [OpenDoubt(destination=destination, submission=stray.submission, kind="stray", stray=stray) for stray in strays]
    return sorted(found, key=lambda doubt: doubt.submission.intent.intended_at)


async def _unclear(ledger: Ledger, now: datetime) -> list[Submission]:
    """Return the submissions of the last month whose completed job waits for a person."""
    costs = (await ledger.spending.on(await ledger.days_since((now - LOOK_BACK).date()))).costs
    lines = [cost.line for cost in costs if cost.outcome in {"empty", "completed"}]
    made = await ledger.takes.fingerprints() if lines else frozenset()
    found = [await ledger.submissions.get(line.fingerprint, line.attempt) for line in lines if line.fingerprint not in made]
    return [submission for submission in found if submission is not None and submission.unclear and submission.waits_for_job]


async def ask_krea(client: KreaClient, doubts: list[OpenDoubt], destination: OpenDestination, now: datetime) -> list[OpenDoubt]:
    """Ask Krea about the strays of a destination: those that were not billed are left out, and jobs that came too late are added.

    Each submission is named once: with the job that is known as its own, and with those that may be.
    What Krea says is recorded: how strays ended, and which submissions late jobs may be of.
    """
    free = await said_to_be_free(destination.ledger, now)
    await completed_after_all(client, destination.ledger, free, now, needs_an_answer=True)
    late, recorded = await ask_for_late_jobs(client, destination.ledger, now)
    kept = [doubt for doubt in doubts if doubt.destination is destination and doubt.kind != "stray"]
    # Listed anew: what a process had claimed when it was killed is complete once its job was seen.
    strays = await list_strays(destination.ledger, await destination.ledger.days_since((now - LOOK_BACK).date()))
    takes = await destination.ledger.takes.get_many(sorted({one.intent.fingerprint for one in recorded}))
    strays += [stray for one in recorded for stray in strays_among((one,), takes.get(one.intent.fingerprint))]
    billed = await follow(client, destination.ledger, {stray.job_id: stray for stray in strays}.values())
    found = {
        stray.submission.intent.token: OpenDoubt(destination=destination, submission=stray.submission, kind="stray", stray=stray)
        for stray in billed
    }
    for one, jobs in late:
        doubt = found.get(one.intent.token) or OpenDoubt(destination=destination, submission=one, kind="stray")
        found[one.intent.token] = replace(doubt, late=jobs)
    return [*kept, *found.values()]


def _is_abandoned(ledger: Ledger, submission: Submission, now: datetime) -> bool:
    """Whether nobody is sending a submission any more that has no answer."""
    alive = ledger.submissions.owner_alive(submission.intent)
    return not alive and (alive is False or now > submission.intent.deadline + MAX_CLOCK_DIFFERENCE)


async def candidates_of(client: KreaClient, doubt: OpenDoubt) -> tuple[Job, ...]:
    """Return the jobs of the submission's window that belong to nobody, read from Krea now."""
    return await unclaimed(client, doubt.destination.ledger, window_of(doubt.submission.intent))


def find_doubt(doubts: list[OpenDoubt], shot: str) -> OpenDoubt:
    """Return the doubt about a shot (its key, or a beginning of its fingerprint). Raises UsageError unless it is exactly one."""
    named = [doubt for doubt in doubts if _is_named(doubt.submission.intent, shot)]
    # The last of several for one take: deciding it decides them all.
    by_take = {doubt.submission.intent.fingerprint: doubt for doubt in named if doubt.kind != "stray"}
    matching = list(by_take.values())
    if len(matching) == 1:
        return matching[0]
    taken_up = (doubt.stray for doubt in named if doubt.stray and doubt.stray.expected)
    if not matching and (stray := next(taken_up, None)):
        raise UsageError(
            f"shot {shot!r} is job {stray.job_id} already, and waits for no decision",
            hint=f"`animatic resume {stray.submission.intent.run_id}` delivers it",
        )
    if not matching and named:
        raise UsageError(f"shot {shot!r} has its take, or was given up: its stray job waits for no decision", hint="see `animatic doubts`")
    if not matching:
        raise UsageError(f"no submission of shot {shot!r} is in doubt", hint="`animatic doubts` lists those that are")
    prints = ", ".join(f"{doubt.submission.intent.fingerprint[:12]} ({doubt.submission.intent.pipeline})" for doubt in matching)
    raise UsageError(f"{len(matching)} submissions of shot {shot!r} are in doubt", hint=f"name one by its fingerprint: {prints}")


def _is_named(intent: Intent, shot: str) -> bool:
    """Whether a person who says ``shot`` means this submission: by its shot, or by the beginning of its fingerprint."""
    return intent.step == shot or (len(shot) >= MIN_FINGERPRINT_DIGITS and intent.fingerprint.startswith(shot))


async def adopt_job(doubt: OpenDoubt, job: Job) -> None:
    """Record a person's word that a submission became this job.

    Raises ClaimedError if the job belongs to another, UsageError if the submission's job is known or this one is older than it.
    """
    if doubt.kind == "unclear_result":
        submitted, step, run_id = doubt.submission.submitted, doubt.submission.intent.step, doubt.submission.intent.run_id
        assert submitted is not None
        raise UsageError(
            f"shot {step!r} is job {submitted.job_id}, which completed: there is no other job to choose",
            hint=f"`animatic resume {run_id}` looks at it again; `animatic resubmit {step}` lets the next run pay for a new one",
        )
    if job.dated and job.latest < window_of(doubt.submission.intent).first - MAX_CLOCK_DIFFERENCE:
        raise UsageError(
            f"job {job.id} was made at {job.created_at:%Y-%m-%d %H:%M:%S} UTC, before shot {doubt.submission.intent.step!r} was submitted",
            hint="take one of the candidates, or none: `animatic doubts` shows them",
        )
    submissions = doubt.destination.ledger.submissions
    try:
        await submissions.submitted(doubt.submission.intent, job.id, created_at=job.created_at, how="person")
    except ClaimedError as claimed:
        owner = await submissions.get(claimed.fingerprint, claimed.attempt)
        shot = f"shot {owner.intent.step!r} of {owner.intent.pipeline}" if owner else ""
        raise ClaimedError(job.id, claimed.fingerprint, claimed.attempt, shot) from None


async def allow_resubmission(doubt: OpenDoubt) -> None:
    """Record a person's word that the next run may submit, and pay for, the shot again."""
    submission, submissions = doubt.submission, doubt.destination.ledger.submissions
    if doubt.kind == "lost_answer":
        failure = Failure(code="withdrawn", message="a person decided that Krea has no job for this submission")
        await submissions.settle(submission.intent.fingerprint, submission.number, "withdrawn", usd=Decimal(0), error=failure)
        now = await submissions.get(submission.intent.fingerprint, submission.number)
        if now is not None and now.submitted is not None and now.waits_for_job:
            raise UsageError(
                f"somebody has said at the same moment that shot {submission.intent.step!r} is job {now.submitted.job_id}: that counts",
                hint=f"`animatic resume {submission.intent.run_id}` delivers it, and nothing else is paid for",
            )
    await submissions.withdraw(submission.intent.fingerprint, "a person decided to pay for the shot again", only_unclear=True)
