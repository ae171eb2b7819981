"""Columns that are no fields, as comments beside their shot, ``# Lens: 35mm``; read back from there when the list is exported.

A name or a text that would be misread is in quotes, as JSON has them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import yaml

from animatic.errors import KeyPath
from animatic.source.document import Document
from animatic.source.scalars import UNSEEN, in_json

_COMMENT = re.compile(r'\s*# (?P<name>"(?:[^"\\]|\\.)*"|[^\s":#][^":]*): (?P<text>\S.*)\Z')
_NAME = re.compile(r'[^\s":#][^":]*\Z')


def comment(name: str, text: str) -> str:
    """Return the comment, without what stands before it on its line."""
    shown = name if _NAME.match(name) and _fits(name) else in_json(name)
    return f"# {shown}: {text if _fits(text) and not text.startswith(chr(34)) else in_json(text)}"


def comments_of(document: Document, shots: KeyPath) -> list[list[tuple[str, str]]]:
    """Return what the comments within each shot say, in their order, for the list of shots at a path."""
    items = _items(document.root, shots)
    texts = _lines_of_texts(document.root)
    starts = [item.start_mark.line for item in items]
    found: list[list[tuple[str, str]]] = []
    for item, following in zip(items, [*starts[1:], len(document.lines)], strict=True):
        column = item.start_mark.column
        lines = range(item.start_mark.line + 1, following)
        found.append(list(_read(document.lines, lines, column, texts)))
    return found


def _read(lines: list[str], numbers: range, column: int, texts: set[int]) -> Iterator[tuple[str, str]]:
    for number in numbers:
        line = lines[number]
        if number in texts or not line.strip():
            continue
        if len(line) - len(line.lstrip()) < column:
            return  # what stands further out is no part of the shot
        if match := _COMMENT.match(line):
            yield _unquoted(match["name"]), _unquoted(match["text"])


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, str) else text


def _fits(text: str) -> bool:
    """Tell whether a text can stand in a comment as it is."""
    return bool(text) and text == text.strip() and not UNSEEN.search(text)


def _items(root: yaml.Node | None, path: KeyPath) -> list[yaml.Node]:
    node = root
    for part in path:
        if not isinstance(node, yaml.MappingNode):
            return []
        node = next((value for key, value in node.value if key.value == part), None)
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _lines_of_texts(root: yaml.Node | None) -> set[int]:
    """Return the lines that texts of several lines cover: what looks like a comment there is none."""
    covered: set[int] = set()
    open_nodes = [root] if root is not None else []
    while open_nodes:
        node = open_nodes.pop()
        if isinstance(node, yaml.ScalarNode):
            if node.end_mark.line > node.start_mark.line:
                covered |= set(range(node.start_mark.line + 1, node.end_mark.line + bool(node.end_mark.column)))
        else:
            open_nodes += [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
    return covered
