"""Explain what stopped the YAML parser to people who write storyboards rather than grammars."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import yaml

from animatic.errors import Place, Problem
from animatic.source.braces import explain_braces
from animatic.source.lines import Line, equals_sign, missing_space, take_apart
from animatic.source.parser import MAX_DEPTH, TooDeepError

_RESERVED = "@`%]},"
_ANCHORS = {"*": "an alias to an anchor", "&": "an anchor", "!": "a tag"}
_ESCAPE = re.compile("escape|hexa?decimal")
_COLLECTIONS = {"{": "a mapping", "[": "a list"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """An error of the parser: the 0-based line and column at which it stopped, and those at which the open construct began."""

    error: yaml.MarkedYAMLError
    line: int
    column: int
    opened: tuple[int, int] | None

    @classmethod
    def of(cls, error: yaml.MarkedYAMLError) -> Fault:
        """Read the marks of a parser's error."""
        mark = error.problem_mark or error.context_mark
        context = error.context_mark
        return cls(
            error=error,
            line=mark.line if mark else 0,
            column=mark.column if mark else 0,
            opened=(context.line, context.column) if context else None,
        )

    @property
    def at(self) -> tuple[int, int]:
        """Line and column at which the parser stopped."""
        return self.line, self.column

    @property
    def lines(self) -> list[int]:
        """The lines whose block may be at fault, likeliest first: what is opened and never closed ends far from its cause."""
        if self.opened is None:
            return [self.line]
        unclosed = "flow" in self.said or "quoted" in self.said
        return [self.opened[0], self.line] if unclosed else [self.line, self.opened[0]]

    @property
    def said(self) -> str:
        """The parser's own words, context included."""
        return f"{self.error.context or ''} {self.error.problem or ''}"


def explain_value(line: Line, repaired: str, name: str, fault: Fault) -> Problem:
    """Explain a value that parses once it is ``repaired`` by quotes."""
    if _ESCAPE.search(fault.said):
        return _explain_escape(Place(name, fault.line + 1, fault.column + 1))
    value, first = line.value, line.value[:1]
    place = Place(name, line.number + 1, line.value_column + 1, len(value))
    hint = f"write it with quotes: {line.with_value(repaired).strip()}"
    code = "quotes"
    if value.startswith("{{") and "}}" not in value:
        message, code = "the template that opens here is not closed with '}}', and has no quotes", "unquoted-template"
        hint = f'write {line.key or "it"}: "{{{{ ... }}}} ..."'
    elif value.startswith(("{{", "{%", "{#")):
        message, code = f"YAML reads an unquoted '{value[:2]}' as the start of a mapping, not as a template", "unquoted-template"
    elif first in _RESERVED:
        message = f"a value cannot start with {first!r} in YAML"
    elif first in _ANCHORS:
        message = f"a '{first}' at the start of a value is {_ANCHORS[first]} in YAML"
    elif first in _COLLECTIONS:
        message = f"a value that starts with '{first}' is {_COLLECTIONS[first]} in YAML, and text follows behind it"
    elif first in {'"', "'"}:
        message, hint = _explain_quotes(line, repaired)
    else:
        message = "this text holds a colon and a space, which starts a mapping in YAML"
    return Problem(message, place, hint=hint, code=code)


def explain(fault: Fault, lines: list[str], name: str) -> Problem:
    """Explain a fault that quotes do not mend."""
    said = fault.said
    last = max(0, len(lines) - 1)
    here = (
        Place(name, fault.line + 1, fault.column + 1) if fault.line < len(lines) else Place(name, last + 1, max(1, len(_at(lines, last))))
    )
    line = take_apart(fault.line, _at(lines, fault.line))
    opened = Place(name, fault.opened[0] + 1, fault.opened[1] + 1) if fault.opened else None
    return (
        _explain_document(fault, here)
        or _explain_anchor(said, here, opened)
        or _explain_scalar(said, here, opened)
        or _explain_collection(fault, lines, line, here, opened)
        or _explain_layout(fault, lines, line, name)
    )


def _explain_document(fault: Fault, here: Place) -> Problem | None:
    if isinstance(fault.error, TooDeepError):
        return Problem(f"this is nested deeper than {MAX_DEPTH} levels", here, hint="storyboards need about ten", code="too-deep")
    if "another document" in fault.said:
        return Problem("a second YAML document starts here", here, hint="one file is one document: remove this '---'", code="documents")
    if re.search("incompatible YAML|directive", fault.said):
        return Problem("this YAML directive is not understood", here, hint="remove the line that starts with '%'", code="directive")
    return None


def _explain_anchor(said: str, here: Place, opened: Place | None) -> Problem | None:
    if "duplicate anchor" in said:
        related = ((opened, "it is defined here first"),) if opened else ()
        return Problem("this anchor is defined twice", here, hint="give one of the two another name", code="alias", related=related)
    if "undefined alias" in said:
        return Problem(
            "this alias points to an anchor that is not defined above it",
            here,
            hint="define it with '&name' before, or quote the text if it is to start with '*'",
            code="alias",
        )
    return None


def _explain_scalar(said: str, here: Place, opened: Place | None) -> Problem | None:
    if _ESCAPE.search(said):
        return _explain_escape(here)
    if "quoted scalar" in said and "end of stream" in said and opened:
        return Problem("the quote that opens here is never closed", opened, hint="close it, or remove it", code="quotes")
    if "block scalar" in said:
        return Problem(
            "only a comment may follow '|' or '>' on its line",
            opened or here,
            hint="put the text on the next line, indented",
            code="block-text",
        )
    return None


def _explain_collection(fault: Fault, lines: list[str], line: Line, here: Place, opened: Place | None) -> Problem | None:
    if re.search("(sequence entries|mapping keys) are not allowed", fault.said):
        return Problem(
            "a list item cannot stand on the line of its key" if line.value.startswith("-") else "a '?' cannot start a value here",
            here,
            hint="put it on a line of its own, indented" if line.value.startswith("-") else "quote the value",
            code="indentation",
        )
    if "flow" in fault.said:
        return explain_braces(lines, (fault.line, fault.column), here, opened, node="node" in fault.said)
    if "block node" in fault.said and line.value[:1] in {"]", "}", ","}:
        return Problem(f"there is nothing that this '{line.value[0]}' closes", here, hint="remove it, or quote the value", code="brackets")
    return None


def _explain_escape(place: Place) -> Problem:
    return Problem(
        "this backslash escape means nothing in double quotes",
        place,
        hint="double the backslash, or use single quotes, in which it has no meaning",
        code="escape",
    )


def _explain_quotes(line: Line, repaired: str) -> tuple[str, str]:
    value = line.value
    if repaired == value + value[0]:
        return f"the quote that opens here is not closed with {value[0]}", f"close it: {line.with_value(repaired).strip()}"
    return "text follows behind the closing quote", f"put all of it into one pair of quotes: {line.with_value(repaired).strip()}"


def _explain_layout(fault: Fault, lines: list[str], line: Line, name: str) -> Problem:
    """Explain lines that do not fit together: indentation, missing colons and spaces."""
    previous = _previous(lines, fault.line)
    if "expected ':'" in fault.said and fault.opened:
        # A line that never became a key: the parser knows where it began.
        line = previous = take_apart(fault.opened[0], _at(lines, fault.opened[0]))
        fault = replace(fault, line=fault.opened[0], column=fault.opened[1])
    for candidate in (previous, line):
        if candidate and candidate.key is None and (found := missing_space(candidate.text)):
            key, value = found
            place = Place(name, candidate.number + 1, candidate.column + 1, len(key) + 1)
            return Problem(f"a space is missing behind '{key}:'", place, hint=f"write '{key}: {value}'", code="missing-space")
    at = Place(name, fault.line + 1, min(line.indent, fault.column) + 1, max(1, len(line.text.rstrip()) - line.indent))
    if previous and "not allowed" in fault.said:
        if previous.key is None and previous.value:
            place = Place(name, previous.number + 1, previous.column + 1, len(previous.value))
            return Problem(
                "expected 'name: value' here, and there is no colon", place, hint=_with_colon(previous.value), code="missing-colon"
            )
        if previous.key and line.indent > previous.indent:
            return Problem(
                f"this line is indented further than '{previous.key}' above it, which has a value already",
                at,
                hint=f"start it in column {previous.column + 1}, like '{previous.key}'",
                code="indentation",
            )
    if line.key is None and line.value and not line.dashes:
        return Problem("expected 'name: value' here, and there is no colon", at, hint=_with_colon(line.value), code="missing-colon")
    hint = _indentation_hint(fault, lines, line)
    return Problem("this line does not line up with the block that it stands in", at, hint=hint, code="indentation")


def _with_colon(text: str) -> str:
    """Return what to write for a line without a colon: other formats have other signs."""
    if (pair := equals_sign(text)) is not None:
        return f"write '{pair[0]}: {pair[1]}'"
    if text.startswith(("//", "/*", ";")):
        return "a comment starts with '#'"
    if text.startswith("```"):
        return "remove this line: it belongs to the page that this was copied from"
    return "write 'name: value'"


def _indentation_hint(fault: Fault, lines: list[str], line: Line) -> str:
    starts = _open_blocks(lines, fault.line)
    if starts and line.indent not in starts:
        return f"start it in column {' or '.join(str(start + 1) for start in starts)}; it starts in column {line.indent + 1}"
    if "'-'" in fault.said:
        return "start it with '- ' if it is the next item of the list, or indent it like the lines of the item above"
    if line.dashes:
        return "a list cannot go on among 'name: value' lines: indent it below its name"
    return "indent it like the line that it belongs with"


def _open_blocks(lines: list[str], number: int) -> list[int]:
    """Return the columns at which the blocks above a line are open, outermost first, two innermost at most."""
    columns: list[int] = []
    for index in range(number - 1, -1, -1):
        above = take_apart(index, lines[index])
        if above.blank or (above.key is None and not above.dashes):
            continue
        for column in sorted({above.indent, above.column}, reverse=True):
            if not columns or column < columns[0]:
                columns.insert(0, column)
        if columns and columns[0] == 0:
            break
    return columns[-3:]


def _previous(lines: list[str], number: int) -> Line | None:
    for index in range(number - 1, -1, -1):
        line = take_apart(index, lines[index])
        if not line.blank:
            return line
    return None


def _at(lines: list[str], number: int) -> str:
    return lines[number] if 0 <= number < len(lines) else ""
