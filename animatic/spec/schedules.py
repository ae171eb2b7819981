"""Decode the schedules of a pipeline: rule, start, time zone, params, what becomes of runs that were missed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, assert_never

from animatic.spec.keys import SCHEDULE
from animatic.spec.model import (
    LATE,
    RULE_KINDS,
    Cron,
    Interval,
    ParamSpec,
    ProfileSpec,
    RecurrenceRule,
    RuleKind,
    ScheduleRule,
    ScheduleSpec,
)
from animatic.spec.params import refuse_template
from animatic.spec.profiles import check_profile_name
from animatic.spec.recurrence import check_cron, check_rrule
from animatic.spec.section import Section
from animatic.spec.values import NotThatTypeError, check_value
from animatic.spec.zones import zone_advice
from animatic.suggest import did_you_mean

_EXAMPLE = "write 'schedule: {cron: \"0 6 * * 1-5\", timezone: Europe/Lisbon}'"
_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}\Z")
_START = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?)?\Z")
_MIN_INTERVAL_SECONDS = 60.0
_ALONE = "schedule"
"""Slug of a pipeline's one ``schedule``; those of ``schedules`` are numbered."""


def decode_schedules(
    pipeline: Section,
    params: Mapping[str, ParamSpec],
    *,
    timezone: str | None = None,
    profiles: Mapping[str, ProfileSpec] | None = None,
    now: datetime | None = None,
) -> tuple[ScheduleSpec, ...]:
    """Read ``schedule`` or ``schedules`` of a pipeline.

    ``timezone`` is the file's, for those that name none, ``profiles`` are the file's; ``now`` decides whether a rule with an end still
    fires.
    """
    found: list[ScheduleSpec] = []
    decoder = _Decoder(params, timezone, profiles or {}, now or datetime.now(UTC))
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
            found.append(decoder.decode(pipeline.below("schedule", values, f"{pipeline.label}, schedule"), _ALONE))
    section = pipeline.below("schedules", {}, pipeline.label)
    for index, values in pipeline.mappings("schedules", hint="write 'schedules: [{cron: \"0 6 * * 1-5\"}]'"):
        below = section.below(index, values, f"{pipeline.label}, schedule {index + 1}")
        found.append(decoder.decode(below, f"{_ALONE}-{index + 1}"))
    _check_slugs(pipeline, found)
    return tuple(found)


def check_timezone(section: Section) -> str | None:
    """Read ``timezone``; None where there is none, or the name is none (noted)."""
    timezone = section.text("timezone")
    advice = zone_advice(timezone) if timezone is not None else None
    if advice is not None:
        section.note(f"there is no time zone '{timezone}'", "timezone", hint=advice, code="timezone")
        return None
    return timezone


class _Decoder:
    """Reads the schedules of one pipeline."""

    def __init__(self, params: Mapping[str, ParamSpec], timezone: str | None, profiles: Mapping[str, ProfileSpec], now: datetime) -> None:
        self._params = params
        self._timezone = timezone
        self._profiles = profiles
        self._now = now

    def decode(self, section: Section, slug: str) -> ScheduleSpec:
        section.check_keys(SCHEDULE)
        written = [kind for kind in RULE_KINDS if kind in section.values]
        if len(written) != 1:
            what = "has neither cron, interval nor rrule" if not written else f"has {' and '.join(written)}: it takes one of them"
            hint = _EXAMPLE if not written else "remove one, or make two schedules"
            section.note(what, *written[1:2], key=True, hint=hint, code="conflict")
        start = _start(section, written)
        rules = {kind: _rule(section, kind, start, self._now) for kind in written}
        own = check_timezone(section)
        values = self._values(section)
        return ScheduleSpec(
            slug=_slug(section) or slug,
            former_slug=_former_slug(rules, {"timezone": section.values.get("timezone"), "params": values}),
            path=section.path,
            rule=next((rule for rule in rules.values() if rule is not None), None),
            start=start,
            timezone=own or self._timezone,
            params=values,
            fresh=section.boolean("fresh", default=False),
            profile=check_profile_name(section, self._profiles),
            active=section.boolean("active", default=True),
            late=section.choice("late", LATE) or "skip",
        )

    def _values(self, section: Section) -> Mapping[str, Any]:
        """Read ``params`` of a schedule. Templates stay as they are; every run renders them for the day on which it was due."""
        given = section.mapping("params", hint="write 'params: {city: Porto}'") or {}
        values: dict[str, Any] = {}
        for name, value in given.items():
            param = self._params.get(name)
            if param is None:
                hint = did_you_mean(name, self._params) if self._params else "this pipeline has no params"
                section.note(f"the pipeline has no param '{name}'", "params", name, key=True, hint=hint, code="unknown-param")
                continue
            if refuse_template(section, param, value, "params", name):
                continue
            try:
                values[name] = check_value(param, value)
            except NotThatTypeError as error:
                related = ((section.document.place(param.path, key=True), f"'{name}' is declared here"),)
                hint_ = section.quoting(value, "params", name) if error.unquoted else error.hint
                section.note(f"param '{name}' {error}", "params", name, hint=hint_, code="param", related=related)
        for name, param in self._params.items():
            if param.required and name not in given:
                related = ((section.document.place(param.path, key=True), f"'{name}' is declared here, without a default"),)
                hint = f"add 'params: {{{name}: ...}}' to the schedule, or a default to the param: nobody is there to be asked"
                section.note(f"param '{name}' gets no value", "params", key=True, hint=hint, code="missing-param", related=related)
        return values


def _start(section: Section, kinds: list[RuleKind]) -> datetime | None:
    """Read ``start``: a day, or day and time, in the schedule's zone."""
    text = section.text("start")
    if text is None:
        return None
    if kinds == ["cron"]:
        section.note("a cron takes no start: it names its times itself", "start", key=True, hint="remove it", code="start")
        return None
    if _START.match(text.strip()):
        with contextlib.suppress(ValueError):
            return datetime.fromisoformat(text.strip())
    hint = "write a day, or day and time in the schedule's timezone: 2027-01-04, or 2027-01-04 06:00"
    section.note(f"start '{text}' is not a day", "start", hint=hint, code="start")
    return None


def _rule(section: Section, kind: RuleKind, start: datetime | None, now: datetime) -> ScheduleRule | None:
    """Read one rule; None where it is not of the type that is due."""
    match kind:
        case "cron":
            cron = section.text(kind)
            if cron is None:
                return None
            check_cron(section, cron)
            return Cron(cron)
        case "interval":
            seconds = section.seconds(kind, minimum=_MIN_INTERVAL_SECONDS)
            return None if seconds is None else Interval(seconds)
        case "rrule":
            rule = section.text(kind)
            if rule is None:
                return None
            check_rrule(section, rule, start, now)
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


def _slug(section: Section) -> str | None:
    slug = section.text("slug")
    if slug is not None and not _SLUG.match(slug):
        section.note(f"'{slug}' cannot be a slug", "slug", hint="use letters, digits, '-' and '_', 100 at most", code="name")
    return slug


def _former_slug(rules: Mapping[RuleKind, ScheduleRule | None], more: Mapping[str, Any]) -> str | None:
    """Return the slug that a schedule without one had when slugs were made from its content: such a one may still be deployed."""
    content = {kind: _value(rules.get(kind)) for kind in RULE_KINDS}
    first = next((kind for kind in RULE_KINDS if content[kind] is not None), None)
    if first is None:
        return None
    digest = hashlib.sha256(json.dumps({**content, **more}, sort_keys=True, default=str).encode()).hexdigest()
    return f"{first}-{digest[:8]}"


def _check_slugs(pipeline: Section, schedules: list[ScheduleSpec]) -> None:
    """Note slugs that are used twice, and schedules that are there twice."""
    by_slug: dict[str, ScheduleSpec] = {}
    by_content: dict[tuple[str, datetime | None, str | None], ScheduleSpec] = {}
    for schedule in schedules:
        relative = schedule.path[len(pipeline.path) :]
        written = pipeline.values["schedule"] if relative == ("schedule",) else pipeline.values["schedules"][relative[-1]]
        same_slug = by_slug.setdefault(schedule.slug.lower(), schedule)
        if same_slug is not schedule:
            named = ("slug",) if "slug" in written else ()
            pipeline.note(
                f"the slug '{schedule.slug}' is used twice",
                *relative,
                *named,
                hint="give each its own slug",
                code="duplicate",
                related=((pipeline.document.place((*same_slug.path, *named)), "it is here first"),),
            )
        elif "slug" not in written and schedule.former_slug is not None:
            same = by_content.setdefault((schedule.former_slug, schedule.start, schedule.profile), schedule)
            if same is not schedule:
                related = ((pipeline.document.place(same.path), "it is here first"),)
                pipeline.note("this schedule is there twice", *relative, hint="remove one of the two", code="duplicate", related=related)
