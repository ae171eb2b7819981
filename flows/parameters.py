"""Makes a pipeline a Prefect flow: its name, its description, and its params as typed flow parameters that the UI renders as a form."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from prefect import Flow, flow
from prefect.client.schemas.objects import State
from pydantic import Field

from animatic.flows.settling import settle_cancelled, settle_crashed
from animatic.plan.labels import deployed
from animatic.plan.params import in_zone, render_params, run_names
from animatic.spec import ParamSpec, PipelineSpec
from animatic.spec.values import python_type

FRESH = "fresh"
"""A flow parameter that is not the pipeline's: schedules with ``fresh: true`` set it, and people in the form."""
ONLY = "only"
"""The other one: the shots that are meant, as `--only` spells them; empty for all."""
PROFILE = "profile"
"""Another one, where the file has profiles: the profile whose values win."""
AS_WRITTEN = "as written"
"""Its value for none of them. It has a blank, which no profile's name has."""
OWN = frozenset({FRESH, ONLY, PROFILE})
TAG = "animatic"
"""Every deployment and run of ours carries it."""
SIMULATED_TAG = "simulated"
"""Every run that goes to the simulator carries it."""
RUN_NAME_PART = 40
"""Characters of a parameter's value in the name of a run."""
Body = Callable[[PipelineSpec, dict[str, Any]], Awaitable[State[None]]]


def flow_for(spec: PipelineSpec, body: Body) -> Flow[..., Any]:
    """Return the flow of a pipeline. ``body(spec, values)`` is awaited with the parameter values of each run."""

    async def run(**values: Any) -> State[None]:
        return await body(spec, values)

    run.__name__ = identifier(spec.name)
    run.__qualname__ = run.__name__
    run.__doc__ = _docstring(spec)
    # Prefect reads the signature to build and check the flow's parameter schema.
    parameters = [*(_parameter(param) for param in spec.params.values()), *_own_parameters(spec)]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return flow(
        name=spec.name,
        description=deployed(spec).description or None,
        flow_run_name=lambda: run_name(spec),
        persist_result=False,
        log_prints=False,
        on_cancellation=[settle_cancelled],
        on_crashed=[settle_crashed],
    )(run)


def own_names(spec: PipelineSpec) -> frozenset[str]:
    """Return the flow parameters of a pipeline that are not its params."""
    return frozenset(parameter.name for parameter in _own_parameters(spec))


def profile_asked(values: Mapping[str, Any]) -> str | None:
    """Return the profile that the values of a flow run's parameters ask for; None: as written."""
    name = values.get(PROFILE)
    return str(name) if name and name != AS_WRITTEN else None


def profile_tag(profile: str | None) -> tuple[str, ...]:
    """Return the tag of a run that is made under a profile; none as written."""
    return () if profile is None else (f"{PROFILE}:{profile}",)


def _own_parameters(spec: PipelineSpec) -> list[inspect.Parameter]:
    choices: Any = Literal[(AS_WRITTEN, *spec.profiles)]
    profile = [inspect.Parameter(PROFILE, inspect.Parameter.KEYWORD_ONLY, default=AS_WRITTEN, annotation=choices)] if spec.profiles else []
    return [
        *profile,
        inspect.Parameter(ONLY, inspect.Parameter.KEYWORD_ONLY, default="", annotation=str),
        inspect.Parameter(FRESH, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=bool),
    ]


def identifier(name: str) -> str:
    """Return the name of a pipeline as Python spells it: the last part of a dotted entry point."""
    return name.replace("-", "_")


def run_name(spec: PipelineSpec) -> str:
    """Return ``SIMULATED · coast-teaser · Porto · noir``: what a person looks for in a list of runs."""
    from prefect.runtime import flow_run

    due = in_zone(flow_run.scheduled_start_time or datetime.now(UTC), spec.timezone)
    return named(spec.name, tuple(spec.params), render_params(spec, flow_run.parameters or {}, run_names(due, "")))


def named(pipeline: str, params: tuple[str, ...], values: Mapping[str, Any]) -> str:
    """Return the same for the values of a run's params."""
    from animatic.flows.run import is_simulated

    own = (spelled(name, values[name]) for name in params if name in values and name not in OWN)
    profile = profile_asked(values)
    under = [spelled(PROFILE, profile)] if profile else []
    asked = [f"only {str(values[ONLY])[:RUN_NAME_PART]}"] if values.get(ONLY) else []
    mark = ["SIMULATED"] if is_simulated() else []
    return " · ".join([*mark, pipeline, *under, *own, *asked, *([FRESH] if values.get(FRESH) else [])])


def spelled(name: str, value: Any) -> str:
    """Return a value as the name of a run shows it: text speaks for itself, figures say what they are."""
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)[:RUN_NAME_PART]
    return (
        str(value) if isinstance(value, str) and name != PROFILE else f"{name} {value if isinstance(value, str) else str(value).lower()}"
    )[:RUN_NAME_PART]


def _parameter(param: ParamSpec) -> inspect.Parameter:
    default = inspect.Parameter.empty if param.required else param.default
    return inspect.Parameter(param.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=_annotation(param))


def _annotation(param: ParamSpec) -> Any:
    if param.type == "list":
        item: Any = Literal[param.enum] if param.enum else python_type(param.items)
        return list[item]
    if param.enum:
        return Literal[param.enum]
    kind = python_type(param.type)
    if param.minimum is not None or param.maximum is not None:
        return Annotated[kind, Field(ge=param.minimum, le=param.maximum)]
    return kind


def _described(param: ParamSpec) -> str:
    """Return what a form says of a param: its limits, too, which it would only tell after somebody has gone beyond them."""
    match param.minimum, param.maximum:
        case None, None:
            limits = ""
        case low, None:
            limits = f"({low:g} or more)"
        case None, high:
            limits = f"({high:g} or less)"
        case low, high:
            limits = f"({low:g} to {high:g})"
    return " ".join(part for part in (param.description, limits) if part)


def _docstring(spec: PipelineSpec) -> str:
    """Describe the params as Prefect reads them: the ``Args`` section of a Google docstring becomes the form's help."""
    described = {param.name: text for param in spec.params.values() if (text := _described(param))}
    if spec.profiles:
        described[PROFILE] = f"Whose values win over defaults and shots, as the file declares it. {AS_WRITTEN.capitalize()}: no profile"
    described[ONLY] = "Make these shots alone: an id, `+id` with what it starts from, `id+` with what follows from it. Empty: all of them"
    described[FRESH] = "Make new takes of every shot, even of those that are unchanged (and pay for them)"
    arguments = [f"    {name}: {' '.join(text.split())}" for name, text in described.items()]
    return "\n".join([deployed(spec).description or spec.name, "", "Args:", *arguments])
