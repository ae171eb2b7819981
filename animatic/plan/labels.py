"""Renders the texts of a pipeline that say what it is, not what is made: title, description and tags, and what a run of it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from animatic.errors import KeyPath
from animatic.plan.params import render_params, sample_values, seen_by_all
from animatic.plan.problems import ProblemCollector
from animatic.plan.scopes import TemplateError
from animatic.plan.templates import TemplateContext
from animatic.spec.model import PipelineSpec
from animatic.spec.section import is_template

_ANY_RUN = {"date": "(date)", "time": "(time)", "id": "(run)"}
"""What stands in a deployment, which is of no run, for what differs from run to run."""
_Missed = Callable[[TemplateError, KeyPath], None]


class Labels(NamedTuple):
    """What a pipeline says of itself."""

    title: str
    """In one line; empty where it has none."""
    description: str
    tags: tuple[str, ...]


def described(spec: PipelineSpec, params: Mapping[str, Any], run: Mapping[str, Any], problems: ProblemCollector) -> Labels:
    """Return title, description and tags of one run. Mistakes are reported."""

    def missed(mistake: TemplateError, path: KeyPath) -> None:
        problems.for_pipeline().add(
            f"{path[-1] if isinstance(path[-1], str) else 'tag'}: {mistake.message}", path, code="template", hint=mistake.hint
        )

    return _rendered(spec, TemplateContext(names=seen_by_all(spec, params, run)), missed)


def deployed(spec: PipelineSpec) -> Labels:
    """Return title, description and tags of a pipeline's deployment: with the defaults of its params."""
    params = render_params(spec, sample_values(spec), _ANY_RUN)
    return _rendered(spec, TemplateContext(names=seen_by_all(spec, params, _ANY_RUN)), lambda _mistake, _path: None)


def _rendered(spec: PipelineSpec, context: TemplateContext, missed: _Missed) -> Labels:
    def text(written: str, path: KeyPath) -> str:
        if not is_template(written):
            return written
        try:
            value = context.render(written).value
        except TemplateError as mistake:
            missed(mistake, path)
            return written
        return "" if value is None else str(value)

    tags = (text(tag, (*spec.path, "tags", index)).strip() for index, tag in enumerate(spec.tags))
    return Labels(
        title=" ".join(text(spec.title, (*spec.path, "title")).split()),
        description=text(spec.description, (*spec.path, "description")),
        tags=tuple(dict.fromkeys(tag for tag in tags if tag)),
    )


def pipeline_text(pipeline: str, params: Mapping[str, Any], profile: str | None) -> str:
    """Return ``teaser (city=Porto, loud=true), profile draft``."""
    values = params_text(params)
    return f"{pipeline}{f' ({values})' if values else ''}{f', profile {profile}' if profile else ''}"


def params_text(params: Mapping[str, Any]) -> str:
    """Return ``city=Porto, loud=true``."""
    return ", ".join(f"{name}={_param(value)}" for name, value in params.items())


def _param(value: Any) -> str:
    """Return a value as ``--param`` takes it."""
    if isinstance(value, list):
        return ",".join(_param(item) for item in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
