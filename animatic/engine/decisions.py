"""What only a person can decide: which job a doubtful submission became, and which take of a shot counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

from animatic.engine.doubt import CLOCKS_DIFFER, unclaimed, window_of
from animatic.engine.history import Place
from animatic.errors import UsageError
from animatic.krea import Job, KreaClient
from animatic.ledger import Failure, Ledger, Submission, Take
from animatic.plan import Step, fingerprint_of

LOOK_BACK = timedelta(days=31)


async def doubtful(places: tuple[Place, ...]) -> list[tuple[Place, Submission]]:
    """Return the submissions of the last month that wait for a person, or that nobody is sending any more, by time."""
    now = datetime.now(UTC)
    found: list[tuple[Place, Submission]] = []
    for place in places:
        opened = await place.ledger.submissions.open(now - LOOK_BACK, now)
        found += [(place, attempt) for attempt in opened if attempt.doubt is not None or _abandoned(place, attempt, now)]
    return sorted(found, key=lambda item: item[1].intent.intended_at)


def _abandoned(place: Place, attempt: Submission, now: datetime) -> bool:
    alive = place.ledger.submissions.owner_alive(attempt.intent)
    return not alive and (alive is False or now > attempt.intent.deadline + CLOCKS_DIFFER)


async def candidates_of(client: KreaClient, place: Place, attempt: Submission) -> tuple[Job, ...]:
    """Return the jobs of the submission's window that belong to nobody, read from Krea now."""
    return await unclaimed(client, place.ledger, window_of(attempt.intent))


def named(found: list[tuple[Place, Submission]], shot: str) -> tuple[Place, Submission]:
    """Return the doubtful submission of a shot (its key, or a beginning of its fingerprint). Raises UsageError unless it is exactly one."""
    matching = [item for item in found if item[1].intent.step == shot or (len(shot) > 5 and item[1].intent.fingerprint.startswith(shot))]  # noqa: PLR2004
    if len(matching) == 1:
        return matching[0]
    if not matching:
        raise UsageError(f"no submission of shot {shot!r} is in doubt", hint="`animatic doubts` lists those that are")
    prints = ", ".join(f"{attempt.intent.fingerprint[:12]} ({attempt.intent.pipeline})" for _, attempt in matching)
    raise UsageError(f"{len(matching)} submissions of shot {shot!r} are in doubt", hint=f"name one by its fingerprint: {prints}")


async def adopt(place: Place, attempt: Submission, job: Job) -> None:
    """Record a person's word that a submission became this job. Raises ClaimedError if the job belongs to another."""
    await place.ledger.submissions.submitted(attempt.intent, job.id, created_at=job.created_at, how="person")


async def withdraw(place: Place, attempt: Submission) -> None:
    """Record a person's word that none of the jobs is it: the next run sends it again."""
    failure = Failure(code="withdrawn", message="a person decided that Krea has no job for this submission")
    await place.ledger.submissions.settle(attempt.intent.fingerprint, attempt.number, "withdrawn", usd=Decimal(0), error=failure)


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownTake:
    """One take of a shot: its record, or none while it is not delivered; and whether it counts now."""

    number: int
    fingerprint: str
    take: Take | None
    current: bool


async def takes_of(ledger: Ledger, step: Step) -> tuple[KnownTake, ...]:
    """Return every take that was ever begun for a step's request, by number."""
    known: list[KnownTake] = []
    for number in count(1):
        fingerprint = fingerprint_of(step.base, number)
        take = await ledger.takes.get(fingerprint)
        if take is None and not await ledger.submissions.of(fingerprint):
            break
        known.append(KnownTake(number=number, fingerprint=fingerprint, take=take, current=number == step.take))
    return tuple(known)


async def choose(ledger: Ledger, step: Step, number: int) -> KnownTake:
    """Make a take the one that counts from now on. Raises UsageError if there is no such take, or it was never delivered."""
    known = await takes_of(ledger, step)
    chosen = next((take for take in known if take.number == number), None)
    if chosen is None or chosen.take is None:
        there = ", ".join(str(take.number) for take in known if take.take is not None) or "none"
        raise UsageError(f"shot {step.key!r} has no take {number}", hint=f"delivered takes: {there}")
    await ledger.selections.select(step.base, number, chosen.fingerprint, "chosen by a person")
    return chosen
