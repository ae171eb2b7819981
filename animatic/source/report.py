"""Problems as programs read them: JSON, and the workflow commands that GitHub turns into annotations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from animatic.errors import Place, Problem
from animatic.source.render import in_order


def problems_json(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """Return problems as JSON objects; ``end_column`` is the column behind the last character. Whole-file problems have null lines."""
    return [
        {
            "code": problem.code,
            "severity": problem.severity,
            "message": problem.message,
            "hint": problem.hint,
            **_place(problem.place),
            "related": [{"message": note, **_place(place)} for place, note in problem.related],
        }
        for problem in in_order(problems)
    ]


def problems_github(problems: Iterable[Problem]) -> str:
    """Return one ``::error`` or ``::warning`` line per problem."""
    return "\n".join(_command(problem) for problem in in_order(problems))


def _place(place: Place | None) -> dict[str, Any]:
    if place is None:
        return {"file": None, "line": None, "column": None, "end_column": None}
    if not place.line:
        return {"file": place.file, "line": None, "column": None, "end_column": None}
    return {"file": place.file, "line": place.line, "column": place.column, "end_column": place.column + place.length}


def _command(problem: Problem) -> str:
    values = {"title": f"animatic: {problem.code}"}
    if problem.place is not None:
        values["file"] = problem.place.file
        if problem.place.line:
            values |= {"line": str(problem.place.line), "col": str(problem.place.column)}
            values["endColumn"] = str(problem.place.column + problem.place.length)
    properties = ",".join(f"{name}={_escaped(text, ':,')}" for name, text in values.items())
    body = problem.message if problem.hint is None else f"{problem.message}\n{problem.hint}"
    return f"::{problem.severity} {properties}::{_escaped(body, '')}"


def _escaped(text: str, more: str) -> str:
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text
