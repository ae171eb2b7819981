"""Checks the values that a file gives for the params of a pipeline (``--params-file``): typed as they stand, each with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from animatic.errors import DeclarationError, Problem
from animatic.source.values_file import load_values
from animatic.spec.model import PipelineSpec
from animatic.spec.section import Section
from animatic.spec.values import NotThatTypeError, check_value
from animatic.suggest import did_you_mean


def read_params_file(path: Path, spec: PipelineSpec) -> dict[str, Any]:
    """Return the values of a file for a pipeline's params. Raises DeclarationError with every one that it does not take."""
    document = load_values(path)
    problems: list[Problem] = []
    section = Section(document, document.data, (), "", problems)
    values: dict[str, Any] = {}
    for name, value in section.values.items():
        param = spec.params.get(name)
        if param is None:
            hint = did_you_mean(name, spec.params) if spec.params else "this pipeline has no params"
            section.note(f"pipeline '{spec.name}' has no param '{name}'", name, key=True, hint=hint, code="unknown-param")
            continue
        try:
            values[name] = check_value(param, value)
        except NotThatTypeError as error:
            related = ((spec.document.place(param.path, key=True), f"'{name}' is declared here"),)
            hint_ = section.quoting(value, name) if error.unquoted else error.hint
            section.note(f"param '{name}' {error}", name, hint=hint_, code="param", related=related)
    if problems:
        raise DeclarationError(tuple(problems), texts={document.name: document.text, spec.document.name: spec.document.text})
    return values
