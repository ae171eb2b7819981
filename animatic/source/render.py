"""Render problems: for people with place, sentence, the line with carets and what to do; as JSON; as commands of GitHub's workflows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, assert_never

from animatic.columns import size, wrapped
from animatic.errors import Place, Problem, Severity
from animatic.source.document import Document, Positions

_TAB_WIDTH = 4
_MAX_WIDTH = 150
"""Columns of a shown line; a long prompt is cut around its caret."""
_MAX_SEEN = 400
"""Characters of a line that are looked at on each side of a problem: a file of one line may have megabytes."""
_MIN_WIDTH = 30
_GUTTER = "      |"
Style = Severity | Literal["note", "place", "gutter", "caret"]


def render_problems(
    problems: Iterable[Problem],
    documents: Sequence[Document] = (),
    *,
    texts: Mapping[str, str] | None = None,
    color: bool = False,
    width: int | None = None,
) -> str:
    """Return all problems in the order of files and places, each once; the empty text if there are none.

    ``texts`` gives the text of files that are in no document (``DeclarationError.texts``), ``width`` is the terminal's, None where there is
    none: what does not fit it is cut around the caret, and advice goes to lines of its own.
    """
    lines = {name: Positions(text, name).lines for name, text in (texts or {}).items()} | {
        document.name: document.lines for document in documents
    }
    page = _Page(lines, color=color, width=width)
    return "\n".join(page.problem(problem) for problem in in_order(problems, documents))


def in_order(problems: Iterable[Problem], documents: Sequence[Document] = ()) -> list[Problem]:
    """Return problems by file (as loaded), line and column, without repetitions; those without a place last."""
    rank = {document.name: number for number, document in enumerate(documents)}
    unique = dict.fromkeys(problems)

    def position(problem: Problem) -> tuple[bool, int, str, int, int]:
        place = problem.place
        return (place is None, rank.get(place.file, len(rank)), place.file, place.line, place.column) if place else (True, 0, "", 0, 0)

    return sorted(unique, key=position)


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


class _Page:
    """Shows problems with their lines: gutter, tabs, wide characters, colors."""

    def __init__(self, lines: Mapping[str, list[str]], *, color: bool, width: int | None) -> None:
        self.lines = lines
        self.color = color
        self.width = width

    def problem(self, problem: Problem) -> str:
        """Return one problem with its notes."""
        parts = [self._headed(problem.place, problem.severity, problem.message, problem.hint)]
        parts += [self._headed(place, "note", note, None) for place, note in problem.related]
        return "\n".join(parts)

    def _headed(self, place: Place | None, label: Style, message: str, hint: str | None) -> str:
        plain = f"{place}: {label}: " if place else f"{label}: "
        where = self._paint("place", f"{place}:") + " " if place else ""
        first, *more = wrapped(printable(message), self.width, indent=plain, hanging=" " * 6)
        head = "\n".join([f"{where}{self._paint(label, f'{label}:')} {first.removeprefix(plain)}".rstrip(), *more])
        shown = self._snippet(place, hint) if place else None
        if shown:
            return f"{head}\n{shown}"
        return "\n".join([head, *wrapped(printable(hint), self.width, indent=" " * 6)]) if hint else head

    def _snippet(self, place: Place, hint: str | None) -> str | None:
        lines = self.lines.get(place.file, [])
        if not 1 <= place.line <= len(lines):
            return None
        line = lines[place.line - 1]
        start = min(place.column - 1, len(line))
        stop = max(start + 1, min(start + place.length, len(line)))
        before, marked, after = _shown(line[max(0, start - _MAX_SEEN) : start], 0), "", ""
        marked = _shown(line[start : min(stop, start + _MAX_SEEN)], size(before))
        after = _shown(line[stop : stop + _MAX_SEEN], size(before + marked))
        most = _MAX_WIDTH if self.width is None else max(_MIN_WIDTH, min(_MAX_WIDTH, self.width - len(_GUTTER) - 1))
        before, marked, after = _cut(before, marked, after, most)
        carets = "^" * max(1, size(marked))
        number = self._paint("gutter", f"{place.line:>5} |")
        gutter = self._paint("gutter", _GUTTER)
        tail = f" {printable(hint)}" if hint else ""
        below: list[str] = []
        if self.width is not None and len(_GUTTER) + 1 + size(before) + len(carets) + size(tail) > self.width:
            tail, below = (
                "",
                [self._paint("caret", line) for line in wrapped(printable(hint or ""), self.width, indent=" " * (len(_GUTTER) + 1))],
            )
        pointed = f"{gutter} {' ' * size(before)}{self._paint('caret', carets + tail)}"
        return "\n".join([f"{number} {before}{marked}{after}".rstrip(), pointed, *below])

    def _paint(self, style: Style, text: str) -> str:
        return f"\x1b[{_escape_code(style)}m{text}\x1b[0m" if self.color else text


def _escape_code(style: Style) -> str:
    """Return the parameters of the terminal's escape sequence for a style."""
    match style:
        case "error":
            return "1;31"
        case "warning":
            return "1;33"
        case "note":
            return "1;36"
        case "place":
            return "1"
        case "gutter":
            return "34"
        case "caret":
            return "1;32"
        case _:
            assert_never(style)


def printable(text: str) -> str:
    """Return text in which nothing can move the cursor: a message may quote what a file holds."""
    return "".join(character if character.isprintable() or character == " " else f"\\u{ord(character):04x}" for character in text)


def _shown(text: str, column: int) -> str:
    """Return text with tabs as spaces up to the next stop, and characters that print nothing as dots."""
    result: list[str] = []
    for character in text:
        shown = " " * (_TAB_WIDTH - column % _TAB_WIDTH) if character == "\t" else character
        if not shown.isprintable():
            shown = "·"
        result.append(shown)
        column += size(shown)
    return "".join(result)


def _cut(before: str, marked: str, after: str, most: int) -> tuple[str, str, str]:
    """Shorten a line to ``most`` columns, so that what is marked stays to be seen."""
    if len(marked) > most:
        marked, after = marked[: most - 1] + "…", ""
    room = max(0 if most < _MAX_WIDTH else 20, most - len(marked))
    if len(before) > room:
        before = "…" + before[len(before) - room + 1 :] if room else ""
    room = max(0 if most < _MAX_WIDTH else 10, most - len(before) - len(marked))
    if len(after) > room:
        after = after[: room - 1] + "…" if room else ""
    return before, marked, after


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
