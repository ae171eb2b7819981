"""Makes a pipeline a Prefect flow: its name, its description, and its params as typed flow parameters that the UI renders as a form."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

from prefect import Flow, flow
from prefect.client.schemas.objects import State
from pydantic import Field

from animatic.spec import ParamSpec, PipelineSpec
from animatic.spec.params import python_type

FRESH = "fresh"
"""The one flow parameter that is not the pipeline's: schedules with ``fresh: true`` set it, and people in the form."""
TAG = "animatic"
"""Every deployment and run of ours carries it."""
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
    fresh = inspect.Parameter(FRESH, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=bool)
    run.__signature__ = inspect.Signature([*(_parameter(param) for param in spec.params.values()), fresh])  # type: ignore[attr-defined]
    run.__annotations__ = {**{param.name: _annotation(param) for param in spec.params.values()}, FRESH: bool}
    return flow(
        name=spec.name,
        description=spec.description or None,
        flow_run_name=lambda: run_name(spec),
        persist_result=False,
        log_prints=False,
    )(run)


def identifier(name: str) -> str:
    """Return the name of a pipeline as Python spells it: the last part of a dotted entry point."""
    return name.replace("-", "_")


def run_name(spec: PipelineSpec) -> str:
    """Return ``coast-teaser · Porto · noir``: what a person looks for in a list of runs."""
    from prefect.runtime import flow_run

    values = flow_run.parameters or {}
    own = (str(values[name])[:RUN_NAME_PART] for name in spec.params if name in values)
    return " · ".join([spec.name, *own, *([FRESH] if values.get(FRESH) else [])])


def _parameter(param: ParamSpec) -> inspect.Parameter:
    default = inspect.Parameter.empty if param.required else param.default
    return inspect.Parameter(param.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=_annotation(param))


def _annotation(param: ParamSpec) -> Any:
    if param.enum:
        return Literal[param.enum]
    kind = python_type(param.type)
    if param.minimum is not None or param.maximum is not None:
        return Annotated[kind, Field(ge=param.minimum, le=param.maximum)]
    return kind


def _docstring(spec: PipelineSpec) -> str:
    """Describe the params as Prefect reads them: the ``Args`` section of a Google docstring becomes the form's help."""
    described = {param.name: param.description for param in spec.params.values() if param.description}
    described[FRESH] = "Make new takes of every shot, even of those that are unchanged (and pay for them)"
    arguments = [f"    {name}: {' '.join(text.split())}" for name, text in described.items()]
    return "\n".join([spec.description or spec.name, "", "Args:", *arguments])
