"""The entry points: one flow for each pipeline, ``animatic.flows.storyboards.coast_teaser`` for the pipeline ``coast-teaser``.

Flows are made when they are asked for, from the pipelines file (or folder of files) of this process: ``ANIMATIC_FILE``, else
``./pipelines.yaml`` of the working folder, so that a Prefect worker that was handed a folder or a git checkout finds it there.
"""

from __future__ import annotations

import functools
import inspect
from pathlib import Path
from typing import Any

from prefect import Flow, flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from animatic import settings
from animatic.errors import AnimaticError, DeclarationError, UsageError
from animatic.flows.events import announce_over_budget
from animatic.flows.leases import outlive_leases
from animatic.flows.parameters import SIMULATED_TAG, flow_for, identifier, named, own_names, profile_asked, profile_tag
from animatic.flows.pulled import refusal
from animatic.flows.punctual import MissedRunError
from animatic.flows.run import CURRENT_FLOW_RUN, execute_run
from animatic.plan.profile import profile_named
from animatic.source import render_problems
from animatic.spec import Declaration, PipelineSpec, load_declaration


def __getattr__(name: str) -> Flow[..., Any]:
    """Return the flow of a pipeline, by its Python name. Raises AnimaticError where the pipelines file is not there or wrong.

    To a flow run that is starting a flow is returned in any case: one that fails with what is wrong, where Prefect would show a traceback.
    """
    if name.startswith("_"):
        raise AttributeError(name)
    starting = flow_run.id is not None
    if starting:
        outlive_leases()
    if starting and (refused := refusal()) is not None:
        return _refusing_flow(name, refused)
    try:
        pipelines = declaration().pipelines
    except AnimaticError as error:
        if starting:
            return _refusing_flow(name, error)
        raise
    for pipeline, spec in pipelines.items():
        if identifier(pipeline) == name:
            wrong = _mismatch(spec) if starting else None
            if wrong is not None:
                return _refusing_flow(name, wrong)
            return pipeline_flow(spec)
    missing = UsageError(
        f"there is no pipeline {name!r} in {pipelines_file()}; there are: {', '.join(identifier(pipeline) for pipeline in pipelines)}",
        hint="if it left the file for good, remove its deployment: `animatic deploy --prune`",
    )
    if starting:
        return _refusing_flow(name, missing)
    raise AttributeError(missing.message)


def __dir__() -> list[str]:
    """List the pipelines, so that tools can discover them."""
    return [*globals(), *(identifier(pipeline) for pipeline in declaration().pipelines)]


def pipeline_flow(spec: PipelineSpec) -> Flow[..., Any]:
    """Return the Prefect flow of a pipeline."""
    return flow_for(spec, _body)


async def _body(spec: PipelineSpec, values: dict[str, Any]) -> State[None]:
    """Execute the run that this process has planned, or else plan one: a worker, a schedule or the UI has started this flow run."""
    context = CURRENT_FLOW_RUN.get()
    if context is not None:
        return await execute_run(context)
    from animatic.flows.alive import giving_signs

    async with giving_signs():
        return await _from_server(spec, values)


async def _from_server(spec: PipelineSpec, values: dict[str, Any]) -> State[None]:
    """Plan and execute a run that a worker, a schedule or the UI has started."""
    from animatic.flows.worker import prepare_for_worker, stop_when_asked, tag_run

    try:
        context = await prepare_for_worker(declaration(), spec, values)
    except MissedRunError as missed:
        return Completed(name="Skipped", message=str(missed))
    except AnimaticError as error:
        announce_over_budget(spec.name, None, error)
        return _refused(error)
    await tag_run(*([SIMULATED_TAG] if context.simulator_url is not None else []), *profile_tag(context.plan.profile))
    async with stop_when_asked(context):
        return await execute_run(context)


class _AnyParameter(inspect.Parameter):
    """A parameter of any name: the server takes what a request gives, words that are no names in Python included."""

    def __init__(self, name: str) -> None:
        super().__init__("given", inspect.Parameter.KEYWORD_ONLY, default=None)
        self._given = name

    @property
    def name(self) -> str:
        """The name as it was given."""
        return self._given


def _given() -> set[str]:
    """Return the names of the parameters that this process's flow run was given."""
    return set(flow_run.parameters or {})


def _mismatch(spec: PipelineSpec) -> UsageError | None:
    """Return why the pipeline does not take the parameters of this process's flow run; None: it does."""
    unknown = sorted(_given() - {*spec.params, *own_names(spec)})
    if unknown:
        return _not_declared(spec, unknown)
    try:
        profile_named(spec, profile_asked(flow_run.parameters or {}))
    except UsageError as error:
        return error
    return None


def _not_declared(spec: PipelineSpec, names: list[str]) -> UsageError:
    there = ", ".join(spec.params) or "none"
    return UsageError(
        f"pipeline {spec.name!r} has no param {', '.join(names)} in {pipelines_file()}; its params: {there}",
        hint="deploy again, so that forms and schedules know the params of today: `animatic deploy`",
    )


def _refusing_flow(name: str, error: AnimaticError) -> Flow[..., Any]:
    """Return a flow that takes the parameters of this process's flow run, whatever they are, and fails for a reason."""

    async def refuse(**values: Any) -> State[None]:
        del values
        return _refused(error)

    # Prefect gives a flow only parameters that its signature names; forms and schedules always give some.
    refuse.__signature__ = inspect.Signature([_AnyParameter(given) for given in sorted(_given())])  # type: ignore[attr-defined]
    pipeline = _flow_name() or name
    return flow(name=pipeline, flow_run_name=lambda: _refused_name(pipeline), validate_parameters=False)(refuse)


def _flow_name() -> str | None:
    """Return the name of this run's flow, as far as Prefect tells."""
    try:
        return str(flow_run.flow_name) if flow_run.flow_name else None
    except Exception:  # noqa: BLE001 (the reason that the run is refused for is to be told, whatever ails the server)
        return None


def _refused_name(pipeline: str) -> str:
    values = flow_run.parameters or {}
    return named(pipeline, tuple(values), values)


def _refused(error: AnimaticError) -> State[None]:
    """Return the state of a run that did not begin: a sentence, and for a declaration every problem with its place."""
    if isinstance(error, DeclarationError):
        return Failed(message=f"{error.message}\n{render_problems(error.problems)}")
    return Failed(message=str(error))


def pipelines_file() -> Path:
    """Return the pipelines file of this process."""
    return settings.pipelines_file().absolute()


def declaration() -> Declaration:
    """Read the pipelines file. Raises DeclarationError with every problem, UsageError when there is no file."""
    path = pipelines_file()
    try:
        modified = max(part.stat().st_mtime_ns for part in (path, *(path.iterdir() if path.is_dir() else ())))
    except OSError:
        raise UsageError(
            f"no pipelines file at {path}", hint="run the worker in the folder that holds pipelines.yaml, or set ANIMATIC_FILE"
        ) from None
    found = _declaration(path, modified)
    if any(problem.severity == "error" for problem in found.problems):
        raise DeclarationError(found.problems)
    return found


@functools.cache
def _declaration(path: Path, modified: int) -> Declaration:
    del modified  # part of the key: an edited file is read again
    return load_declaration((path,))
