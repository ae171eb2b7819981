"""Renders the templates among the values of params: defaults, and the params of schedules, for the moment at which a run was due."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from animatic.errors import KeyPath
from animatic.plan.problems import ProblemCollector
from animatic.plan.scopes import Names, TemplateError, Unseen, scopes
from animatic.plan.templates import TemplateContext, mentions
from animatic.spec.model import ParamSpec, PipelineSpec
from animatic.spec.section import is_template
from animatic.spec.values import shielded, templates_of

SAMPLE_RUN = {"date": "2026-01-31", "time": "06:00", "id": "20260131T060000Z-000000"}
"""What stands for ``run`` where no run is planned."""


def seen_by_all(spec: PipelineSpec, params: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, Names]:
    """Return what templates of a pipeline as a whole see (title, tags, destination, values of params): no variant, and no cast."""
    unseen = [label for label, declared in (("matrix", spec.matrix is not None), ("cast", bool(spec.cast))) if declared]
    why, hint = "this text is the same for all variants and shots", "params and run are seen: write params.NAME"
    return {**scopes(params=params, run=run), **{label: Unseen(label, why, hint) for label in unseen}}


def in_zone(moment: datetime, timezone: str | None) -> datetime:
    """Return a moment in a time zone; None: this machine's."""
    return moment.astimezone(ZoneInfo(timezone) if timezone else None)


def run_names(due: datetime, run_id: str) -> dict[str, str]:
    """Return what templates see as ``run``. ``due`` is when the run was to start, in the time zone that its days are counted in."""
    return {"date": due.date().isoformat(), "time": f"{due:%H:%M}", "id": run_id}


def render_params(
    spec: PipelineSpec, given: Mapping[str, Any], run: Mapping[str, Any], problems: ProblemCollector | None = None
) -> dict[str, Any]:
    """Return the values with the file's own templates rendered; they see ``run``, and the params that stand before them or are plain.

    What a person gave stays as it is, whatever it looks like. Mistakes are reported; without ``problems`` such a text stays.
    """
    due = {
        name
        for name, value in given.items()
        if isinstance(value, str) and is_template(value) and name in spec.params and value in templates_of(spec, name)
    }
    values = {name: value for name, value in given.items() if name not in due}
    for name in given:
        if name not in due:
            continue
        try:
            values[name] = str(TemplateContext(names=seen_by_all(spec, values, run)).render(given[name]).value)
        except TemplateError as mistake:
            if problems is not None:
                ours = problems.for_pipeline()
                unread = [other for other in mentions(given[name], "params", frozenset(spec.params)) if other not in values]
                hint = _too_early(name, unread) if unread else mistake.hint
                ours.add(f"param {name!r}: {mistake.message}", _place(spec, name, given[name]), code="template", hint=hint)
            values[name] = given[name]
    return {name: values[name] for name in given}


def _too_early(name: str, unread: list[str]) -> str:
    """Return the hint for a default that names itself, or params whose own templates stand below it."""
    if name in unread:
        return "a param cannot be made of itself"
    return (
        f"templates of params see those above them, and those that are no templates: move {name!r} below {' and '.join(map(repr, unread))}"
    )


def sample_values(spec: PipelineSpec) -> dict[str, Any]:
    """Return a value for every param: its default, or a stand-in that is allowed."""
    return {name: _sample(param) for name, param in spec.params.items()}


def choices(spec: PipelineSpec, text: str) -> Iterator[dict[str, Any]]:
    """Yield the values of params that a template may meet, as far as the file tells: defaults, with each choice of those it reads.

    Nothing where it reads a param that has neither a default nor choices.
    """
    read = [spec.params[name] for name in mentions(text, "params", frozenset(spec.params))]
    if any(param.required and not param.enum for param in read):
        return
    base = render_params(spec, sample_values(spec), SAMPLE_RUN)
    found = [base]
    for param in read:
        options = param.enum if param.enum and param.type != "list" else (True, False) if param.type == "boolean" else (base[param.name],)
        found = [{**values, param.name: option} for values in found for option in options]
    yield from found


def _sample(param: ParamSpec) -> Any:
    if not param.required:
        return param.default
    if param.enum:
        return [param.enum[0]] if param.type == "list" else param.enum[0]
    bound = next((bound for bound in (param.minimum, param.maximum) if bound is not None), 1)
    match param.type:
        case "string":
            return param.name
        case "boolean":
            return False
        case "integer":
            return int(bound)
        case "number":
            return bound
        case "list":
            return [param.name]


def _place(spec: PipelineSpec, name: str, text: str) -> KeyPath:
    """Return where the file holds a template for a param."""
    for schedule in spec.schedules:
        written = schedule.params.get(name)
        if isinstance(written, str) and text in {written, shielded(written)}:
            return (*schedule.path, "params", name)
    return (*spec.params[name].path, "default")
