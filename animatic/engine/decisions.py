"""Records what only a person can decide: which job a submission in doubt became, and which take of a shot counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count

from animatic.engine.evidence import MAX_CLOCK_DIFFERENCE, unclaimed, window_of
from animatic.engine.history import OpenDestination
from animatic.engine.timing import REAL_TIME, Timing
from animatic.errors import UsageError
from animatic.krea import Job, KreaClient
from animatic.ledger import Failure, Ledger, Submission, Take
from animatic.plan import Step, fingerprint_of

LOOK_BACK = timedelta(days=31)
MIN_FINGERPRINT_DIGITS = 6
"""As many digits of a fingerprint name a submission; fewer might be the id of a shot."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenDoubt:
    """A submission in doubt, and where its ledger is."""

    destination: OpenDestination
    submission: Submission


async def list_doubts(destinations: tuple[OpenDestination, ...], *, timing: Timing = REAL_TIME) -> list[OpenDoubt]:
    """Return the submissions of the last month that wait for a person, or that nobody is sending any more, by time."""
    now = timing.now()
    found: list[OpenDoubt] = []
    for destination in destinations:
        opened = await destination.ledger.submissions.open(now - LOOK_BACK, now)
        found += [
            OpenDoubt(destination=destination, submission=submission)
            for submission in opened
            if submission.doubt is not None or _is_abandoned(destination.ledger, submission, now)
        ]
    return sorted(found, key=lambda doubt: doubt.submission.intent.intended_at)


def _is_abandoned(ledger: Ledger, submission: Submission, now: datetime) -> bool:
    alive = ledger.submissions.owner_alive(submission.intent)
    return not alive and (alive is False or now > submission.intent.deadline + MAX_CLOCK_DIFFERENCE)


async def candidates_of(client: KreaClient, doubt: OpenDoubt) -> tuple[Job, ...]:
    """Return the jobs of the submission's window that belong to nobody, read from Krea now."""
    return await unclaimed(client, doubt.destination.ledger, window_of(doubt.submission.intent))


def find_doubt(doubts: list[OpenDoubt], shot: str) -> OpenDoubt:
    """Return the doubt about a shot (its key, or a beginning of its fingerprint). Raises UsageError unless it is exactly one."""
    intents = [(doubt, doubt.submission.intent) for doubt in doubts]
    matching = [
        doubt
        for doubt, intent in intents
        if intent.step == shot or (len(shot) >= MIN_FINGERPRINT_DIGITS and intent.fingerprint.startswith(shot))
    ]
    if len(matching) == 1:
        return matching[0]
    if not matching:
        raise UsageError(f"no submission of shot {shot!r} is in doubt", hint="`animatic doubts` lists those that are")
    prints = ", ".join(f"{doubt.submission.intent.fingerprint[:12]} ({doubt.submission.intent.pipeline})" for doubt in matching)
    raise UsageError(f"{len(matching)} submissions of shot {shot!r} are in doubt", hint=f"name one by its fingerprint: {prints}")


async def adopt_job(doubt: OpenDoubt, job: Job) -> None:
    """Record a person's word that a submission became this job. Raises ClaimedError if the job belongs to another."""
    submissions = doubt.destination.ledger.submissions
    await submissions.submitted(doubt.submission.intent, job.id, created_at=job.created_at, how="person")


async def allow_resubmission(doubt: OpenDoubt) -> None:
    """Record a person's word that none of the jobs is it: the next run sends it again."""
    failure = Failure(code="withdrawn", message="a person decided that Krea has no job for this submission")
    submission = doubt.submission
    await doubt.destination.ledger.submissions.settle(
        submission.intent.fingerprint, submission.number, "withdrawn", usd=Decimal(0), error=failure
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownTake:
    """One take of a shot: its record, or none while it is not delivered; and whether it counts now."""

    number: int
    fingerprint: str
    take: Take | None
    current: bool


async def list_takes(ledger: Ledger, step: Step) -> tuple[KnownTake, ...]:
    """Return every take that was ever begun for a step's request, by number."""
    known: list[KnownTake] = []
    for number in count(1):
        fingerprint = fingerprint_of(step.base, number)
        take = await ledger.takes.get(fingerprint)
        if take is None and not await ledger.submissions.of(fingerprint):
            break
        known.append(KnownTake(number=number, fingerprint=fingerprint, take=take, current=number == step.take))
    return tuple(known)


async def select_take(ledger: Ledger, step: Step, number: int) -> KnownTake:
    """Make a take the one that counts from now on. Raises UsageError if there is no such take, or it was never delivered."""
    known = await list_takes(ledger, step)
    chosen = next((take for take in known if take.number == number), None)
    if chosen is None or chosen.take is None:
        there = ", ".join(str(take.number) for take in known if take.take is not None) or "none"
        raise UsageError(f"shot {step.key!r} has no take {number}", hint=f"delivered takes: {there}")
    await ledger.selections.select(step.base, number, chosen.fingerprint, "chosen by a person")
    return chosen
