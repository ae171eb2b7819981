"""Schedules: what is accepted, and slugs that stay the same from deployment to deployment."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from animatic.errors import Problem
from animatic.source import load_text
from animatic.spec import ScheduleSpec, declare
from animatic.spec.model import Cron, Interval, RecurrenceRule
from animatic.spec.schedules import decode_schedules
from animatic.spec.section import Section


def schedules(body: str) -> tuple[tuple[ScheduleSpec, ...], tuple[Problem, ...]]:
    declaration = declare(
        [load_text(f"version: 1\npipelines:\n  p:\n    params: {{city: {{default: Lisbon}}}}\n    {body}\n    shots: [{{id: a}}]\n")]
    )
    return declaration.pipelines["p"].schedules, declaration.problems


def one(body: str) -> ScheduleSpec:
    found, problems = schedules(f"schedule: {{{body}}}")
    assert problems == ()
    return found[0]


@pytest.mark.parametrize(
    "cron",
    [
        "0 6 * * 1-5",
        "*/15 * * * *",
        "0 0 1 JAN,JUL *",
        "30 8 * * MON",
        "0 0 L * *",
        "0 9 * * MON#2",
        "0 0 31 * *",
        "0 0 29 2 *",
        "0 0 * * 7",
    ],
)
def test_crons_that_prefect_takes_are_accepted(cron: str) -> None:
    from prefect.client.schemas.schedules import CronSchedule

    assert one(f'cron: "{cron}"').rule == Cron(cron)
    assert CronSchedule(cron=cron).cron == cron


@pytest.mark.parametrize(
    "cron", ["0 0 30 2 *", "0 0 31 4,6 *", "60 * * * *", "* * * *", "* * * * * *", "a b c d e", "0 0 LW * *", "0 0 * * 5L", "*/0 * * * *"]
)
def test_crons_that_never_fire_or_are_none_are_refused(cron: str) -> None:
    _, [problem] = schedules(f'schedule: {{cron: "{cron}"}}')
    assert problem.code == "cron"


@pytest.mark.parametrize(("written", "seconds"), [("3600", 3600), ("30m", 1800), ("1d", 86_400), ("60", 60)])
def test_intervals_are_seconds(written: str, seconds: float) -> None:
    assert one(f"interval: {written}").rule == Interval(seconds)


@pytest.mark.parametrize(
    "rule", ["FREQ=WEEKLY;BYDAY=MO;BYHOUR=6", "RRULE:FREQ=MONTHLY;BYMONTHDAY=-1", "FREQ=DAILY;UNTIL=20990101", "FREQ=HOURLY;INTERVAL=6"]
)
def test_recurrence_rules_are_accepted(rule: str) -> None:
    assert one(f'rrule: "{rule}"').rule == RecurrenceRule(rule)


@pytest.mark.parametrize(
    "rule",
    ["every monday", "FREQ=NEVER", "FREQ=MINUTELY", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30", "=", ";"],
)
def test_other_rules_are_refused_and_end(rule: str) -> None:
    _, [problem] = schedules(f'schedule: {{rrule: "{rule}"}}')
    assert problem.code == "rrule"


def test_a_rule_that_has_ended_is_refused() -> None:
    document = load_text("schedule: {rrule: FREQ=DAILY;UNTIL=20260101}\n")
    before: list[Problem] = []
    after: list[Problem] = []
    for now, problems in ((datetime(2025, 6, 1, tzinfo=UTC), before), (datetime(2026, 6, 1, tzinfo=UTC), after)):
        decode_schedules(Section(document, document.data, (), "p", problems), {}, now=now)
    assert before == []
    assert [problem.message for problem in after] == ["p, schedule: this rule never fires"]


def test_a_derived_slug_depends_on_when_and_what_only() -> None:
    plain = one('cron: "0 6 * * *"').slug
    assert plain == one('cron: "0 6 * * *", fresh: true, active: false').slug
    assert plain.startswith("cron-")
    others = ['cron: "0 7 * * *"', 'cron: "0 6 * * *", timezone: UTC', 'cron: "0 6 * * *", params: {city: Porto}', "interval: 1h"]
    assert len({plain, *(one(body).slug for body in others)}) == 5


@pytest.mark.parametrize(
    ("body", "slug"),
    [('cron: "0 6 * * *"', "cron-c69e2657"), ("interval: 1h", "interval-37fe475a"), ("rrule: FREQ=DAILY", "rrule-a9baddd3")],
)
def test_a_derived_slug_is_the_same_in_every_version(body: str, slug: str) -> None:
    """Another slug would leave a second schedule in every deployment that is there already."""
    assert one(body).slug == slug


def test_a_written_slug_is_kept() -> None:
    assert one('cron: "0 6 * * *", slug: morning').slug == "morning"


def test_values_of_a_schedule() -> None:
    found = one('cron: "0 6 * * *", timezone: America/New_York, params: {city: Porto}, fresh: true, active: false')
    assert (found.timezone, found.params, found.fresh, found.active) == ("America/New_York", {"city": "Porto"}, True, False)


@pytest.mark.parametrize("zone", ["Lisbon", "../etc/passwd", "/etc/passwd", "Europe", "x" * 300, "Europe/Lisboa"])
def test_time_zones_that_do_not_exist_are_refused(zone: str) -> None:
    _, [problem] = schedules(f'schedule: {{cron: "0 6 * * *", timezone: {zone}}}')
    assert problem.code == "timezone"
