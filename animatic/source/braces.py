"""Explain what stopped the YAML parser inside braces and brackets: it notices long after the cause."""

from __future__ import annotations

import re
from collections.abc import Sequence

from animatic.errors import Place, Problem
from animatic.source.build import quoted
from animatic.source.lines import colon_in_text, swallowed_bracket

_MAX_LINES_BACK = 200
"""Lines before the one where the parser stops that are searched for the cause."""


def explain_braces(lines: Sequence[str], stopped: tuple[int, int], here: Place, opened: Place | None, *, node: bool) -> Problem:
    """Explain a fault in a flow collection.

    ``stopped`` are the 0-based line and column at which the parser stopped, ``here`` is that as a place. ``opened`` is where the open
    collection began. ``node``: the parser missed a value rather than a comma or a bracket.
    """
    return (
        _comment(lines, stopped[0], here.file)
        or _colon(lines, stopped, here.file)
        or _template(lines, stopped[0], opened)
        or _never_closed(lines, here, None if node else opened)
        or Problem("a value is missing here", here, hint="remove the comma that is too many, or close the bracket", code="brackets")
    )


def _comment(lines: Sequence[str], last: int, name: str) -> Problem | None:
    """Find the comment that took the end of a collection along."""
    for number in range(min(last, len(lines) - 1), max(-1, last - _MAX_LINES_BACK), -1):
        column = swallowed_bracket(lines[number])
        if column is not None:
            return Problem(
                "' #' starts a comment, and this one takes the closing bracket along",
                Place(name, number + 1, column + 1, len(lines[number].rstrip()) - column),
                hint="quote the text that it belongs to, or put the comment on a line of its own",
                code="comment",
            )
    return None


def _colon(lines: Sequence[str], stopped: tuple[int, int], name: str) -> Problem | None:
    """Find the text that holds a colon and a space: YAML takes it for one more key."""
    line, column = stopped
    found = colon_in_text(lines[line], column) if line < len(lines) else None
    if found is None:
        return None
    start, key, value = found
    hint = f"quote it: {key}: {quoted(value)}"
    return Problem(
        "this text holds a colon and a space, which makes a key of it",
        Place(name, line + 1, start + 1, len(value)),
        hint=hint,
        code="quotes",
    )


def _template(lines: Sequence[str], last: int, opened: Place | None) -> Problem | None:
    number = opened.line - 1 if opened else last
    template = re.search(r"(?<!['\"])\{\{", lines[number]) if number < len(lines) else None
    if not template or not opened:
        return None
    return Problem(
        "YAML reads an unquoted '{{' as the start of a mapping, not as a template",
        Place(opened.file, opened.line, template.start() + 1, 2),
        hint='put quotes around the value that holds the template: "{{ ... }}"',
        code="unquoted-template",
    )


def _never_closed(lines: Sequence[str], here: Place, opened: Place | None) -> Problem | None:
    if opened is None:
        return None
    text = lines[opened.line - 1] if opened.line <= len(lines) else ""
    bracket = text[opened.column - 1 : opened.column]
    closing = {"{": "}", "[": "]"}.get(bracket, "bracket")
    return Problem(
        f"the '{bracket}' that opens here is not closed",
        opened,
        hint=f"add ',' between its items and '{closing}' at its end; quote values that hold brackets or ': '",
        code="brackets",
        related=((here, "the parser gave up here"),),
    )
