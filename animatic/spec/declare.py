"""Decode one or several pipelines files into one Declaration.

The decoder is written by hand rather than in pydantic: its messages are ours, it goes on behind every mistake, it knows the place of each
one, and 10,000 shots pass in a fraction of the time that parsing their YAML takes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from animatic.errors import Place, Problem, UsageError
from animatic.source import Document, load_all
from animatic.spec.cast import unused_members
from animatic.spec.keys import BUDGET, FILE, RESERVED_PIPELINES
from animatic.spec.members import decode_cast
from animatic.spec.model import Declaration, PipelineSpec
from animatic.spec.pipeline import decode_defaults, decode_deliver, decode_pipeline
from animatic.spec.profiles import decode_profiles
from animatic.spec.schedules import check_timezone
from animatic.spec.section import Section, describe
from animatic.spec.shots import check_name, check_prompts
from animatic.suggest import snake

VERSION = 1
"""Of the language."""
ENDINGS = {".yaml", ".yml"}
"""Of the files that a folder stands for."""


def load_declaration(paths: Iterable[Path]) -> Declaration:
    """Read one or several pipelines files as one declaration.

    Raises DeclarationError for files that cannot be read as data, UsageError for a folder without YAML files; every other mistake is in the
    declaration's problems.
    """
    return declare(load_all(_each_once(file for path in paths for file in _files(path))))


def _each_once(files: Iterable[Path]) -> Iterator[Path]:
    """Yield each file once, by the first of its names."""
    seen: set[str] = set()
    for file in files:
        name = os.path.realpath(file)
        if name not in seen:
            seen.add(name)
            yield file


def declare(documents: Sequence[Document]) -> Declaration:
    """Decode files. All structural mistakes, those of the text included, are in ``problems``; pipelines are there as far as they go."""
    problems: list[Problem] = []
    pipelines: dict[str, PipelineSpec] = {}
    by_python_name: dict[str, PipelineSpec] = {}
    for document in documents:
        problems += document.problems
        for spec in _file(Section(document, document.data, (), "", problems)):
            other = by_python_name.setdefault(_python_name(spec.name), spec)
            if other is not spec:
                problems.append(_clash(spec, other))
            pipelines.setdefault(spec.name, spec)
        problems += check_prompts(document)
    return Declaration(documents=tuple(documents), pipelines=pipelines, problems=tuple(problems))


def _file(section: Section) -> list[PipelineSpec]:
    section.check_keys(FILE)
    _version(section)
    shared: dict[str, Any] = {
        "cast": decode_cast(section),
        "deliver": decode_deliver(section),
        "defaults": decode_defaults(section),
        "profiles": decode_profiles(section),
        "timezone": check_timezone(section),
        **_budget(section),
    }
    written = section.values.get("pipelines")
    if not isinstance(written, dict) or not written:
        _no_pipelines(section, written)
        return []
    below = section.below("pipelines", written, "")
    found: list[PipelineSpec] = []
    for name, values in written.items():
        if check_name(below, name, "the name of a pipeline", name, key=True) and name.lower() in RESERVED_PIPELINES:
            below.note(
                f"a pipeline cannot be called '{name}'",
                name,
                key=True,
                hint="that folder of the destination holds simulated runs",
                code="name",
            )
        if not isinstance(values, dict):
            hint = "give it 'shots:' on a line below, indented"
            if isinstance(values, list) and name == "shots":
                hint = "a pipeline has a name: write one below 'pipelines:', and 'shots:' below the name, each further indented"
            below.note(
                f"pipeline '{name}' must be a mapping, and it is {describe(values)}",
                name,
                key=values is None,
                hint=hint,
                code="type",
            )
            continue
        found.append(decode_pipeline(below.below(name, values, f"pipeline '{name}'"), name, shared))
    section.problems += unused_members(section.document, shared["cast"], found)
    return found


def _version(section: Section) -> None:
    hint = f"write 'version: {VERSION}'"
    if "version" not in section.values:
        section.problems.append(
            Problem("the version is missing", _first_line(section.document), hint=f"add 'version: {VERSION}' at the top", code="version")
        )
        return
    version = section.values["version"]
    if isinstance(version, bool) or version != VERSION or not isinstance(version, int):
        newer = isinstance(version, (int, float)) and version > VERSION
        what = f"version {version} is newer than this animatic" if newer else f"version must be {VERSION}, and it is {describe(version)}"
        section.note(what, "version", hint=f"upgrade animatic, or {hint}" if newer else hint, code="version")


def _first_line(document: Document) -> Place:
    """Return the first line that says something."""
    for number, line in enumerate(document.lines, start=1):
        text = line.strip()
        if text and not text.startswith(("#", "---", "%")):
            return Place(document.name, number, len(line) - len(line.lstrip()) + 1, len(text))
    return Place(document.name, 1, 1)


def _budget(section: Section) -> Mapping[str, Any]:
    values = section.mapping("budget", hint="write 'budget: {per_day_usd: 50, per_month_usd: 500}'")
    budget = section.below("budget", values or {}, "budget")
    budget.check_keys(BUDGET)
    return {key: budget.money(key) for key in BUDGET.known}


def _no_pipelines(section: Section, written: Any) -> None:
    example = "write 'pipelines:', and below it, indented, a name with its shots"
    if "pipelines" not in section.values:
        if not any(snake(key) in {"pipeline", "storyboards"} for key in section.values):
            section.problems.append(Problem("there are no pipelines", _first_line(section.document), hint=example, code="empty"))
    elif written:
        section.wrong("pipelines", "a mapping of names to pipelines", hint=example)
    else:
        section.note("there are no pipelines", "pipelines", key=True, hint=example, code="empty")


def _clash(spec: PipelineSpec, other: PipelineSpec) -> Problem:
    """Explain why a pipeline cannot be there beside another one: both would meet in a Python name or a folder."""
    if other.name == spec.name:
        message, hint = f"pipeline '{spec.name}' is declared in two files", "rename one of the two"
    elif other.name.lower() == spec.name.lower():
        message, hint = f"the pipelines '{other.name}' and '{spec.name}' differ only in case", "they would share a folder: rename one"
    else:
        flow = spec.name.replace("-", "_")
        message, hint = f"the pipelines '{other.name}' and '{spec.name}' would both be the flow {flow}", "rename one of the two"
    related = ((other.document.place(other.path, key=True), f"'{other.name}' is here"),)
    return Problem(message, spec.document.place(spec.path, key=True), hint=hint, code="duplicate-pipeline", related=related)


def _python_name(name: str) -> str:
    return name.replace("-", "_").lower()


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    # A link that leads nowhere is a file that is missing: without a word its pipelines, and their deployments, would be gone.
    found = sorted(
        file for file in path.iterdir() if file.suffix in ENDINGS and (file.is_file() or (file.is_symlink() and not file.is_dir()))
    )
    if not found:
        raise UsageError(f"there is no pipelines file in {path}", hint="a folder stands for all the .yaml files in it")
    return found
