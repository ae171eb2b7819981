"""Load a file of values by name, YAML or JSON, with the place of each: what ``--params-file`` names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from animatic.errors import DeclarationError, Place, Problem
from animatic.source.build import build
from animatic.source.document import Document, Positions
from animatic.source.parser import compose
from animatic.source.reading import Source, from_bytes
from animatic.source.recover import parse

_EXAMPLE = "write one name and its value a line, as in 'city: Lisbon'"


def load_values(path: Path, *, what: str = "a file of params", always_json: bool = False) -> Document:
    """Load a mapping of names to values: JSON where the file is called so, else YAML; ``what`` it is called in messages.

    Raises DeclarationError for what is none, with every mistake at its place.
    """
    name = str(path)
    try:
        source = from_bytes(path.read_bytes(), name)
    except OSError as error:
        raise _refusal(name, f"this file cannot be read: {error.strerror or 'not a usable path'}", hint="check the path") from None
    except ValueError:
        raise _refusal(name, "this file cannot be read: not a usable path", hint="check the path") from None
    data, root, problems = _json(source) if always_json or path.suffix.lower() == ".json" else _yaml(source)
    if not isinstance(data, dict):
        found = "a list" if isinstance(data, list) else "empty" if data is None else "a single value"
        hint = None if always_json else _EXAMPLE
        problems = (*problems, Problem(f"{what} is a mapping, and this one is {found}", _first(source), hint=hint, code="type"))
    if problems:
        raise DeclarationError(problems, texts={name: source.text})
    return Document(path=path, name=name, text=source.text, sha256=source.sha256, data=data, root=root)


def _yaml(source: Source) -> tuple[Any, yaml.Node | None, tuple[Problem, ...]]:
    parsed = parse(source)
    data, problems = (None, ()) if parsed.root is None else build(parsed.root, source, parsed.text)
    return data, parsed.root, (*source.problems, *parsed.problems, *problems)


def _json(source: Source) -> tuple[Any, yaml.Node | None, tuple[Problem, ...]]:
    """Read JSON. It is YAML, too, as far as places go; its tabs, which no text in it can hold, are blanks there."""
    try:
        data = json.loads(source.text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        place = Positions(source.text, source.name).place(error.pos)
        hint = "JSON has its names and texts in double quotes, and no comma behind the last value"
        return {}, None, (Problem(f"this is not JSON: {error.msg}", place, hint=hint, code="json"),)
    except (ValueError, RecursionError) as error:
        said = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        return {}, None, (Problem(f"this is not JSON: {said}", _first(source), hint=_EXAMPLE, code="json"),)
    text = source.parsable.replace("\t", " ")
    try:
        root = compose(text)
    except yaml.MarkedYAMLError:
        return data, None, ()
    problems = () if root is None else build(root, source, text)[1]
    return data, root, tuple(problem for problem in problems if problem.code == "duplicate-key")


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number in it")


def _first(source: Source) -> Place:
    return Place(source.name, 1, 1, max(1, len(source.text.partition("\n")[0])))


def _refusal(name: str, message: str, *, hint: str) -> DeclarationError:
    return DeclarationError((Problem(message, Place(name, 0, 0), hint=hint, code="unreadable-file"),))
