"""Checks the rules of schedules, cron expressions and recurrence rules, so that no deployment is refused for them, or never fires."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from animatic.spec.occurrences import RULE_ANCHOR
from animatic.spec.section import Section

_FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
_SHORTCUTS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_NOT_IN_PREFECT = re.compile(r"LW|\dL", re.IGNORECASE)
_NEVER = "write a day of the month that one of its months has, as in '0 6 28 2 *'"
_RRULE = re.compile(r"[A-Z]+=[^;=\s]+(?:;[A-Z]+=[^;=\s]+)*;?\Z")
_FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY")


def check_cron(section: Section, cron: str) -> None:
    """Note a cron expression that Prefect does not take or that never fires."""
    from cronsim import CronSim, CronSimError  # noqa: PLC0415 - most files have no schedule

    hint = "a cron has five fields: minute hour day-of-month month day-of-week, as in '0 6 * * 1-5'"
    if cron.strip().lower() in _SHORTCUTS:
        section.note(f"cron '{cron}' is a shortcut", "cron", hint=f"write '{_SHORTCUTS[cron.strip().lower()]}'", code="cron")
        return
    fields = cron.split()
    if len(fields) != len(_FIELDS):
        section.note(f"cron '{cron}' has {len(fields)} fields", "cron", hint=hint, code="cron")
        return
    for number, name in enumerate(_FIELDS):
        alone = ["*"] * len(fields)
        alone[number] = fields[number]
        try:
            CronSim(" ".join(alone), datetime(2024, 1, 1, tzinfo=UTC))
        except (CronSimError, ValueError):
            section.note(f"cron '{cron}': '{fields[number]}' does not fit the {name}", "cron", hint=hint, code="cron")
            return
        if _NOT_IN_PREFECT.search(fields[number]):
            section.note(f"cron '{cron}': Prefect does not know '{fields[number]}'", "cron", hint="use rrule for such days", code="cron")
            return
    try:
        next(CronSim(cron, datetime(2024, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration):
        section.note(f"cron '{cron}' never fires: no month that it names has such a day", "cron", hint=_NEVER, code="cron")


def check_rrule(section: Section, rule: str, start: datetime | None, now: datetime) -> None:
    """Note a recurrence rule that is none, never fires, or fires at other times than people expect of it.

    ``start`` is the schedule's, local to its zone.
    """
    text = plain_rrule(rule)
    parts = dict(part.split("=") for part in text.split(";")) if _RRULE.match(text) else {}
    if "DTSTART" in text:
        section.note("rrule holds a DTSTART", "rrule", hint="write 'start: 2027-01-04 06:00' beside the rule", code="rrule")
    elif parts.get("FREQ") == "SECONDLY":
        section.note("rrule: SECONDLY is too often", "rrule", hint=f"use one of {', '.join(_FREQUENCIES)}", code="rrule")
    elif "COUNT" in parts:
        section.note(
            "rrule: COUNT would be counted from 2020 on, and has run out",
            "rrule",
            hint="leave it out, or write the last day: UNTIL=20270131",
            code="rrule",
        )
    elif (over := _over(parts, start, now)) is not None:
        section.note(f"rrule: {over}", "rrule", hint="write a later day, or leave UNTIL out: the rule goes on then", code="rrule")
    elif (problem := _trouble(text, parts, now)) is not None:
        section.note(problem, "rrule", hint="write one rule, as in 'FREQ=WEEKLY;BYDAY=MO;BYHOUR=6'", code="rrule")
    elif parts.get("INTERVAL", "1") != "1" and start is None and parts["FREQ"] not in {"HOURLY", "MINUTELY"}:
        section.note(
            f"INTERVAL={parts['INTERVAL']} is counted from {RULE_ANCHOR:%Y-%m-%d}, where Prefect begins",
            "rrule",
            hint="add 'start: 2027-01-04' beside the rule: a day on which it happens",
            code="rrule",
            severity="warning",
        )


def plain_rrule(rule: str) -> str:
    """Return a rule in capitals, without the name in front and the semicolon at the end."""
    return rule.strip().upper().removeprefix("RRULE:").strip(";")


def _over(parts: Mapping[str, str], start: datetime | None, now: datetime) -> str | None:
    """Return why a rule is over before it begins; None for one that is not."""
    last = parts.get("UNTIL", "9")[:8]
    if last < now.strftime("%Y%m%d"):
        return f"UNTIL={parts['UNTIL']} is in the past"
    return f"UNTIL={parts['UNTIL']} is before its start" if start is not None and last < start.strftime("%Y%m%d") else None


def _trouble(text: str, parts: Mapping[str, str], now: datetime) -> str | None:
    """Return what is wrong with a rule; None where it will fire."""
    if parts.get("FREQ") not in _FREQUENCIES:
        return "this is not a recurrence rule"
    try:
        return None if _happens(text, parts, now) else "this rule never fires"
    except (ValueError, TypeError, AttributeError, KeyError, IndexError, OverflowError) as error:
        detail = re.match(r"unknown parameter '\w+'|invalid '\w+': .*", str(error))
        return f"this is not a recurrence rule: {detail[0]}" if detail else "this is not a recurrence rule"


def _happens(text: str, parts: Mapping[str, str], now: datetime) -> bool:
    """Tell whether a recurrence rule will fire at all. Raises what dateutil raises where it is none."""
    from dateutil import rrule  # type: ignore[import-untyped]  # noqa: PLC0415

    if int(parts.get("INTERVAL", "1")) < 1:
        raise ValueError("invalid 'INTERVAL': it starts at 1")
    # Days that never come are searched up to the year 9999, whatever the end of the rule: year by year, that takes no more than a moment.
    begin = datetime(now.year, 1, 1)  # noqa: DTZ001 - dateutil wants it naive, as Prefect reads rules
    changes: dict[str, Any] = {"interval": 1, "until": None}
    if parts["FREQ"] not in {"YEARLY", "MONTHLY"}:
        changes |= {"freq": rrule.YEARLY, "bysetpos": None}
    return next(iter(rrule.rrulestr(text, dtstart=begin).replace(**changes)), None) is not None
