"""Tells planning which shots are locked and to which takes, and refuses what a locked shot does not take."""

from __future__ import annotations

from collections.abc import Mapping

from animatic.errors import UsageError
from animatic.ledger import Ledger, Take
from animatic.ledger.locks import Lock
from animatic.ledger.records import each
from animatic.plan import Step, fingerprint_of
from animatic.plan.locking import unlocking
from animatic.plan.model import LockedTake


async def locks_of(ledger: Ledger, pipeline: str, profile: str | None) -> dict[str, LockedTake]:
    """Return the locked takes of a pipeline by step key, each with why it cannot be had where that is so. StorageError."""
    locks = await ledger.locks.of(pipeline, profile)
    if not locks:
        return {}
    wanted = {fingerprint_of(lock.base, number) for lock in locks.values() for number in (lock.take, *lock.beside)}
    takes = await ledger.takes.get_many(sorted(wanted))
    missing = await each(lambda lock: _missing(ledger, takes.get(lock.fingerprint)), locks.values())
    return {lock.step: _locked(lock, takes, why) for lock, why in zip(locks.values(), missing, strict=True)}


def _locked(lock: Lock, takes: Mapping[str, Take], missing: str | None) -> LockedTake:
    return LockedTake(
        base=lock.base,
        take=lock.take,
        beside=tuple(number for number in lock.beside if fingerprint_of(lock.base, number) in takes),
        makes=lock.makes,
        by=lock.by,
        at=lock.at,
        note=lock.note,
        missing=missing,
    )


async def _missing(ledger: Ledger, take: Take | None) -> str | None:
    return "its record is not at the destination any more" if take is None else await ledger.takes.why_lost(take)


def refuse_locked(pipeline: str, step: Step, what: str) -> None:
    """Raise UsageError where a shot is locked: ``what`` is not done with it."""
    if step.locked is not None:
        raise UsageError(f"shot {step.key!r} is {step.locked.reason}, and {what}", hint=f"unlock it first: {unlocking(pipeline, step.key)}")
