"""Parse on after a syntax error, so that one missing quote does not hide every other mistake of the file.

A fault is mended for the rest of the pass where its cause is known for certain (a value that parses once it is quoted, a tab); else the
pipeline that it stands in is left out. Every fault becomes a problem; nothing that was mended here is ever run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import yaml

from animatic.errors import DeclarationError, Place, Problem
from animatic.source.build import quoted
from animatic.source.document import Positions
from animatic.source.lines import Line, Moves, before_mends, closing_quote_missing, take_apart, with_joined_pairs
from animatic.source.mends import mends
from animatic.source.parser import compose
from animatic.source.reading import Source
from animatic.source.syntax import Fault, explain, explain_value

_MAX_FAULTS = 20
_MAX_REPARSED = 5_000_000
"""Characters parsed again on the way through the faults of one file: a huge file shows fewer of them rather than make people wait."""
_ALIAS = re.compile(r"\*[\w-]+$")
_BRACKETS_AND_MORE = re.compile(r"(?:\[[^\[\]]*\]|\{[^{}]*\})[^\s,]|(?:\[[^\[\]]*\]|\{[^{}]*\})\s+[^#\s]")
_PIPELINES = re.compile(r"""(?:pipelines|"pipelines"|'pipelines')[ ]*:[ ]*(?:#.*)?$""")
_TAB_INDENT = re.compile(r"[ ]*(?:-[ ]+)*(?:-[ ]*)?\t[ \t]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Parsed:
    """The nodes of a file, of its mended text where it was broken, and the problems that were met."""

    root: yaml.Node | None
    text: str
    problems: tuple[Problem, ...] = field(default=())
    moved: Moves = field(default_factory=dict)
    """What stands further right in the mended text than in the file."""


def parse(source: Source) -> Parsed:
    """Compose a file. Raises DeclarationError where nothing is left that could be checked."""
    try:
        return Parsed(root=compose(source.parsable), text=source.parsable)
    except yaml.MarkedYAMLError as error:
        stopped = error
    if conflicts := tuple(_conflicts(source)):
        raise DeclarationError((*source.problems, *conflicts), texts={source.name: source.text})
    if "escape" in Fault.of(stopped).said and (joined := with_joined_pairs(source.parsable)) is not None:
        text, moved = joined
        return _Recovery(replace(source, parsable=text), moved).run(None)
    return _Recovery(source).run(stopped)


def _conflicts(source: Source) -> Iterator[Problem]:
    """Yield the conflicts that a merge has left in a file: each half of one looks like a mistake of its own."""
    for number, line in enumerate(Positions(source.parsable, source.name).lines):
        if line.startswith("<<<<<<< "):
            yield Problem(
                "a merge has left a conflict here",
                Place(source.name, number + 1, 1, len(line.rstrip())),
                hint="keep what is right of both halves, and remove the lines that begin with <<<<<<<, ======= and >>>>>>>",
                code="conflict",
            )


class _Recovery:
    """The text as mended so far. It keeps its lines and, left of a mended value, its columns."""

    def __init__(self, source: Source, moved: Moves | None = None) -> None:
        self.source = source
        self.lines = Positions(source.parsable, source.name).lines
        self.problems: list[Problem] = []
        self.moved = {line: list(moves) for line, moves in (moved or {}).items()}

    def run(self, error: yaml.MarkedYAMLError | None) -> Parsed:
        """Mend or leave out until the rest parses; ``error`` is what stopped the parser, None: the text has not been parsed yet."""
        current = error or self._try()
        for _ in range(max(2, min(_MAX_FAULTS, _MAX_REPARSED // (len(self.source.parsable) + 1)))):
            if current is None:
                return Parsed(root=compose(self._text()), text=self._text(), problems=tuple(self.problems), moved=self.moved)
            fault = Fault.of(current)
            if not (self._mend_tabs(fault) or self._mend_line(fault) or self._mend_value(fault) or self._leave_out(fault)):
                # Behind tabs, lines that do not line up are the same mistake once more.
                if not (self.problems and self.problems[-1].code == "tab"):
                    self._note(explain(fault, self.lines, self.source.name))
                break
            current = self._try()
        raise DeclarationError((*self.source.problems, *self.problems), texts={self.source.name: self.source.text})

    def _note(self, problem: Problem) -> None:
        """Record a problem of the lines as they are mended by now, at its place in the file."""
        related = tuple((self._unmoved(place), note) for place, note in problem.related)
        self.problems.append(replace(problem, place=self._unmoved(problem.place) if problem.place else None, related=related))

    def _unmoved(self, place: Place) -> Place:
        return replace(place, column=before_mends(self.moved, place.line - 1, place.column - 1) + 1) if place.line else place

    def _text(self) -> str:
        return "\n".join(self.lines)

    def _try(self) -> yaml.MarkedYAMLError | None:
        try:
            compose(self._text())
        except yaml.MarkedYAMLError as error:
            return error
        return None

    def _mend_tabs(self, fault: Fault) -> bool:
        """Replace tabs in indentation by single spaces, all at once: files indented by tabs keep their shape."""
        if "\t" not in self._at(fault.line)[: fault.column + 1]:
            return False
        found = [(number, match) for number, line in enumerate(self.lines) if (match := _TAB_INDENT.match(line))]
        if fault.line not in {number for number, _ in found}:
            return False
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        number, match = found[0]
        start = match[0].index("\t")
        self.problems.append(
            Problem(
                f"YAML takes no tabs for indentation{more}",
                Place(self.source.name, number + 1, start + 1, match.end() - start),
                hint="indent with spaces: editors convert them all at once",
                code="tab",
            )
        )
        for number, match in found:
            self.lines[number] = match[0].replace("\t", " ") + self.lines[number][match.end() :]
        return True

    def _mend_line(self, fault: Fault) -> bool:
        """Write the line at fault as it was meant to be, and keep that if the parser gets further."""
        for mend in mends(fault, self.lines, self.source.name):
            before = {number: self.lines[number] for number in mend.changes}
            grown = sum(len(text) - len(before[number]) for number, text in mend.changes.items())
            for number, text in mend.changes.items():
                self.lines[number] = text
            error = self._try()
            if error is None or Fault.of(error).at > (fault.line, fault.column + max(0, grown)):
                self._note(mend.problem)
                for number in mend.changes if mend.moved[1] else ():
                    self.moved.setdefault(number, []).append(mend.moved)
                return True
            for number, text in before.items():
                self.lines[number] = text
        return False

    def _mend_value(self, fault: Fault) -> bool:
        """Quote the value of the line at fault, and keep that if the parser gets further."""
        if "duplicate anchor" in fault.said:
            return False
        for number in self._suspects(fault):
            line = take_apart(number, self._at(number))
            for repaired in _repairs(line):
                before = self.lines[number]
                self.lines[number] = line.with_value(repaired)
                error = self._try()
                if error is None or Fault.of(error).line > max(number, fault.line):
                    self._note(explain_value(line, repaired, self.source.name, fault))
                    return True
                self.lines[number] = before
        return False

    def _suspects(self, fault: Fault) -> list[int]:
        suspects = [fault.line]
        if fault.opened and fault.opened[0] != fault.line:
            suspects.append(fault.opened[0])
        # The parser notices an open quote only at the next quote, many lines later.
        top, _ = self._pipeline_around(fault.line) or (0, 0)
        for number in range(fault.line, top - 1, -1):
            if closing_quote_missing(take_apart(number, self._at(number)).value):
                suspects.append(number)
                break
        return suspects

    def _leave_out(self, fault: Fault) -> bool:
        """Blank the pipeline in which the fault lies, if another one remains."""
        for number in fault.lines:
            block = self._pipeline_around(number)
            if block is None or all(not line.strip() for line in self.lines[block[0] : block[1]]):
                continue
            kept = self.lines[block[0] : block[1]]
            problem = explain(fault, self.lines, self.source.name)
            self.lines[block[0] : block[1]] = [""] * (block[1] - block[0])
            error = self._try()
            if self._remaining() and (error is None or not block[0] <= Fault.of(error).line < block[1]):
                self._note(problem)
                return True
            self.lines[block[0] : block[1]] = kept
        return False

    def _pipelines(self) -> tuple[int, int, int] | None:
        """Return the first line of the pipelines section, the one behind its last, and the column of its names."""
        for number, line in enumerate(self.lines):
            if not _PIPELINES.match(line):
                continue
            end = number + 1
            column: int | None = None
            while end < len(self.lines) and (
                not (text := self.lines[end].strip()) or text.startswith("#") or self.lines[end].startswith(" ")
            ):
                if text and not text.startswith("#") and column is None:
                    column = len(self.lines[end]) - len(self.lines[end].lstrip())
                end += 1
            return None if column is None else (number + 1, end, column)
        return None

    def _pipeline_around(self, number: int) -> tuple[int, int] | None:
        section = self._pipelines()
        if section is None or not section[0] <= number < section[1]:
            return None
        first, end, column = section
        starts = [index for index in range(first, end) if self._starts_at(index, column)]
        before = [index for index in starts if index <= number]
        after = [index for index in starts if index > number]
        return (before[-1], after[0] if after else end) if before else None

    def _remaining(self) -> bool:
        section = self._pipelines()
        return section is not None and any(self._starts_at(index, section[2]) for index in range(section[0], section[1]))

    def _starts_at(self, index: int, column: int) -> bool:
        line = take_apart(index, self.lines[index])
        return line.key is not None and not line.dashes and line.indent == column

    def _at(self, number: int) -> str:
        return self.lines[number] if 0 <= number < len(self.lines) else ""


def _repairs(line: Line) -> list[str]:
    """Return what the value of a line may have been meant to be, likeliest first."""
    value = line.value
    if not value or (line.key is None and not line.dashes) or value.startswith(("- ", "? ", "|", ">")) or _ALIAS.match(value):
        return []
    quote = value[0]
    if quote in "[{" and not value.startswith(("{{", "{%", "{#")) and not _BRACKETS_AND_MORE.match(value):
        return []
    if quote in {'"', "'"}:
        if closing_quote_missing(value):
            return [value + quote]
        if value.endswith(quote):  # "a" and "b": the quotes belong to the text; "5" wide": those around it do not
            return [quoted(value) if value.count(quote) % 2 == 0 else quoted(value[1:-1])]
        return [quoted(value[1:].replace(quote, "", 1))]
    return [quoted(value)]
