"""A loaded pipelines file: its text, its data, and the line and column of every key and value."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from animatic.errors import KeyPath, Place, Problem
from animatic.source.lines import Moves, before_mends
from animatic.source.parser import PLAIN

_LINE_END = re.compile(r"\r\n|\r|\n")
_MERGE = "<<"


class Positions:
    """Convert between offsets in a text and the lines and columns that editors show; places carry the name of its file."""

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.name = name

    @cached_property
    def lines(self) -> list[str]:
        """The lines as editors count them, without their ends."""
        return _LINE_END.split(self.text)

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in _LINE_END.finditer(self.text))]

    def place(self, index: int, length: int = 1) -> Place:
        """Return the place of the character at an offset."""
        line = bisect_right(self._starts, index)
        return Place(self.name, line, index - self._starts[line - 1] + 1, length)

    def index(self, place: Place) -> int:
        """Return the offset of a place."""
        return self._starts[place.line - 1] + place.column - 1

    def at(self, place: Place) -> str:
        """Return the text that a place covers."""
        start = self.index(place)
        return self.text[start : start + place.length]


@dataclass(frozen=True, kw_only=True, eq=False)
class Document:
    """One pipelines file. Positions are looked up when asked for: a file without mistakes pays nothing for them."""

    path: Path
    name: str
    """As messages show it."""
    text: str
    sha256: str
    """Of the bytes of the file."""
    data: Any = field(repr=False)
    """dict, list, str, int, float, bool and None only. Aliased parts are shared: treat it as read-only."""
    problems: tuple[Problem, ...] = ()
    """Mistakes in the text itself that left the data readable."""
    root: yaml.Node | None = field(default=None, repr=False)
    moved: Moves = field(default_factory=dict, repr=False)
    """What of a broken file stands further right in what was parsed than in ``text``."""

    @cached_property
    def positions(self) -> Positions:
        """Lines and offsets of the text."""
        return Positions(self.text, self.name)

    @property
    def lines(self) -> list[str]:
        """The lines as editors count them."""
        return self.positions.lines

    def place(self, path: KeyPath, *, key: bool = False) -> Place:
        """Return where the value at ``path`` stands, or its key; for what is not there, its closest ancestor's key or first line."""
        node = self.root
        key_node: yaml.Node | None = None
        for part in path:
            found = _child(node, part)
            if found is None:
                return self._span(key_node or node)
            key_node, node = found
        return self._span(key_node if key and key_node is not None else node)

    def written(self, path: KeyPath) -> str | None:
        """Return the text of a plain scalar as it was written (``3.10``, which as a number is 3.1); None if there is no such scalar."""
        node = self.root
        for part in path:
            found = _child(node, part)
            if found is None:
                return None
            node = found[1]
        return node.value if isinstance(node, yaml.ScalarNode) and node.tag == PLAIN else None

    def _span(self, node: yaml.Node | None) -> Place:
        if node is None:
            return Place(self.name, 1, 1)
        start, end = node.start_mark, node.end_mark
        if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
            return self._span(node.value[0][0])
        lines = self.lines
        line = lines[start.line] if start.line < len(lines) else ""
        stop = end.column if end.line == start.line else len(line.rstrip())
        column, stop = (before_mends(self.moved, start.line, at) for at in (start.column, stop))
        column = min(column, len(line))
        return Place(self.name, start.line + 1, column + 1, max(1, min(stop, len(line)) - column))


def _child(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node | None, yaml.Node] | None:
    """Return the key node (None in a list) and the value node of one step down."""
    if isinstance(node, yaml.SequenceNode):
        return (None, node.value[part]) if isinstance(part, int) and 0 <= part < len(node.value) else None
    if not isinstance(node, yaml.MappingNode):
        return None
    merged: list[yaml.Node] = []
    for key_node, value_node in node.value:
        if key_node.value == part and isinstance(key_node, yaml.ScalarNode):
            return key_node, value_node
        if key_node.value == _MERGE and key_node.tag == PLAIN:
            merged += value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
    for source in merged:
        found = _child(source, part)
        if found is not None:
            return found
    return None
