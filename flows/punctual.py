"""Knows when a run was due: for the day that its templates mean, and for whether it is too late to make it at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect.client.orchestration import get_client

from animatic.plan.params import in_zone
from animatic.spec import PipelineSpec, ScheduleSpec
from animatic.spec.model import Late
from animatic.spec.occurrences import due

LATEST = timedelta(hours=1)
"""Behind the time at which it was due, a run is missed in any case."""


class MissedRunError(Exception):
    """A run that is not made, because it was due too long ago. The message says so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """When a run was due, in the time zone that its days are counted in, and what its schedule says of late runs.

    ``late`` None: no schedule made it. ``following``: when the schedule's next run is due, if that is within the hour.
    """

    at: datetime
    late: Late | None = None
    following: datetime | None = None

    def check(self, now: datetime) -> None:
        """Raise MissedRunError where the run is to be skipped."""
        if self.late != "skip":
            return
        limit = self.at + LATEST if self.following is None else min(self.at + LATEST, self.following)
        if now >= limit:
            minutes = int((now - self.at).total_seconds() // 60)
            raise MissedRunError(
                f"due at {self.at:%Y-%m-%d %H:%M} and started {minutes} minutes later: skipped, nothing was made and nothing is paid "
                "('late: run' of the schedule makes such runs)"
            )


async def due_of(spec: PipelineSpec, flow_run_id: str | None, expected: datetime) -> Due:
    """Return when a flow run was due. ``expected`` is Prefect's first expected start, which no retry and no queue changes."""
    expected = _plain(expected)
    if flow_run_id is None:
        return Due(at=in_zone(expected, spec.timezone))
    async with get_client() as client:
        run = await client.read_flow_run(UUID(flow_run_id))
    maker = run.created_by
    if not run.auto_scheduled or maker is None or maker.type != "SCHEDULE":
        return Due(at=in_zone(expected, spec.timezone))
    declared = _declared(spec, maker.display_value)
    if declared is None:  # a schedule that has left the file since
        return Due(at=in_zone(expected, spec.timezone), late="skip")
    at = in_zone(expected, declared.timezone or spec.timezone)
    return Due(at=at, late=declared.late, following=next(iter(due(declared, at, at + LATEST)), None))


def _declared(spec: PipelineSpec, slug: str | None) -> ScheduleSpec | None:
    return next((schedule for schedule in spec.schedules if schedule.slug == slug), None)


def _plain(moment: datetime) -> datetime:
    """Return a moment of Prefect's own class as Python's: theirs may lose its time zone in arithmetic."""
    return datetime.fromtimestamp(moment.timestamp(), UTC)
