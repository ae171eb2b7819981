"""Tells how a run as a whole ended: the one error that stands for all of its shots'."""

from __future__ import annotations

from collections.abc import Mapping

from animatic.engine.run import Run
from animatic.errors import AnimaticError, InDoubtError, MoneyError, ServiceError, ShotError, UnclearResultError, UsageError

MAX_FAILURES_NAMED = 5


def outcome(run: Run) -> AnimaticError | None:
    """Return the error that the run as a whole ends with, None if all is well.

    Money comes before services, then a setting that is wrong, then doubt, then failed shots.
    """
    errors = run.state.errors
    if not errors:
        return None
    for kind in (MoneyError, ServiceError, UsageError):
        if found := next((error for error in (run.stopped, *errors.values()) if isinstance(error, kind)), None):
            return found
    if doubtful := {key: error for key, error in errors.items() if isinstance(error, InDoubtError)}:
        return _doubt(doubtful)
    told = "; ".join(f"{key}: {error.message}" for key, error in list(errors.items())[:MAX_FAILURES_NAMED])
    more = f"; and {len(errors) - MAX_FAILURES_NAMED} more" if len(errors) > MAX_FAILURES_NAMED else ""
    return ShotError(
        f"{len(errors)} of {len(run.plan.steps)} shots were not delivered: {told}{more}",
        hint=f"what was paid for is kept; go on with: `animatic resume {run.plan.run_id}`",
    )


def _doubt(errors: Mapping[str, InDoubtError]) -> InDoubtError:
    """Return the one error for all shots in doubt."""
    unclear = {key: error for key, error in errors.items() if isinstance(error, UnclearResultError)}
    if len(unclear) == len(errors):
        told = "; ".join(f"{key}: {error.message}" for key, error in list(unclear.items())[:MAX_FAILURES_NAMED])
        hint = next(iter(unclear.values())).hint if len(unclear) == 1 else "`animatic doubts` lists them; each shot's note says what to do"
        return UnclearResultError(told, hint=hint)
    which = f"shot {next(iter(errors))!r} is" if len(errors) == 1 else f"shots {', '.join(errors)} are"
    also = f", or completed with a result that was not understood ({', '.join(unclear)})" if unclear else ""
    return InDoubtError(
        f"{which} in doubt: Krea may or may not have accepted the submission{also}",
        hint="`animatic doubts` shows the candidates and how to decide",
    )
