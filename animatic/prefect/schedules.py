"""Translates the schedules of a pipeline to Prefect's, and tells how those of a deployment differ from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, assert_never
from zoneinfo import ZoneInfo

from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, NoSchedule, RRuleSchedule

from animatic.flows.parameters import FRESH, PROFILE
from animatic.spec import ScheduleSpec
from animatic.spec.model import Cron, Interval, RecurrenceRule
from animatic.spec.occurrences import INTERVAL_ANCHOR
from animatic.spec.recurrence import plain_rrule
from animatic.spec.section import is_template
from animatic.spec.values import shielded

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def schedule_of(spec: ScheduleSpec) -> DeploymentScheduleCreate:
    """Return a schedule as Prefect knows it. Its parameters are only those that it sets: defaults stay the pipeline's."""
    values = {name: shielded(value) if isinstance(value, str) and is_template(value) else value for name, value in spec.params.items()}
    parameters = {**values, **({PROFILE: spec.profile} if spec.profile else {}), **({FRESH: True} if spec.fresh else {})}
    return DeploymentScheduleCreate(schedule=_rule(spec), active=spec.active, parameters=parameters, slug=spec.slug)


def _rule(spec: ScheduleSpec) -> CronSchedule | IntervalSchedule | RRuleSchedule:
    timezone = spec.timezone or "UTC"
    match spec.rule:
        case Cron(expression):
            return CronSchedule(cron=expression, timezone=timezone)
        case RecurrenceRule(text):
            rule = text if spec.start is None else f"DTSTART:{spec.start:%Y%m%dT%H%M%S}\nRRULE:{plain_rrule(text)}"
            return RRuleSchedule(rrule=rule, timezone=timezone)
        case Interval(seconds):
            anchor: Any = (spec.start or INTERVAL_ANCHOR).replace(tzinfo=ZoneInfo(timezone))
            return IntervalSchedule(interval=timedelta(seconds=seconds), anchor_date=anchor, timezone=timezone)
        case None:
            raise ValueError(f"schedule {spec.slug!r} has no rule: a declaration with problems was to be deployed")
        case _:
            assert_never(spec.rule)


def as_deployed(wanted: Sequence[DeploymentScheduleCreate], existing: Sequence[DeploymentSchedule]) -> list[DeploymentScheduleCreate]:
    """Return the schedules to write: one that was paused on the server stays paused, also where its slug or its place changed."""
    written: list[DeploymentScheduleCreate] = []
    for item in wanted:
        there = counterpart(item, wanted, existing)
        written.append(item.model_copy(update={"active": False}) if there is not None and not there.active else item)
    return written


def counterpart(
    wanted: DeploymentScheduleCreate, others: Sequence[DeploymentScheduleCreate], existing: Sequence[DeploymentSchedule]
) -> DeploymentSchedule | None:
    """Return what a schedule is on the server: one that runs at the same times with the same parameters, else the one of its slug."""
    same = next((there for there in existing if _same(wanted, there)), None)
    if same is not None:
        return same
    of_slug = next((there for there in existing if there.slug == wanted.slug), None)
    moved = of_slug is not None and any(_same(other, of_slug) for other in others)
    return None if moved else of_slug


def _same(wanted: DeploymentScheduleCreate, there: DeploymentSchedule) -> bool:
    return there.schedule == wanted.schedule and dict(there.parameters) == dict(wanted.parameters)


def changed_schedules(wanted: Sequence[DeploymentScheduleCreate], existing: Sequence[DeploymentSchedule]) -> Iterable[str]:
    """Yield a line for each schedule that deploying changes."""
    left = list(existing)
    for schedule in wanted:
        there = counterpart(schedule, wanted, existing)
        if there is None:
            yield f"new {named(schedule.slug)}: {describe_rule(schedule.schedule)}"
            continue
        left = [other for other in left if other.id != there.id]
        if not _same(schedule, there):
            yield f"{named(schedule.slug)}: {describe_rule(schedule.schedule)}{parameters_text(schedule)}"
        elif there.slug != schedule.slug:
            yield f"schedule {there.slug or 'without a slug'} is called {schedule.slug} from now on"
        if there.active and not schedule.active:
            yield f"{named(schedule.slug)} is paused"
    for there in left:
        yield f"{named(there.slug or str(there.id))} goes"


def paused_on_server(wanted: Sequence[DeploymentScheduleCreate], existing: Sequence[DeploymentSchedule]) -> Iterable[str]:
    """Yield a line for each schedule that was paused on the server, and that the file does not want paused."""
    for schedule in wanted:
        there = counterpart(schedule, wanted, existing)
        if there is not None and not there.active and schedule.active:
            yield f"{named(schedule.slug)} is paused on the server, and stays so: resume it in the UI"


def named(slug: str | None) -> str:
    """Return how a schedule is called in a line: ``schedule morning``."""
    return "schedule" if slug in {None, "schedule"} else f"schedule {slug}"


def parameters_text(schedule: DeploymentScheduleCreate) -> str:
    """Return ``, city=Porto, profile=draft`` for what a schedule sets."""
    return "".join(f", {name}={value}" for name, value in schedule.parameters.items())


def describe_rule(rule: CronSchedule | IntervalSchedule | RRuleSchedule | NoSchedule) -> str:
    """Return ``cron 0 6 * * 1-5 (Europe/Lisbon)``, in one line."""
    match rule:
        case CronSchedule():
            text = f"cron {rule.cron}"
        case RRuleSchedule():
            lines = rule.rrule.splitlines()
            start = next((line.partition(":")[2] for line in lines if line.startswith("DTSTART")), None)
            text = f"rrule {lines[-1].removeprefix('RRULE:')}"
            text += f" from {datetime.fromisoformat(start):%Y-%m-%d %H:%M}" if start else ""
        case IntervalSchedule():
            text = f"every {span(rule.interval)} from {rule.anchor_date:%Y-%m-%d %H:%M}"
        case NoSchedule():
            return "never"
        case _:
            assert_never(rule)
    return f"{text} ({rule.timezone})"


def span(interval: timedelta) -> str:
    """Return ``2 hours 30 minutes``."""
    seconds = int(interval.total_seconds())
    parts: list[str] = []
    for unit, word in _UNITS:
        count, seconds = divmod(seconds, unit)
        if count:
            parts.append(f"{count} {word}{'' if count == 1 else 's'}")
    return " ".join(parts) or "0 seconds"
