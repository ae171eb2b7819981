"""``validate``: every mistake of a declaration, or how much it declares. Loads nothing that only running needs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from animatic.cli.options import file_option, json_option
from animatic.errors import DeclarationError, Problem
from animatic.source import Document

DECLARATION = 2


@click.command()
@click.argument("pipeline", required=False)
@file_option
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "github"]), default="text", help="github: annotations for a pull request."
)
@json_option
def validate(pipeline: str | None, files: tuple[Path, ...], form: str, as_json: bool) -> int:
    """Report every mistake of the declaration, or of one PIPELINE; nothing is sent, written or paid."""
    from animatic.catalog import Catalog
    from animatic.plan.check import examine
    from animatic.settings import default_home, pipelines_file
    from animatic.spec import load_declaration

    form = "json" if as_json else form
    chosen = files or (pipelines_file(),)
    try:
        declaration = load_declaration(chosen)
        found = examine(declaration, Catalog.load(default_home()), pipeline=pipeline)
    except DeclarationError as error:  # nothing could be read: there is nothing to count
        _tell(form, error.problems, (), error.texts, None)
        return DECLARATION
    counts = {"pipelines": found.pipelines, "shots": found.shots, "steps": found.steps, "edges": found.edges}
    _tell(form, found.problems, declaration.documents, {}, counts)
    return DECLARATION if any(problem.severity == "error" for problem in found.problems) else 0


def _tell(
    form: str, problems: Sequence[Problem], documents: Sequence[Document], texts: Mapping[str, str], counts: Mapping[str, int] | None
) -> None:
    """Print the result: diagnostics on standard error, what was asked for on standard output."""
    from animatic.source import problems_github, problems_json, render_problems

    errors = sum(problem.severity == "error" for problem in problems)
    if form == "json":
        print(json.dumps({"valid": not errors, "problems": problems_json(problems), **(counts or {})}, indent=2, ensure_ascii=False))
        return
    if form == "github" and problems:
        print(problems_github(problems))
    elif problems:
        from animatic.cli.problems import color_wanted

        print(render_problems(problems, documents, texts=texts, color=color_wanted()), file=sys.stderr)
    warnings = len(problems) - errors
    said = [_count(errors, "error")] if errors else []
    said += [_count(warnings, "warning")] if warnings else []
    if errors or counts is None:
        print(", ".join(said), file=sys.stderr)
    else:
        print(f"{_size(counts)}: {', '.join(['no errors', *said])}")


def _size(counts: Mapping[str, int]) -> str:
    parts = [_count(counts["pipelines"], "pipeline"), _count(counts["shots"], "shot"), _count(counts["edges"], "edge")]
    if counts["steps"] != counts["shots"]:
        parts.append(f"{counts['steps']} shots with all variants")
    return ", ".join(parts)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
