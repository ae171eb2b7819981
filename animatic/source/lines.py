"""Take single lines of a pipelines file apart into key and value, to explain mistakes that stop the parser."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_ENTRY = re.compile(
    r"""(?P<indent>[ \t]*)
        (?P<dashes>(?:-[ \t]+)*)
        (?:(?P<key>[A-Za-z_][\w.-]*|"[^"]*"|'[^']*')[ \t]*:(?:[ \t]+|$))?
        (?P<value>.*)$""",
    re.VERBOSE,
)
_COMMENT = re.compile(r"(?:^|[ \t]+)#.*$")
_BLOCK_HEADER = re.compile(r"[|>](?:[-+]?[1-9]?|[1-9][-+])\Z")
LOOKS_LIKE_A_SPACE = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
"""Characters, for a class of a regular expression: to people they are spaces, to a parser letters."""
_EQUALS = re.compile(r"([A-Za-z_]\w*)[ \t]*=[ \t]*([^\s=]+)")
_NO_SPACE = re.compile(r"[ \t]*(?:-[ \t]+)*(?P<key>[A-Za-z_][\w-]*):(?P<value>[^\s/].*)$")


Moves = Mapping[int, Sequence[tuple[int, int]]]
"""Lines (0-based) of a mended text -> column from which on each mend, in its turn, moved what stands there, and by how many columns."""


def before_mends(moves: Moves, line: int, column: int) -> int:
    """Return the column (0-based) in the file of what stands at a column of the mended text."""
    for start, by in reversed(moves.get(line, ())):
        if column >= start:
            column = max(0, column - by)
    return column


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line taken apart; columns are 0-based. ``value`` has its trailing comment cut off, as YAML would."""

    number: int
    """0-based."""
    text: str
    indent: int
    """Column of the dash or the key."""
    column: int
    """Column of the key, behind any dashes."""
    dashes: str
    key: str | None
    value: str
    value_column: int

    @property
    def blank(self) -> bool:
        """Nothing but a comment, if that."""
        return not self.dashes and self.key is None and not self.value

    def with_value(self, value: str) -> str:
        """Return the text of the line with another value."""
        return self.text[: self.value_column] + value + self.text[self.value_column + len(self.value) :]


def take_apart(number: int, text: str) -> Line:
    """Read one line by itself, without regard to what the lines around it make of it."""
    match = _ENTRY.match(text)
    assert match is not None, "every part of the pattern may be empty"
    value = _COMMENT.sub("", match["value"]).rstrip()
    return Line(
        number=number,
        text=text,
        indent=match.end("indent"),
        column=match.end("dashes"),
        dashes=match["dashes"],
        key=match["key"],
        value=value,
        value_column=match.start("value"),
    )


def missing_space(text: str) -> tuple[str, str] | None:
    """Return key and value of ``duration:6``, None where no space is missing."""
    match = _NO_SPACE.match(text)
    return (match["key"], _COMMENT.sub("", match["value"]).rstrip()) if match else None


def equals_sign(text: str) -> tuple[str, str] | None:
    """Return key and value of ``duration = 6``, None where there is no such sign."""
    match = _EQUALS.match(text)
    return (match[1], match[2]) if match else None


def block_header(value: str) -> bool:
    """Tell whether a value is ``|`` or ``>``, which begin a text on the lines below."""
    return _BLOCK_HEADER.match(value) is not None


def closing_quote_missing(value: str) -> bool:
    """Tell whether a value opens a quote that does not end on its line."""
    if value[:1] == '"':
        return re.match(r'"(?:[^"\\]|\\.)*"', value) is None
    if value[:1] == "'":
        return re.match(r"'(?:[^']|'')*'", value) is None
    return False


_TOKEN = re.compile(r"""(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')|(?P<open>[\[{])|(?P<close>[\]}])|(?P<comment>(?:^|(?<=\s))\#)""")


def swallowed_bracket(text: str) -> int | None:
    """Return the column (0-based) of a ``#`` behind a bracket that is still open there, and whose end the comment holds; else None."""
    depth = 0
    for match in _TOKEN.finditer(text):
        if match["comment"]:
            return match.start() if depth > 0 and re.search(r"[\]}]", text[match.start() :]) else None
        depth += 1 if match["open"] else -1 if match["close"] else 0
    return None


def colon_in_text(text: str, column: int) -> tuple[int, str, str] | None:
    """Take apart the entry of ``{...}`` in which a second ``: `` stands at a column (0-based).

    Returns where its value begins, its key, and its value to the next comma or bracket; None where there is no such entry.
    """
    if text[column : column + 1] != ":":
        return None
    start = max(text.rfind(mark, 0, column) for mark in ",{") + 1
    end = re.compile(r"[,}\]]|\s#|$").search(text, column)
    assert end is not None, "every text has an end"
    match = re.match(r"\s*([A-Za-z_][\w-]*):\s+(?=[^\s\"'\[{])", text[start:column])
    return None if match is None else (start + match.end(), match[1], text[start + match.end() : end.start()].rstrip())


_PAIR = re.compile(r"(?<!\\)(?P<even>(?:\\\\)*)\\u(?P<high>[dD][89abAB][0-9a-fA-F]{2})\\u(?P<low>[dD][c-fC-F][0-9a-fA-F]{2})")


def with_joined_pairs(text: str) -> tuple[str, Moves] | None:
    """Write each pair of escapes that is one character in JSON, and none in YAML, as YAML's own escape for that character.

    Returns the text, and what moved in it; None where there is no such pair.
    """
    lines = text.split("\n")
    moves: dict[int, list[tuple[int, int]]] = {}
    for number, line in enumerate(lines):
        while match := _PAIR.search(line):
            point = 0x10000 + ((int(match["high"], 16) - 0xD800) << 10) + int(match["low"], 16) - 0xDC00
            written = f"{match['even']}\\U{point:08x}"
            line = line[: match.start()] + written + line[match.end() :]  # noqa: PLW2901 - from left to right, until none is left
            moves.setdefault(number, []).append((match.start() + len(written), len(written) - len(match[0])))
        lines[number] = line
    return ("\n".join(lines), moves) if moves else None
