"""Finds where a pipeline delivers to: as the file says, with its params, or as a command line says instead."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from animatic.destination import S3, BadDestinationError, absolute, parse_destination
from animatic.errors import KeyPath, UsageError
from animatic.plan.params import SAMPLE_RUN, choices, render_params, sample_values, seen_by_all
from animatic.plan.problems import ProblemCollector
from animatic.plan.scopes import TemplateError
from animatic.plan.templates import TemplateContext, mentions
from animatic.spec.model import PipelineSpec
from animatic.spec.section import is_template
from animatic.spec.values import templates_of

DEFAULT_DESTINATION = "./out"


def destination_of(spec: PipelineSpec, override: str | None = None, params: Mapping[str, Any] | None = None) -> str:
    """Return where a pipeline delivers to: ``s3://bucket/prefix`` or an absolute folder.

    Without ``override`` it is the declaration's ``deliver`` (``./out`` where it has none), relative to the pipelines file and with
    ``params`` (defaults for those that are not given). Raises UsageError for what names no destination.
    """
    written = override or spec.deliver or DEFAULT_DESTINATION
    if override is None and is_template(written):
        values = {name: value for name, value in sample_values(spec).items() if not spec.params[name].required}
        written = _rendered(spec, written, render_params(spec, {**values, **(params or {})}, SAMPLE_RUN))
    try:
        parse_destination(written)
    except BadDestinationError as mistake:
        raise UsageError(f"cannot deliver to {written!r}: {mistake.message}", hint=mistake.hint) from None
    return absolute(written, below=Path.cwd() if override else Path(spec.document.path).absolute().parent)


def destinations_of(spec: PipelineSpec, override: str | None = None) -> tuple[str, ...]:
    """Return every destination of a pipeline that the file tells: one, or one for each choice of the params that ``deliver`` reads.

    Raises UsageError where it depends on a param that may be anything.
    """
    if override is not None or spec.deliver is None or not is_template(spec.deliver):
        return (destination_of(spec, override),)
    found = tuple(dict.fromkeys(destination_of(spec, None, values) for values in choices(spec, spec.deliver)))
    if not found:
        raise UsageError(
            f"where {spec.name!r} delivers to depends on its params: {spec.deliver}", hint="name the destination: --deliver PLACE"
        )
    return found


def check_deliver(spec: PipelineSpec, params: Mapping[str, Any], samples: frozenset[str], problems: ProblemCollector) -> None:
    """Report a ``deliver`` whose template is wrong, or that comes out as no destination."""
    if spec.deliver is None or not is_template(spec.deliver):
        return
    path = _place(spec)
    for name in mentions(spec.deliver, "params", frozenset(spec.params)):
        if templates_of(spec, name):
            message = f"deliver reads param {name!r}, whose value is a template and differs from run to run"
            problems.for_pipeline().add(message, path, code="deliver", hint="takes are found again only where they lie: use another param")
    try:
        rendered = TemplateContext(names=seen_by_all(spec, params, {}), sample_params=samples).render(spec.deliver)
    except TemplateError as mistake:
        problems.for_pipeline().add(f"deliver: {mistake.message}", path, code="template", hint=mistake.hint)
        return
    try:
        _check_steps(spec.deliver, str(rendered.value))
        if rendered.known:
            parse_destination(str(rendered.value))
    except BadDestinationError as mistake:
        message = f"deliver comes out as {str(rendered.value).partition('?')[0]!r}: {mistake.message}"
        problems.for_pipeline().add(message, path, code="deliver", hint=mistake.hint)


def _place(spec: PipelineSpec) -> KeyPath:
    """Return where the text of the destination is written: the pipeline's or the file's, in a mapping behind ``to``."""
    own = spec.document.data["pipelines"][spec.name]
    path: KeyPath = (*spec.path, "deliver") if "deliver" in own else ("deliver",)
    written = own.get("deliver", spec.document.data.get("deliver"))
    return (*path, "to") if isinstance(written, dict) else path


def _rendered(spec: PipelineSpec, written: str, params: Mapping[str, Any]) -> str:
    try:
        text = str(TemplateContext(names=seen_by_all(spec, params, {})).render(written).value)
        _check_steps(written, text)
    except TemplateError as mistake:
        raise UsageError(
            f"where {spec.name!r} delivers to is not known: {mistake.message}", hint="name the destination: --deliver PLACE"
        ) from None
    except BadDestinationError as mistake:
        raise UsageError(f"cannot deliver to {text!r}: {mistake.message}", hint=mistake.hint) from None
    return text


def _check_steps(written: str, text: str) -> None:
    """Refuse a param that leads out of where the file delivers to, or adds options: forms take what anybody types.

    Raises BadDestinationError.
    """
    use = "use letters, digits, '-', '_' and '.' in params"
    if ".." in text.split("/") and ".." not in written.split("/"):
        raise BadDestinationError("a param leads out of the destination with '..'", use)
    if text.startswith(S3) and parse_qsl(text.partition("?")[2]) != parse_qsl(written.partition("?")[2]):
        raise BadDestinationError("a param holds '?', behind which options stand", use)
