"""Puts the take that a person locked in the place of what a shot would be: it stays, whatever changes in or above the shot."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import replace

from animatic.errors import UsageError
from animatic.plan.fingerprint import fingerprint_of
from animatic.plan.model import LockedTake, Request, Step
from animatic.plan.several import counted_up, take_beside


def unlocking(pipeline: str, step: str) -> str:
    """Return the command that takes a lock off."""
    return f"`animatic lock {shlex.quote(pipeline)} {shlex.quote(step)} --off`"


def locked_step(step: Step, written: tuple[Request, ...], lock: LockedTake, pipeline: str) -> tuple[Step, ...]:
    """Return the step with the locked take, and behind it the takes that are kept beside it; ``written``: the requests as declared.

    Raises UsageError where the take is missing, or is not of the kind that the shot is now.
    """
    unlock = f"unlock it with {unlocking(pipeline, step.key)}"
    if lock.missing is not None:
        raise UsageError(
            f"shot {step.key!r} of {pipeline!r} is locked to take {lock.take}, and {lock.missing}",
            hint=f"bring the file back, from a backup or an earlier version of the bucket, or {unlock}",
        )
    if lock.makes != step.makes:
        raise UsageError(
            f"shot {step.key!r} of {pipeline!r} is locked to take {lock.take}, which is {_called(lock.makes)}, and is now declared to be "
            f"{_called(step.makes)}",
            hint=f"declare it as it was, or {unlock}",
        )
    main = replace(
        step,
        base=lock.base,
        take=lock.take,
        fingerprint=fingerprint_of(lock.base, lock.take),
        depends_on=(),
        takes=max(1, len(lock.beside) + 1),
        locked=replace(lock, otherwise=step.fingerprint),
    )
    return (main, *_beside(main, written))


def relocked(step: Step, lock: LockedTake | None, pipeline: str, further: Iterable[Step]) -> tuple[Step, ...]:
    """Return what stands in the place of a shot of an earlier plan that is locked now, or was (``lock`` None: the plan's take stays).

    ``further`` are its steps beside the one that counts. Raises UsageError as `locked_step` does.
    """
    if lock is None:
        return (replace(step, locked=None), *(replace(other, locked=None) for other in further))
    written = counted_up(step.requests, step.take, by=-1) if step.takes > 1 else step.requests
    before = step.fingerprint if step.locked is None else step.locked.otherwise
    main, *beside = locked_step(step, written, lock, pipeline)
    return (replace(main, locked=replace(lock, otherwise=before)), *beside)


def _beside(main: Step, written: tuple[Request, ...]) -> Iterable[Step]:
    """Yield the shot's other takes that were there when it was locked. None is made anew: a locked shot pays for nothing."""
    assert main.locked is not None
    for number in main.locked.beside:
        yield take_beside(main, number, counted_up(written, number))


def _called(makes: str) -> str:
    return {"video": "a clip", "image": "a still", "audio": "sound"}.get(makes, "a mesh")
