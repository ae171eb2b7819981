"""Decode the schedules of a pipeline. Cron, time zone and recurrence rule are checked, so that no deployment is refused for them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, assert_never

from animatic.spec.keys import SCHEDULE
from animatic.spec.model import RULE_KINDS, Cron, Interval, ParamSpec, RecurrenceRule, RuleKind, ScheduleRule, ScheduleSpec
from animatic.spec.params import NotThatTypeError, check_value
from animatic.spec.section import Section
from animatic.suggest import did_you_mean

_EXAMPLE = "write 'schedule: {cron: \"0 6 * * 1-5\", timezone: Europe/Lisbon}'"
_FIELDS = "minute hour day-of-month month day-of-week"
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
_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}\Z")
_MIN_INTERVAL_SECONDS = 60.0
_NO_RULE = "none"
"""Slug of a schedule whose rule cannot be read."""
_RRULE = re.compile(r"[A-Z]+=[^;=\s]+(?:;[A-Z]+=[^;=\s]+)*;?\Z")
_FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY")


def decode_schedules(pipeline: Section, params: Mapping[str, ParamSpec], *, now: datetime | None = None) -> tuple[ScheduleSpec, ...]:
    """Read ``schedule`` or ``schedules`` of a pipeline. ``now`` decides whether a rule with an end still fires."""
    found: list[ScheduleSpec] = []
    if "schedule" in pipeline.values:
        if "schedules" in pipeline.values:
            pipeline.note(
                "has both 'schedule' and 'schedules'",
                "schedules",
                key=True,
                hint="put all of them into 'schedules'",
                code="conflict",
                related=((pipeline.document.place((*pipeline.path, "schedule"), key=True), "'schedule' is here"),),
            )
        values = pipeline.mapping("schedule", hint=_EXAMPLE if not isinstance(pipeline.values["schedule"], list) else "call it 'schedules'")
        if values is not None:
            found.append(_decode(pipeline.below("schedule", values, f"{pipeline.label}, schedule"), params, now))
    section = pipeline.below("schedules", {}, pipeline.label)
    for index, values in pipeline.mappings("schedules", hint="write 'schedules: [{cron: \"0 6 * * 1-5\"}]'"):
        found.append(_decode(section.below(index, values, f"{pipeline.label}, schedule {index + 1}"), params, now))
    _check_slugs(pipeline, found)
    return tuple(found)


def _decode(section: Section, params: Mapping[str, ParamSpec], now: datetime | None) -> ScheduleSpec:
    section.check_keys(SCHEDULE)
    written = [kind for kind in RULE_KINDS if kind in section.values]
    if len(written) != 1:
        what = "has neither cron, interval nor rrule" if not written else f"has {' and '.join(written)}: it takes one of them"
        section.note(what, *written[1:2], key=True, hint=_EXAMPLE if not written else "remove one, or make two schedules", code="conflict")
    rules = {kind: _rule(section, kind, now or datetime.now(UTC)) for kind in written}
    timezone = section.text("timezone")
    if timezone is not None:
        _check_timezone(section, timezone)
    values = _params(section, params)
    return ScheduleSpec(
        slug=_slug(section, rules, {"timezone": timezone, "params": values}),
        path=section.path,
        rule=next((rule for rule in rules.values() if rule is not None), None),
        timezone=timezone,
        params=values,
        fresh=section.boolean("fresh", default=False),
        active=section.boolean("active", default=True),
    )


def _rule(section: Section, kind: RuleKind, now: datetime) -> ScheduleRule | None:
    """Read one rule; None where it is not of the type that is due."""
    match kind:
        case "cron":
            cron = section.text(kind)
            if cron is None:
                return None
            _check_cron(section, cron)
            return Cron(cron)
        case "interval":
            seconds = section.seconds(kind, minimum=_MIN_INTERVAL_SECONDS)
            return None if seconds is None else Interval(seconds)
        case "rrule":
            rule = section.text(kind)
            if rule is None:
                return None
            _check_rrule(section, rule, now)
            return RecurrenceRule(rule)
        case _:
            assert_never(kind)


def _value(rule: ScheduleRule | None) -> str | float | None:
    match rule:
        case Cron(value) | Interval(value) | RecurrenceRule(value):
            return value
        case None:
            return None
        case _:
            assert_never(rule)


def _params(section: Section, params: Mapping[str, ParamSpec]) -> Mapping[str, Any]:
    given = section.mapping("params", hint="write 'params: {city: Porto}'") or {}
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in params:
            hint = did_you_mean(name, params) if params else "this pipeline has no params"
            section.note(f"the pipeline has no param '{name}'", "params", name, key=True, hint=hint, code="unknown-param")
            continue
        try:
            values[name] = check_value(params[name], value)
        except NotThatTypeError as error:
            related = ((section.document.place(params[name].path, key=True), f"'{name}' is declared here"),)
            section.note(f"param '{name}' {error}", "params", name, hint=error.hint, code="param", related=related)
    for name, param in params.items():
        if param.required and name not in given:
            related = ((section.document.place(param.path, key=True), f"'{name}' is declared here, without a default"),)
            hint = f"add 'params: {{{name}: ...}}' to the schedule, or a default to the param: nobody is there to be asked"
            section.note(f"param '{name}' gets no value", "params", key=True, hint=hint, code="missing-param", related=related)
    return values


def _slug(section: Section, rules: Mapping[RuleKind, ScheduleRule | None], more: Mapping[str, Any]) -> str:
    """Return the slug as written, or one that stays the same as long as the schedule does: redeploying must not double it."""
    if "slug" in section.values:
        slug = section.text("slug")
        if slug is not None and not _SLUG.match(slug):
            section.note(f"'{slug}' cannot be a slug", "slug", hint="use letters, digits, '-' and '_', 100 at most", code="name")
        if slug is not None:
            return slug
    content = {kind: _value(rules.get(kind)) for kind in RULE_KINDS}
    first = next((kind for kind in RULE_KINDS if content[kind] is not None), None)
    if first is None:
        return _NO_RULE
    digest = hashlib.sha256(json.dumps({**content, **more}, sort_keys=True, default=str).encode()).hexdigest()
    return f"{first}-{digest[:8]}"


def _check_slugs(pipeline: Section, schedules: list[ScheduleSpec]) -> None:
    first: dict[str, ScheduleSpec] = {}
    for schedule in schedules:
        other = first.setdefault(schedule.slug.lower(), schedule)
        if other is schedule or schedule.slug == _NO_RULE:
            continue
        relative = schedule.path[len(pipeline.path) :]
        written = pipeline.values["schedule"] if relative == ("schedule",) else pipeline.values["schedules"][relative[-1]]
        named = ("slug",) if "slug" in written else ()
        pipeline.note(
            f"the slug '{schedule.slug}' is used twice" if named else "this schedule is there twice",
            *relative,
            *named,
            hint="give each its own slug" if named else "remove one of the two",
            code="duplicate",
            related=((pipeline.document.place((*other.path, *named)), "it is here first"),),
        )


def _check_cron(section: Section, cron: str) -> None:
    from cronsim import CronSim, CronSimError  # noqa: PLC0415 - most files have no schedule

    hint = f"a cron has five fields: {_FIELDS}, as in '0 6 * * 1-5'"
    if cron.strip().lower() in _SHORTCUTS:
        section.note(f"cron '{cron}' is a shortcut", "cron", hint=f"write '{_SHORTCUTS[cron.strip().lower()]}'", code="cron")
        return
    fields = cron.split()
    if len(fields) != len(_FIELDS.split()):
        section.note(f"cron '{cron}' has {len(fields)} fields", "cron", hint=hint, code="cron")
        return
    for number, name in enumerate(_FIELDS.split()):
        alone = ["*"] * len(fields)
        alone[number] = fields[number]
        try:
            CronSim(" ".join(alone), datetime(2024, 1, 1, tzinfo=UTC))
        except (CronSimError, ValueError):
            section.note(f"cron '{cron}': '{fields[number]}' is not a {name}", "cron", hint=hint, code="cron")
            return
        if _NOT_IN_PREFECT.search(fields[number]):
            section.note(f"cron '{cron}': Prefect does not know '{fields[number]}'", "cron", hint="use rrule for such days", code="cron")
            return
    try:
        next(CronSim(cron, datetime(2024, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration):
        section.note(f"cron '{cron}' never fires: no month that it names has such a day", "cron", hint=hint, code="cron")


def _check_timezone(section: Section, timezone: str) -> None:
    import zoneinfo  # noqa: PLC0415

    try:
        zoneinfo.ZoneInfo(timezone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        names = sorted(zoneinfo.available_timezones())
        ends = [name for name in names if name.rpartition("/")[2].lower() == timezone.strip().lower().replace(" ", "_")]
        hint = f"did you mean {' or '.join(ends)}?" if ends else did_you_mean(timezone, names)
        hint = hint if hint.startswith("did") else "use a name such as Europe/Lisbon, America/New_York or UTC"
        section.note(f"there is no time zone '{timezone}'", "timezone", hint=hint, code="timezone")


def _check_rrule(section: Section, rule: str, now: datetime) -> None:
    hint = "write one rule, as in 'FREQ=WEEKLY;BYDAY=MO;BYHOUR=6'"
    text = rule.strip().upper().removeprefix("RRULE:")
    parts = dict(part.split("=") for part in text.strip(";").split(";")) if _RRULE.match(text) else {}
    if parts.get("FREQ") in {"SECONDLY", "MINUTELY"}:
        section.note(f"rrule: {parts['FREQ']} is too often", "rrule", hint=f"use one of {', '.join(_FREQUENCIES)}", code="rrule")
        return
    problem = "this is not a recurrence rule"
    if parts.get("FREQ") in _FREQUENCIES:
        try:
            if _happens(text, parts, now):
                return
            problem = "this rule never fires"
        except (ValueError, TypeError, AttributeError, KeyError, IndexError, OverflowError) as error:
            detail = re.match(r"unknown parameter '\w+'|invalid '\w+': .*", str(error))
            problem += f": {detail[0]}" if detail else ""
    section.note(problem, "rrule", hint=hint, code="rrule")


def _happens(text: str, parts: Mapping[str, str], now: datetime) -> bool:
    """Tell whether a recurrence rule will fire at all. Raises what dateutil raises where it is none."""
    from dateutil import rrule  # type: ignore[import-untyped]  # noqa: PLC0415

    for name in ("INTERVAL", "COUNT"):
        if int(parts.get(name, "1")) < 1:
            raise ValueError(f"invalid '{name}': it starts at 1")
    if parts.get("UNTIL", "9")[:8] < now.strftime("%Y%m%d"):
        return False
    # Days that never come are searched up to the year 9999, whatever the end of the rule: year by year, that takes no more than a moment.
    start = datetime(now.year, 1, 1)  # noqa: DTZ001 - dateutil wants it naive, as Prefect reads rules
    changes: dict[str, Any] = {"interval": 1, "count": None, "until": None}
    if parts["FREQ"] not in {"YEARLY", "MONTHLY"}:
        changes |= {"freq": rrule.YEARLY, "bysetpos": None}
    return next(iter(rrule.rrulestr(text, dtstart=start).replace(**changes)), None) is not None
