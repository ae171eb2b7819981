"""The moments at which a schedule is due, as Prefect counts them: crons in their time zone, the others from their anchor on."""

from __future__ import annotations

import math
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import takewhile
from typing import assert_never

from animatic.spec.model import Cron, Interval, RecurrenceRule, ScheduleSpec

INTERVAL_ANCHOR = datetime(2024, 1, 1)  # noqa: DTZ001 (read in the schedule's own time zone)
"""What intervals without a start are counted from: without any, a schedule would begin anew, at another time, whenever it is deployed."""
RULE_ANCHOR = datetime(2020, 1, 1)  # noqa: DTZ001 (the same)
"""What Prefect counts recurrence rules without a start from."""


def due(schedule: ScheduleSpec, start: datetime, end: datetime) -> list[datetime]:
    """Return the moments after ``start`` and up to ``end`` (both aware) at which a schedule is due, in its time zone."""
    zone: tzinfo = zoneinfo.ZoneInfo(schedule.timezone) if schedule.timezone else UTC
    return list(takewhile(lambda moment: moment <= end, _after(schedule, start, zone)))


def _after(schedule: ScheduleSpec, start: datetime, zone: tzinfo) -> Iterator[datetime]:
    match schedule.rule:
        case Cron(expression):
            from cronsim import CronSim  # noqa: PLC0415 (only schedules need it)

            yield from CronSim(expression, start.astimezone(zone))
        case Interval(seconds):
            anchor = (schedule.start or INTERVAL_ANCHOR).replace(tzinfo=zone)
            number = math.floor((start - anchor).total_seconds() / seconds) + 1
            while True:
                yield (anchor.astimezone(UTC) + timedelta(seconds=seconds * number)).astimezone(zone)
                number += 1
        case RecurrenceRule(text):
            from dateutil import rrule  # type: ignore[import-untyped]  # noqa: PLC0415

            naive = start.astimezone(zone).replace(tzinfo=None)
            for moment in rrule.rrulestr(text, dtstart=schedule.start or RULE_ANCHOR).xafter(naive, inc=False):
                yield moment.replace(tzinfo=zone)
        case None:
            return
        case _:
            assert_never(schedule.rule)


def rule_text(schedule: ScheduleSpec) -> str:
    """Return the rule of a schedule for people: ``0 6 * * 1-5``, ``every 6 h``, or the recurrence rule."""
    match schedule.rule:
        case Cron(text) | RecurrenceRule(text):
            return text
        case Interval(seconds):
            unit, size = next((pair for pair in _UNITS if seconds % pair[1] == 0), ("s", 1))
            return f"every {seconds / size:g} {unit}"
        case None:
            return ""
        case _:
            assert_never(schedule.rule)


_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))
