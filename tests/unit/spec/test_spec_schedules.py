"""Schedules: what is accepted, and slugs that stay the same from deployment to deployment."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from animatic.errors import Problem
from animatic.source import load_text
from animatic.spec import ScheduleSpec, declare
from animatic.spec.model import Cron, Interval, RecurrenceRule
from animatic.spec.schedules import decode_schedules
from animatic.spec.section import Section
from animatic.spec.zones import known_zones, zone_advice


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
    "rule",
    [
        "FREQ=WEEKLY;BYDAY=MO;BYHOUR=6",
        "RRULE:FREQ=MONTHLY;BYMONTHDAY=-1",
        "FREQ=DAILY;UNTIL=20990101",
        "FREQ=HOURLY;INTERVAL=6",
        "FREQ=MINUTELY;INTERVAL=30",
    ],
)
def test_recurrence_rules_are_accepted(rule: str) -> None:
    assert one(f'rrule: "{rule}"').rule == RecurrenceRule(rule)


@pytest.mark.parametrize(
    "rule",
    [
        "every monday",
        "FREQ=NEVER",
        "FREQ=SECONDLY",
        "FREQ=DAILY;COUNT=7",
        "DTSTART:20270101T060000\\nRRULE:FREQ=DAILY",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
        "=",
        ";",
    ],
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
    assert [problem.message for problem in after] == ["p, schedule: rrule: UNTIL=20260101 is in the past"]


def test_a_slug_tells_a_schedule_by_its_place_whatever_it_becomes() -> None:
    """Prefect's own command never removes a schedule: a slug that changes with the content would leave the former one running."""
    assert one('cron: "0 6 * * *"').slug == one('cron: "0 7 * * *", timezone: UTC, params: {city: Porto}').slug == "schedule"
    found, _ = schedules('schedules: [{cron: "0 6 * * *"}, {interval: 1h, slug: hourly}, {interval: 2h}]')
    assert [item.slug for item in found] == ["schedule-1", "hourly", "schedule-3"]


@pytest.mark.parametrize(
    ("body", "slug"),
    [('cron: "0 6 * * *"', "cron-c69e2657"), ("interval: 1h", "interval-37fe475a"), ("rrule: FREQ=DAILY", "rrule-a9baddd3")],
)
def test_the_slug_that_was_made_from_content_is_known(body: str, slug: str) -> None:
    assert one(body).former_slug == slug


@pytest.mark.parametrize(
    ("written", "start"),
    [("2027-01-04", "2027-01-04T00:00:00"), ("2027-01-04 06:30", "2027-01-04T06:30:00"), ("2027-01-04T06:30:15", "2027-01-04T06:30:15")],
)
def test_a_start_is_local_to_the_schedule(written: str, start: str) -> None:
    found, problems = schedules(f"schedule: {{interval: 2d, start: {written}}}")
    assert problems == ()
    assert found[0].start is not None
    assert found[0].start.isoformat() == start


def test_runs_that_were_missed_are_skipped_unless_the_schedule_says_otherwise() -> None:
    assert one("interval: 1h").late == "skip"
    assert one("interval: 1h, late: run").late == "run"


def test_a_schedule_without_a_time_zone_has_that_of_the_file() -> None:
    text = """
version: 1
timezone: Asia/Tokyo
pipelines:
  p:
    schedules: [{cron: "0 6 * * *"}, {cron: "0 7 * * *", timezone: Europe/Lisbon}]
    shots: [{id: a}]
"""
    declaration = declare([load_text(text)])
    assert declaration.problems == ()
    assert [item.timezone for item in declaration.pipelines["p"].schedules] == ["Asia/Tokyo", "Europe/Lisbon"]
    assert declaration.pipelines["p"].timezone == "Asia/Tokyo"


def test_a_written_slug_is_kept() -> None:
    assert one('cron: "0 6 * * *", slug: morning').slug == "morning"


def test_values_of_a_schedule() -> None:
    found = one('cron: "0 6 * * *", timezone: America/New_York, params: {city: Porto}, fresh: true, active: false')
    assert (found.timezone, found.params, found.fresh, found.active) == ("America/New_York", {"city": "Porto"}, True, False)


@pytest.mark.parametrize("zone", ["Lisbon", "../etc/passwd", "/etc/passwd", "Europe", "x" * 300, "Europe/Lisboa"])
def test_time_zones_that_do_not_exist_are_refused(zone: str) -> None:
    _, [problem] = schedules(f'schedule: {{cron: "0 6 * * *", timezone: {zone}}}')
    assert problem.code == "timezone"


def test_every_other_week_needs_a_day_to_count_from() -> None:
    _, [warning] = schedules("schedule: {rrule: FREQ=WEEKLY;INTERVAL=2}")
    assert (warning.severity, warning.code) == ("warning", "rrule")
    assert schedules("schedule: {rrule: FREQ=WEEKLY;INTERVAL=2, start: 2027-01-04}")[1] == ()


def test_advice_on_a_time_zone_is_never_one_of_another_offset() -> None:
    """Each name with the offsets, in hours, that a person may mean by it."""
    meant: dict[str, set[float]] = {
        "PST": {-8, -7}, "PDT": {-7, -8}, "EDT": {-4, -5}, "CEST": {2, 1}, "BST": {1, 0}, "JST": {9},
        "IST": {5.5, 0, 1, 2, 3}, "AEDT": {11, 10},
        "UTC+2": {2}, "GMT-5": {-5}, "+05:30": {5.5}, "-03:30": {-3.5, -2.5}, "UTC+9": {9}, "europe/lisbon": {0, 1}, "Lisbon": {0, 1},
        "US/Boston": {-5, -4}, "San Francisco": {-8, -7}, "Mumbai": {5.5}, "posix/Asia/Tokyo": {9}, "Europe/Lisboa": {0, 1},
    }  # fmt: skip
    for name, offsets in meant.items():
        advice = zone_advice(name)
        assert advice is not None
        named = [zone for zone in re.findall(r"[A-Z][\w+-]*(?:/[\w+-]+)+|UTC$", advice) if zone in known_zones()]
        assert named, (name, advice)
        for zone in named:
            for month in (1, 7):
                offset = datetime(2026, month, 15, tzinfo=ZoneInfo(zone)).utcoffset()
                assert offset is not None
                assert offset.total_seconds() / 3600 in offsets, (name, advice, zone)


def test_zones_that_prefect_refuses_are_refused() -> None:
    from prefect.client.schemas.schedules import CronSchedule

    for name in ("posix/Europe/Lisbon", "right/UTC", "Factory", "localtime", "posixrules", "europe/lisbon", "UTC+2"):
        assert zone_advice(name), name
    for name in ("Europe/Lisbon", "UTC", "America/Argentina/Buenos_Aires", "Etc/GMT-2", "EST5EDT"):
        assert zone_advice(name) is None
        assert CronSchedule(cron="0 6 * * *", timezone=name).timezone == name
