"""Tells how a run as a whole ended: the one error that stands for all of its shots'.

Lists of runs show about sixty characters of it: they hold how many shots are missing, the cause, and what to do.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal

from animatic.engine.run import Run
from animatic.errors import (
    UPSTREAM,
    AnimaticError,
    ApprovalError,
    InDoubtError,
    JobFailedError,
    JobOpenError,
    MoneyError,
    ServiceError,
    ShotError,
    StorageError,
    UnclearResultError,
    UsageError,
)
from animatic.money import dollars

MAX_FAILURES_NAMED = 5
SEEN = 60
"""Characters of the sentence that lists of runs show: a long shot id gives way."""
WAITING = frozenset({UPSTREAM, "stopped"})
"""Codes of shots that did not fail themselves: they wait for one that did."""
CLIP_LOST = frozenset({"clip_missing", "clip_changed"})
"""Codes of shots whose take was paid for and lies no more where it was stored."""
REMEDIES: Mapping[str, tuple[str, str]] = {
    "moderated": ("moderated", "reword, resume"),
    "job_failed": ("failed at Krea", "resume"),
    "timeout": ("timed out", "raise `timeout`"),
    "job_open": ("still runs", "resume"),
    "job_lost": ("not at Krea", "resume"),
    "job_unreadable": ("not readable", "resume"),
    "request_refused": ("refused", "correct it"),
    "model_unavailable": ("no model", "change it"),
    "plan_required": ("needs a plan", "upgrade"),
    "bad_media": ("has a bad input", "replace it"),
    "bad_clip": ("came broken", "resume"),
    "result_unreachable": ("not fetched", "resume"),
    "clip_missing": ("lost its clip", "put it back"),
    "clip_changed": ("clip changed", "put it back"),
    "cancelled": ("cancelled", "resume"),
    "approval_timeout": ("not approved", "`use`, resume"),
}
"""Codes of shots' errors: what happened, and what helps, in a few words each."""


def outcome(run: Run) -> AnimaticError | None:
    """Return the error that the run as a whole ends with, None if all is well.

    Money comes before services, then a setting that is wrong, then doubt, then failed shots.
    """
    errors = run.state.errors
    if not errors:
        return None
    for kind in (MoneyError, ServiceError, UsageError):
        if found := next((error for error in (run.stopped, *errors.values()) if isinstance(error, kind)), None):
            return ended_by(run, found) if isinstance(found, ServiceError) else found
    total = len(run.plan.shots)
    if doubtful := {key: error for key, error in errors.items() if isinstance(error, InDoubtError)}:
        aside = [shot.aside for key in doubtful if (shot := run.progress.shots.get(key)) is not None and shot.aside is not None]
        return _doubt(doubtful, total, sum(aside, Decimal(0)))
    hint = f"what was paid for is kept; go on with: `animatic resume {run.plan.run_id}`"
    if waiting := {key: error for key, error in errors.items() if isinstance(error, ApprovalError)}:
        return _approval(waiting, errors, total)
    missing = {key: error for key, error in errors.items() if key in run.steps}
    if not missing:
        return ShotError(f"all {_plural(total)} delivered, but no reel: {next(iter(errors.values())).message}", hint=hint)
    failed = [error for error in missing.values() if error.code not in WAITING]
    if failed and all(isinstance(error, JobOpenError) or error.code in CLIP_LOST for error in failed):
        hint = failed[0].hint or hint  # what goes on with these is not `resume` alone
    return ShotError(missing_shots(missing, total), hint=hint)


def ended_by(run: Run, error: ServiceError, *, summed_up: bool = True) -> ServiceError:
    """Return the error of a service that ended a run: with what goes on, and the jobs that are known to nobody else.

    Those are jobs whose records could not be written. Money is told here where no manifest could be written, so that nothing is
    ``summed_up``, and where a destination has failed with jobs that are in no take: what it holds may say less.
    """
    message, hint, resume = error.message, error.hint or "repair that", f"`animatic resume {run.plan.run_id}`"
    if isinstance(error, StorageError) and run.state.unrecorded:
        jobs = ", ".join(f"{key} is job {job_id}" for key, job_id in run.state.unrecorded.items())
        message = f"{message}; paid, and not recorded: {jobs}"
        hint = f"{hint}; where {resume} asks whose a job is: `animatic adopt SHOT JOB`"
    elif "`animatic resume" not in hint:
        hint = f"{hint}; then {resume} goes on, and pays for nothing again"
    if not summed_up or (isinstance(error, StorageError) and _jobs_without_take(run)):
        hint = f"{hint}; {_money_of(run)}"
    told = copy.copy(error)  # some say more than a code
    told.message, told.hint = message, hint
    return told


def _money_of(run: Run) -> str:
    """Return what a run was billed, what it may be billed yet, and the jobs that are in no take, in one line."""
    billed = run.manifest.manifest().cost.billed_usd
    aside = run.budget.spent - (billed or Decimal(0))
    told = ", ".join(f"{key} is job {job_id}" for key, job_id in _jobs_without_take(run).items())
    more = f", and may be billed {dollars(aside)} more" if aside > 0 else ""
    return f"this run was billed {dollars(billed)} so far{more}{f': {told}' if told else ''}"


def _jobs_without_take(run: Run) -> dict[str, str]:
    """Return the jobs of shots that have no take, by step key, without those that could not be recorded."""
    jobs = {key: shot.job_id for key, shot in run.progress.shots.items() if shot.job_id and key not in run.state.takes}
    return {key: job_id for key, job_id in jobs.items() if job_id not in run.state.unrecorded.values()}


def missing_shots(errors: Mapping[str, AnimaticError], total: int) -> str:
    """Return the sentence for shots that are missing: how many of all, the commonest cause and its remedy, then each failure."""
    failed = {key: error for key, error in errors.items() if error.code not in WAITING} or dict(errors)
    waiting = [key for key in errors if key not in failed]
    kinds = {key: _kind(error) for key, error in failed.items()}
    kind = Counter(kinds.values()).most_common(1)[0][0]
    key = next(key for key, own in kinds.items() if own == kind)
    cause, remedy = REMEDIES.get(kind, (kind.replace("_", " "), "resume"))
    others = f" (+{len(failed) - 1})" if len(failed) > 1 else ""
    count, what = f"{_shots(errors)} of {_plural(total)} missing:", f"{cause}{others}; {remedy}."
    first = f"{count} {_short(key, SEEN - len(count) - len(what) - 1)} {what}"
    told = "; ".join(f"{key}: {error.message}" for key, error in list(failed.items())[:MAX_FAILURES_NAMED])
    more = f"; and {len(failed) - MAX_FAILURES_NAMED} more" if len(failed) > MAX_FAILURES_NAMED else ""
    return f"{first} {told}{more}" + (f"; {_listed(waiting)} {'waits' if len(waiting) == 1 else 'wait'} for them" if waiting else "")


def _kind(error: AnimaticError) -> str:
    """Return the code by which the table knows an error; Krea has codes of its own for what its jobs fail with."""
    if error.code in REMEDIES:
        return error.code
    moderated = isinstance(error, JobFailedError) and (error.output_refused or not error.repeatable)
    return "moderated" if moderated else type(error).code


def _approval(waiting: Mapping[str, ApprovalError], errors: Mapping[str, AnimaticError], total: int) -> ApprovalError:
    """Return the one error for all shots that wait for approval; what failed beside them is named as well."""
    verb = "waits" if len(waiting) == 1 else "wait"
    first = f"{len(waiting)} of {_plural(total)} {verb} for approval: see `animatic review`."
    told = "; ".join(error.message for error in list(waiting.values())[:MAX_FAILURES_NAMED])
    failed = {key: error for key, error in errors.items() if key not in waiting and error.code not in WAITING}
    also = f". Also missing: {'; '.join(f'{key}: {error.message}' for key, error in failed.items())}" if failed else ""
    return ApprovalError(f"{first} {told}{also}", hint=next(iter(waiting.values())).hint)


def _doubt(errors: Mapping[str, InDoubtError], total: int, aside: Decimal) -> InDoubtError:
    """Return the one error for all shots in doubt; ``aside``: USD that may be billed for them."""
    unclear = {key: error for key, error in errors.items() if isinstance(error, UnclearResultError)}
    if len(unclear) == len(errors):
        first = f"{_shots(errors)} of {_plural(total)} paid, result unclear: `animatic doubts`."
        told = "; ".join(f"{key}: {error.message}" for key, error in list(unclear.items())[:MAX_FAILURES_NAMED])
        hint = next(iter(unclear.values())).hint if len(unclear) == 1 else "`animatic doubts` lists them; each shot's note says what to do"
        return UnclearResultError(f"{first} {told}", hint=hint)
    price = f" ({dollars(aside)} may be billed)" if aside else ""
    also = f"; {_listed(list(unclear))}: paid, and the result was not understood" if unclear else ""
    return InDoubtError(
        f"{_shots(errors)} of {_plural(total)} in doubt: decide with `animatic doubts`. "
        f"{_listed([key for key in errors if key not in unclear])}: Krea may or may not have accepted the submission{price}{also}",
        hint="`animatic doubts` shows the candidates and how to decide",
    )


def _shots(keys: Iterable[str]) -> int:
    """Return how many shots these are: takes of one are one."""
    named = [key.rpartition("#") for key in keys]
    return len({shot if mark and number.isdigit() else shot + mark + number for shot, mark, number in named})


def _plural(count: int) -> str:
    return f"{count} shot" if count == 1 else f"{count} shots"


def _short(key: str, room: int) -> str:
    return key if len(key) <= max(2, room) else key[: max(2, room) - 1] + "…"


def _listed(keys: list[str]) -> str:
    named = ", ".join(keys[:MAX_FAILURES_NAMED])
    return named if len(keys) <= MAX_FAILURES_NAMED else f"{named} and {len(keys) - MAX_FAILURES_NAMED} more"
