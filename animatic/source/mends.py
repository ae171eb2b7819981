"""Guess what a broken line was meant to be, so that the parser can go on behind it and show the other mistakes of the file.

Each guess keeps the lines, and the columns up to the mend. The parser judges it: a guess counts if the parser gets further with it. What is
mended here is never run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from animatic.errors import Place, Problem
from animatic.source.build import quoted
from animatic.source.lines import LOOKS_LIKE_A_SPACE, Line, block_header, colon_in_text, swallowed_bracket, take_apart
from animatic.source.syntax import Fault, explain
from animatic.suggest import closest

_ALIAS = re.compile(r"\*([\w-]+)(?=[ \t]*(?:[,}\]#]|$))")
_MERGE = re.compile(r"<<[ \t]*:[ \t]*(?:\[[^\]#]*)?$")
_DASH = re.compile(r"(?P<indent>[ ]*)-(?P<key>[A-Za-z_]\w*):(?=[ \t]|$)")
_FOREIGN_SPACE = re.compile(rf"[ ]*(?:-[ ]+)*(?:-|(?P<key>[A-Za-z_][\w-]*):)(?P<space>[{LOOKS_LIKE_A_SPACE}]+)(?=\S)")
_CLOSING = {"{": "}", "[": "]"}
_MAX_TEXT = 200
"""Lines of a text block that are looked at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mend:
    """New text for some lines (by 0-based number), and the problem that it stands for."""

    changes: dict[int, str]
    problem: Problem
    moved: tuple[int, int] = (0, 0)
    """Column of the changed lines from which on they stand further right than before, and by how many columns."""


def mends(fault: Fault, lines: Sequence[str], name: str) -> Iterator[Mend]:
    """Yield what the lines around a fault may have been meant to be, likeliest first."""
    for number in dict.fromkeys((fault.line, *_before(lines, fault.line), *([fault.opened[0]] if fault.opened else []))):
        if number < len(lines):
            yield from _foreign_space(lines, number, name)
            yield from _dash(lines, number, name)
    if fault.line < len(lines):
        yield from _undefined_alias(fault, lines, name)
        yield from _text_block(fault, lines, name)
        yield from _indented_further(fault, lines, name)
    if "flow" in fault.said:
        yield from _braces(fault, lines, name)


def _foreign_space(lines: Sequence[str], number: int, name: str) -> Iterator[Mend]:
    """Replace a space of another kind behind a colon or a dash: to the parser it is a letter."""
    match = _FOREIGN_SPACE.match(lines[number])
    if match:
        start, stop = match.span("space")
        behind = f"'{match['key']}:'" if match["key"] else "the '-'"
        yield Mend(
            changes={number: lines[number][:start] + " " * (stop - start) + lines[number][stop:]},
            problem=Problem(
                f"behind {behind} stands U+{ord(match['space'][0]):04X}, which only looks like a space",
                Place(name, number + 1, start + 1, stop - start),
                hint="replace it by an ordinary space: text pasted from web pages brings it along",
                code="missing-space",
            ),
        )


def _dash(lines: Sequence[str], number: int, name: str) -> Iterator[Mend]:
    """``-id: a``: the name of a key may begin with a dash, so this is no list item."""
    match = _DASH.match(lines[number])
    if match:
        mended = f"{match['indent']}- {lines[number][match.start('key') :]}"
        problem = Problem(
            "a space is missing behind the '-'",
            Place(name, number + 1, len(match["indent"]) + 1, 1 + len(match["key"])),
            hint=f"write '{mended.strip()}'",
            code="missing-space",
        )
        yield Mend(changes={number: mended}, problem=problem)
        below = {index: f" {lines[index]}" for index in _block(lines, number + 1, len(match["indent"]) + 1)}
        yield Mend(changes={number: mended, **below}, problem=problem, moved=(0, 1))


def _undefined_alias(fault: Fault, lines: Sequence[str], name: str) -> Iterator[Mend]:
    if "undefined alias" not in fault.said:
        return
    line = lines[fault.line]
    match = _ALIAS.match(line, fault.column)
    if match is None:
        return
    defined = re.findall(r"(?:^|[\s,\[{:-])&([\w-]+)", "\n".join(lines[: fault.line + 1]))
    meant = closest(match[1], defined)
    problem = explain(fault, list(lines), name)
    problem = replace(problem, place=Place(name, fault.line + 1, fault.column + 1, len(match[0])))
    after = _stand_in(line[: match.start()], match[0])
    yield Mend(
        changes={fault.line: line[: match.start()] + after + line[match.end() :]},
        problem=replace(problem, hint=f"did you mean *{meant}?") if meant else problem,
        moved=(match.start() + len(after), len(after) - len(match[0])),
    )


def _stand_in(before: str, alias: str) -> str:
    """Return what can stand for the value of an alias: nothing to merge, else its own text."""
    return "{}".ljust(len(alias)) if _MERGE.search(before) else quoted(alias)


def _text_block(fault: Fault, lines: Sequence[str], name: str) -> Iterator[Mend]:
    """Indent a line that is to be part of a ``|`` or ``>`` text like the text's first line: further left, it ends the text."""
    for number in (*_before(lines, fault.line), fault.line):
        line = take_apart(number, lines[number])
        header = None if line.key or line.dashes or not line.value else _header_above(lines, number)
        if header is None:
            continue
        first = next((take_apart(index, lines[index]) for index in range(header.number + 1, number) if lines[index].strip()), None)
        column = first.indent if first is not None and first.indent > header.column else header.column + 2
        if column <= line.indent:
            continue
        where = f"like line {first.number + 1}" if first is not None else f"further than '{header.key}'"
        yield Mend(
            changes={number: " " * column + line.text.lstrip(" ")},
            problem=Problem(
                f"this line is not indented like the text that '{header.value[0]}' begins in line {header.number + 1}",
                Place(name, number + 1, line.indent + 1, len(line.text.rstrip()) - line.indent),
                hint=f"start it in column {column + 1}, {where}",
                code="block-text",
            ),
        )


def _header_above(lines: Sequence[str], number: int) -> Line | None:
    """Return the line ``key: |`` whose text a line continues, None where there is none above."""
    for index in range(number - 1, max(-1, number - _MAX_TEXT), -1):
        line = take_apart(index, lines[index])
        if line.key is not None:
            return line if block_header(line.value) else None
        if line.dashes:
            return None
    return None


def _indented_further(fault: Fault, lines: Sequence[str], name: str) -> Iterator[Mend]:
    """``key: value`` that is indented further than the one above it, which has a value already."""
    problem = explain(fault, list(lines), name)
    above = next((take_apart(index, lines[index]) for index in _before(lines, fault.line)), None)
    line = take_apart(fault.line, lines[fault.line])
    if problem.code == "indentation" and above is not None and above.key and above.value and line.key and line.indent > above.column:
        excess = line.indent - above.column
        run = [fault.line, *_block(lines, fault.line + 1, line.indent)]
        yield Mend(changes={number: lines[number][excess:] for number in run}, problem=problem, moved=(0, -excess))


def _braces(fault: Fault, lines: Sequence[str], name: str) -> Iterator[Mend]:
    """Text with a colon, a comment that takes a bracket along, a bracket that is not closed on its line."""
    problem = explain(fault, list(lines), name)
    here = lines[fault.line] if fault.line < len(lines) else ""
    if (found := colon_in_text(here, fault.column)) is not None:
        start, _, value = found
        stop = start + len(value)
        after = quoted(value)
        moved = (start + len(after), len(after) - len(value))
        yield Mend(changes={fault.line: here[:start] + after + here[stop:]}, problem=problem, moved=moved)
    if here[fault.column : fault.column + 1] == ",":
        yield Mend(changes={fault.line: f"{here[: fault.column]} {here[fault.column + 1 :]}"}, problem=problem)
    if here[fault.column : fault.column + 1] in _CLOSING.values() and fault.opened and fault.opened[0] < len(lines):
        opened = lines[fault.opened[0]][fault.opened[1] : fault.opened[1] + 1]
        closed = f"{here[: fault.column]}{_CLOSING.get(opened, '')}{here[fault.column :]}"
        yield Mend(changes={fault.line: closed}, problem=problem, moved=(fault.column + 1, 1))
        odd = f"there is nothing that this '{here[fault.column]}' closes"
        yield Mend(
            changes={fault.line: f"{here[: fault.column]} {here[fault.column + 1 :]}"},
            problem=Problem(odd, Place(name, fault.line + 1, fault.column + 1), hint="remove it, or quote the value", code="brackets"),
        )
    if problem.place is None or not 1 <= problem.place.line <= len(lines):
        return
    number = problem.place.line - 1
    line = lines[number]
    if (column := swallowed_bracket(line)) is not None:
        closing = "".join(re.findall(r"[}\]]", line[column:]))
        yield Mend(changes={number: f"{line[:column]}{closing} {line[column:]}"}, problem=problem)
    if fault.opened and fault.opened[0] < len(lines):
        number, column = fault.opened
        line = lines[number]
        if (bracket := _CLOSING.get(line[column : column + 1])) and problem.code == "brackets":
            yield Mend(changes={number: f"{line.rstrip().rstrip(',')}{bracket}"}, problem=problem)


def _before(lines: Sequence[str], number: int) -> list[int]:
    """Return the number of the last line above one that is not blank, in a list; an empty list where there is none."""
    return next(([index] for index in range(min(number, len(lines)) - 1, -1, -1) if lines[index].strip()), [])


def _block(lines: Sequence[str], first: int, indent: int) -> Iterator[int]:
    """Yield the numbers of the lines from ``first`` on that are indented by ``indent`` at least."""
    for number in range(first, len(lines)):
        line = lines[number]
        if line.strip() and len(line) - len(line.lstrip(" ")) < indent:
            return
        yield number
