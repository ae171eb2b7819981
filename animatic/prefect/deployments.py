"""Brings the Prefect deployments in step with a pipelines file: what should be there, how that differs from what is, and writing it.

One flow and one deployment per pipeline, both by its name. A deployment is written only where something differs, so that deploying twice
changes nothing and keeps what people did in the UI (a schedule that was paused there stays paused).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, TypedDict, assert_never
from uuid import UUID
from zoneinfo import ZoneInfo

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule
from prefect.utilities.callables import parameter_schema

from animatic.catalog import Catalog
from animatic.flows.parameters import FRESH, TAG, identifier
from animatic.flows.storyboards import pipeline_flow
from animatic.flows.worker import version_of
from animatic.prefect.describe import description_of
from animatic.prefect.origin import Origin, project_of
from animatic.settings import FILE, FOLLOW, default_home
from animatic.spec import Declaration, ScheduleSpec
from animatic.spec.model import Cron, Interval, RecurrenceRule
from animatic.spec.occurrences import INTERVAL_ANCHOR

ENTRY_POINTS = "animatic.flows.storyboards"
FORMER_ENTRY_POINTS = "flows.storyboards"
"""Where the entry points were in version 0.1: the next `animatic deploy` brings such deployments over."""
PAGE_SIZE = 200
Change = Literal["new", "changed", "unchanged", "gone"]


class Facts(TypedDict):
    """The fields of a deployment that are compared and written, by Prefect's names."""

    description: str
    version: str
    tags: list[str]
    entrypoint: str
    parameter_openapi_schema: dict[str, Any]
    pull_steps: list[dict[str, Any]]
    job_variables: dict[str, Any]
    work_pool_name: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A deployment as it should be."""

    name: str
    facts: Facts
    schedules: tuple[DeploymentScheduleCreate, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """What deploying would do to one deployment, and why.

    ``wanted`` is None where the deployment is gone from the file, ``existing`` where it is new.
    """

    name: str
    change: Change
    details: tuple[str, ...] = ()
    wanted: Wanted | None = None
    existing: DeploymentResponse | None = field(default=None, repr=False)


def wanted_deployments(
    declaration: Declaration, origin: Origin, *, pool: str | None, follow: bool = False, catalog: Catalog | None = None
) -> tuple[Wanted, ...]:
    """Return the deployments of a declaration. ``pool`` None: they are served by a process of ours.

    ``catalog``: whose prices their descriptions name; None: that of this machine.
    """
    prices = Catalog.load(default_home()) if catalog is None else catalog
    environment = origin.environment | ({FOLLOW: "1"} if follow else {})
    return tuple(
        Wanted(
            name=spec.name,
            facts=Facts(
                description=description_of(declaration, spec, prices),
                version=version_of(spec),
                tags=sorted({TAG, *spec.tags}),
                entrypoint=f"{ENTRY_POINTS}.{identifier(spec.name)}",
                parameter_openapi_schema=parameter_schema(pipeline_flow(spec)).model_dump(exclude_unset=True),
                pull_steps=[dict(step) for step in origin.pull_steps],
                job_variables={"env": dict(environment)},
                work_pool_name=pool,
            ),
            schedules=tuple(_schedule(schedule) for schedule in spec.schedules),
        )
        for spec in declaration.pipelines.values()
    )


def _schedule(spec: ScheduleSpec) -> DeploymentScheduleCreate:
    """Return a schedule as Prefect knows it. Its parameters are only those that it sets: defaults stay the pipeline's."""
    parameters = {**spec.params, **({FRESH: True} if spec.fresh else {})}
    return DeploymentScheduleCreate(schedule=_rule(spec), active=spec.active, parameters=parameters, slug=spec.slug)


def _rule(spec: ScheduleSpec) -> CronSchedule | IntervalSchedule | RRuleSchedule:
    timezone = spec.timezone or "UTC"
    match spec.rule:
        case Cron(expression):
            return CronSchedule(cron=expression, timezone=timezone)
        case RecurrenceRule(text):
            return RRuleSchedule(rrule=text, timezone=timezone)
        case Interval(seconds):
            anchor: Any = INTERVAL_ANCHOR.replace(tzinfo=ZoneInfo(timezone))
            return IntervalSchedule(interval=timedelta(seconds=seconds), anchor_date=anchor, timezone=timezone)
        case None:
            raise ValueError(f"schedule {spec.slug!r} has no rule: a declaration with problems was to be deployed")
        case _:
            assert_never(spec.rule)


async def compare(client: PrefectClient, wanted: Sequence[Wanted], origin: Origin) -> tuple[Difference, ...]:
    """Return what deploying would change, in the file's order; deployments of this origin that left the file come last."""
    existing = {deployment.name: deployment for deployment in await _ours(client)}
    differences = [_difference(item, existing.get(item.name)) for item in wanted]
    names = {item.name for item in wanted}
    gone = [
        Difference(name=name, change="gone", details=(f"not in {origin.file} any more",), existing=deployment)
        for name, deployment in sorted(existing.items())
        if name not in names and _project(deployment) == origin.project
    ]
    return (*differences, *gone)


async def _ours(client: PrefectClient) -> list[DeploymentResponse]:
    """Return the deployments of the server that `animatic deploy` made, of this and any other project."""
    found: list[DeploymentResponse] = []
    tagged = DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG]))
    while page := await client.read_deployments(deployment_filter=tagged, limit=PAGE_SIZE, offset=len(found)):
        found += page
    modules = (f"{ENTRY_POINTS}.", f"{FORMER_ENTRY_POINTS}.")
    return [deployment for deployment in found if (deployment.entrypoint or "").startswith(modules)]


def _project(deployment: DeploymentResponse) -> tuple[str, str]:
    environment = (deployment.job_variables or {}).get("env") or {}
    return project_of(deployment.pull_steps, environment.get(FILE))


def _difference(wanted: Wanted, existing: DeploymentResponse | None) -> Difference:
    if existing is None:
        return Difference(name=wanted.name, change="new", details=tuple(_details_of_new(wanted)), wanted=wanted)
    details = [*_changed_facts(wanted, existing), *_changed_schedules(wanted.schedules, existing)]
    change: Change = "changed" if details else "unchanged"
    return Difference(name=wanted.name, change=change, details=tuple(details), wanted=wanted, existing=existing)


def _details_of_new(wanted: Wanted) -> Iterable[str]:
    yield f"version {wanted.facts['version']}"
    for schedule in wanted.schedules:
        yield f"schedule {schedule.slug}: {_describe_rule(schedule.schedule)}"


def _changed_facts(wanted: Wanted, existing: DeploymentResponse) -> Iterable[str]:
    for name, value in wanted.facts.items():
        there: Any = getattr(existing, name)
        if name == "tags":
            there = sorted(there)
        if name == "parameter_openapi_schema":
            there = there.model_dump(exclude_unset=True) if hasattr(there, "model_dump") else there
        if (there or None) != (value or None):
            yield _describe_change(name, there, value)


def _describe_change(name: str, old: Any, new: Any) -> str:
    match name:
        case "version":
            return f"version {old} -> {new}"
        case "tags":
            return f"tags: {', '.join(new)}"
        case "entrypoint":
            return f"entry point {new}"
        case "pull_steps":
            return f"comes from {project_of(new, None)[0]} instead of {project_of(old, None)[0] or 'elsewhere'}"
        case "job_variables":
            return f"environment of the run: {', '.join(f'{key}={value}' for key, value in new['env'].items())}"
        case "work_pool_name":
            return f"work pool {old or '(none: served)'} -> {new or '(none: served)'}"
        case "parameter_openapi_schema":
            return "the parameters"
        case _:
            return f"the {name}"


def _changed_schedules(wanted: Sequence[DeploymentScheduleCreate], existing: DeploymentResponse) -> Iterable[str]:
    there = {schedule.slug or str(schedule.id): schedule for schedule in existing.schedules}
    for schedule in wanted:
        assert schedule.slug is not None
        old = there.pop(schedule.slug, None)
        if old is None:
            yield f"new schedule {schedule.slug}: {_describe_rule(schedule.schedule)}"
        elif old.schedule != schedule.schedule or dict(old.parameters) != dict(schedule.parameters):
            yield f"schedule {schedule.slug}: {_describe_rule(schedule.schedule)}"
        elif old.active and not schedule.active:
            yield f"schedule {schedule.slug} is paused"
    for slug in there:
        yield f"schedule {slug} goes"


def _describe_rule(rule: Any) -> str:
    """Return ``cron 0 6 * * 1-5 (Europe/Lisbon)``."""
    match rule:
        case CronSchedule():
            text = f"cron {rule.cron}"
        case RRuleSchedule():
            text = f"rrule {rule.rrule}"
        case _:
            text = f"every {rule.interval}"
    return f"{text} ({rule.timezone})"


async def apply(client: PrefectClient, difference: Difference) -> UUID:
    """Write a deployment where it is new or changed; returns its id.

    One request replaces it as a whole: no schedule is doubled or left behind. Schedules that were paused stay paused.
    """
    wanted, existing = difference.wanted, difference.existing
    assert wanted is not None, "what is gone from the file is removed"
    if difference.change == "unchanged":
        assert existing is not None
        return existing.id
    paused = {schedule.slug for schedule in existing.schedules if not schedule.active} if existing else set()
    schedules = [item.model_copy(update={"active": False}) if item.slug in paused else item for item in wanted.schedules]
    flow_id = await client.create_flow_from_name(wanted.name)
    key = await client.create_deployment(
        flow_id=flow_id, name=wanted.name, schedules=schedules, parameters={}, enforce_parameter_schema=True, **wanted.facts
    )
    if wanted.facts["work_pool_name"] is None and existing is not None and existing.work_pool_name is not None:
        # Writing a deployment without a pool leaves it in the one that it is in: taking it out must be said.
        await client.update_deployment(key, DeploymentUpdate(work_pool_name=None))
    return key


async def remove(client: PrefectClient, difference: Difference) -> None:
    """Delete a deployment that left the file, with its schedules. Its runs stay."""
    assert difference.existing is not None
    await client.delete_deployment(difference.existing.id)
