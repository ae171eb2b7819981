"""``validate``: reports every mistake of a declaration, or how much it declares. Loads nothing that only planning or running needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from animatic.cli.failures import as_object
from animatic.cli.options import file_option, json_option
from animatic.cli.output import count, print_json, say, show_problems
from animatic.errors import DeclarationError, Problem, UsageError
from animatic.source import Document

if TYPE_CHECKING:
    from animatic.spec import Declaration


@click.command()
@click.argument("pipeline", required=False)
@file_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    help="Print text, JSON, or GitHub annotations for a pull request.",
)
@json_option
def validate(pipeline: str | None, files: tuple[Path, ...], form: str, as_json: bool) -> int:
    """Report every mistake in the pipelines file, with its line.

    Checks all pipelines, or one PIPELINE. Nothing is sent, written or paid.
    """
    from animatic.catalog import Catalog
    from animatic.plan.check import examine
    from animatic.settings import default_home, pipelines_file
    from animatic.spec import load_declaration

    form = "json" if as_json else form
    try:
        declaration = load_declaration(files or (pipelines_file(),))
        found = examine(declaration, Catalog.load(default_home()), pipeline=pipeline)
    except DeclarationError as error:  # nothing could be read: there is nothing to count
        _report(form, error.problems, (), error.texts, None)
        return error.exit_code
    counts = {"pipelines": found.pipelines, "shots": found.shots, "steps": found.steps, "edges": found.edges, "cast": found.members}
    problems = (*found.problems, *_unsigned(declaration, pipeline))
    _report(form, problems, declaration.documents, {}, counts)
    return DeclarationError.exit_code if any(problem.severity == "error" for problem in problems) else 0


def _unsigned(declaration: Declaration, pipeline: str | None) -> list[Problem]:
    """Return a warning for each pipeline that signs and could not on this machine: the file is right, and another machine may."""
    signing = [spec for name, spec in declaration.pipelines.items() if spec.provenance.c2pa == "sign" and pipeline in {None, name}]
    if not signing:
        return []
    from animatic.engine.signing import signing_problem
    from animatic.settings import Settings

    try:
        settings = Settings.from_environment()
    except UsageError:  # what is wrong with it is said by the verbs that need it
        return []
    found = (signing_problem(spec, settings) for spec in signing)
    return [replace(problem, severity="warning") for problem in found if problem is not None]


def _report(
    form: str, problems: Sequence[Problem], documents: Sequence[Document], texts: Mapping[str, str], counts: Mapping[str, int] | None
) -> None:
    """Print the result: diagnostics on standard error, what was asked for on standard output."""
    from animatic.source import problems_github, problems_json

    errors = sum(problem.severity == "error" for problem in problems)
    if form == "json":
        failure = {"error": as_object(DeclarationError(tuple(problems)))} if errors else {}
        print_json({"valid": not errors, "problems": problems_json(problems), **(counts or {}), **failure})
        return
    if form == "github" and problems:
        print(problems_github(problems))
    elif problems:
        show_problems(problems, documents, texts=texts)
    warnings = len(problems) - errors
    found = [count(errors, "error")] if errors else []
    found += [count(warnings, "warning")] if warnings else []
    if errors or counts is None:
        say(", ".join(found))
    else:
        print(f"{_size(counts)}: {', '.join(['no errors', *found])}")


def _size(counts: Mapping[str, int]) -> str:
    parts = [count(counts["pipelines"], "pipeline"), count(counts["shots"], "shot"), count(counts["edges"], "edge")]
    if counts["cast"]:
        parts.append(f"{count(counts['cast'], 'member')} of the cast")
    if counts["steps"] != counts["shots"]:
        parts.append(f"{counts['steps']} shots with all variants")
    return ", ".join(parts)
