"""Brings the Prefect deployments in step with a pipelines file: what should be there, how that differs from what is, and writing it.

One flow and one deployment per pipeline, both by its name. A deployment is written only where something differs, so that deploying twice
changes nothing and keeps what people did in the UI (a schedule that was paused there stays paused).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict, assert_never
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.client.schemas.objects import ConcurrencyLimitStrategy, ConcurrencyOptions
from prefect.client.schemas.responses import DeploymentResponse
from prefect.utilities.callables import parameter_schema

from animatic.catalog import Catalog
from animatic.flows.parameters import TAG, identifier
from animatic.flows.storyboards import pipeline_flow
from animatic.flows.worker import version_of
from animatic.plan.labels import deployed
from animatic.prefect.describe import description_of
from animatic.prefect.origin import Origin, project_of, same_project
from animatic.prefect.schedules import as_deployed, changed_schedules, describe_rule, named, parameters_text, paused_on_server, schedule_of
from animatic.settings import FILE, FOLLOW, default_home
from animatic.spec import Declaration
from animatic.spec.model import Overlap

ENTRY_POINTS = "animatic.flows.storyboards"
FORMER_ENTRY_POINTS = "flows.storyboards"
"""Where the entry points were in version 0.1: the next `animatic deploy` brings such deployments over."""
PAGE_SIZE = 200
Change = Literal["new", "changed", "unchanged", "gone"]
_OVERLAPS = {
    None: "side by side",
    ConcurrencyLimitStrategy.ENQUEUE: "one after the other",
    ConcurrencyLimitStrategy.CANCEL_NEW: "the later is skipped",
}


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
    collision: ConcurrencyLimitStrategy | None
    """One run at a time, and what becomes of the others; None: side by side."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """What deploying would do to one deployment, and why.

    ``wanted`` is None where the deployment is gone from the file, ``existing`` where it is new. ``owner`` is the project that has the
    deployment now, where that is another than ours.
    """

    name: str
    change: Change
    details: tuple[str, ...] = ()
    wanted: Wanted | None = None
    existing: DeploymentResponse | None = field(default=None, repr=False)
    owner: str | None = None
    notes: tuple[str, ...] = ()
    """What deploying leaves as it is on the server, though the file says otherwise."""


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
                tags=sorted({TAG, *tags}),
                entrypoint=f"{ENTRY_POINTS}.{identifier(spec.name)}",
                parameter_openapi_schema=parameter_schema(pipeline_flow(spec)).model_dump(exclude_unset=True),
                pull_steps=[dict(step) for step in origin.pull_steps],
                job_variables={"env": dict(environment)},
                work_pool_name=pool,
            ),
            schedules=tuple(schedule_of(schedule) for schedule in spec.schedules),
            collision=_collision(spec.overlap),
        )
        for spec in declaration.pipelines.values()
        for tags in [deployed(spec).tags]
    )


def _collision(overlap: Overlap) -> ConcurrencyLimitStrategy | None:
    """Return what Prefect does with a run that is due while another goes on; None: both run."""
    match overlap:
        case "queue":
            return ConcurrencyLimitStrategy.ENQUEUE
        case "skip":
            return ConcurrencyLimitStrategy.CANCEL_NEW
        case "allow":
            return None
        case _:
            assert_never(overlap)


async def compare(client: PrefectClient, wanted: Sequence[Wanted], origin: Origin) -> tuple[Difference, ...]:
    """Return what deploying would change, in the file's order; deployments of this origin that left the file come last."""
    existing = {deployment.name: deployment for deployment in await _ours(client)}
    differences = [_difference(item, existing.get(item.name), origin) for item in wanted]
    names = {item.name for item in wanted}
    gone = [
        Difference(name=name, change="gone", details=(f"not in {origin.file} any more",), existing=deployment)
        for name, deployment in sorted(existing.items())
        if name not in names and same_project(_project(deployment), origin.project)
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


def _difference(wanted: Wanted, existing: DeploymentResponse | None, origin: Origin) -> Difference:
    if existing is None:
        return Difference(name=wanted.name, change="new", details=tuple(_details_of_new(wanted)), wanted=wanted)
    details = [
        *_changed_facts(wanted, existing),
        *_changed_overlap(wanted, existing),
        *changed_schedules(wanted.schedules, existing.schedules),
    ]
    change: Change = "changed" if details else "unchanged"
    notes = tuple(paused_on_server(wanted.schedules, existing.schedules))
    theirs = _project(existing)
    owner = None if same_project(theirs, origin.project) else f"{theirs[1]} in {theirs[0]}" if theirs[0] else "another project"
    return Difference(name=wanted.name, change=change, details=tuple(details), wanted=wanted, existing=existing, owner=owner, notes=notes)


def _changed_overlap(wanted: Wanted, existing: DeploymentResponse) -> Iterable[str]:
    limit, options = existing.global_concurrency_limit, existing.concurrency_options
    there = options.collision_strategy if limit is not None and options is not None else None
    if there != wanted.collision or (limit is not None and wanted.collision is not None and limit.limit != 1):
        yield f"runs that overlap: {_OVERLAPS[there]} -> {_OVERLAPS[wanted.collision]}"


def _details_of_new(wanted: Wanted) -> Iterable[str]:
    yield f"version {wanted.facts['version']}"
    for schedule in wanted.schedules:
        yield f"{named(schedule.slug)}: {describe_rule(schedule.schedule)}{parameters_text(schedule)}"


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
            here, there = project_of(new, None)[0], project_of(old, None)[0]
            return f"another version of the files at {here}" if here == there else f"comes from {here} instead of {there or 'elsewhere'}"
        case "job_variables":
            return f"environment of the run: {', '.join(f'{key}={value}' for key, value in new['env'].items())}"
        case "work_pool_name":
            return f"work pool {old or '(none: served)'} -> {new or '(none: served)'}"
        case "parameter_openapi_schema":
            return "the parameters"
        case _:
            return f"the {name}"


async def apply(client: PrefectClient, difference: Difference) -> UUID:
    """Write a deployment where it is new or changed; returns its id.

    One request replaces it as a whole: no schedule is doubled or left behind. Schedules that were paused stay paused.
    """
    wanted, existing = difference.wanted, difference.existing
    assert wanted is not None, "what is gone from the file is removed"
    if difference.change == "unchanged":
        assert existing is not None
        return existing.id
    schedules = as_deployed(wanted.schedules, existing.schedules if existing else ())
    flow_id = await client.create_flow_from_name(wanted.name)
    key = await client.create_deployment(
        flow_id=flow_id,
        name=wanted.name,
        schedules=schedules,
        parameters={},
        enforce_parameter_schema=True,
        **wanted.facts,
        concurrency_limit=None if wanted.collision is None else 1,
        concurrency_options=None if wanted.collision is None else ConcurrencyOptions(collision_strategy=wanted.collision),
    )
    if wanted.facts["work_pool_name"] is None and existing is not None and existing.work_pool_name is not None:
        # Writing a deployment without a pool leaves it in the one that it is in: taking it out must be said.
        await client.update_deployment(key, DeploymentUpdate(work_pool_name=None))
    return key


async def remove(client: PrefectClient, difference: Difference) -> None:
    """Delete a deployment that left the file, with its schedules. Its runs stay."""
    assert difference.existing is not None
    await client.delete_deployment(difference.existing.id)
