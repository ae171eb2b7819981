"""Build plain data from composed YAML nodes.

Reports the mistakes that only show here: duplicate keys, keys that are not text, foreign tags, templates that YAML took for mappings,
aliases that never end.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from animatic.errors import DeclarationError, Place, Problem
from animatic.source.document import Positions
from animatic.source.lines import Moves, before_mends
from animatic.source.parser import MAX_DEPTH, PLAIN, TEXT, resolve
from animatic.source.reading import Source

_TAG = "tag:yaml.org,2002:"
_TAGGED_SCALARS: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,), "null": (type(None),)}
_NOT_BLANK = re.compile(r"\S")
_MERGED = re.compile(r"\s*:\s*(\*[\w-]+|\[[^\]]*\]|\{[^}]*\})")
"""What follows the key of a merge."""
_COMMA_NUMBER = re.compile(r"[-+]?[0-9]+,[0-9]+\Z")
_CURLY = re.compile("[“”„«](.*)[“”»]", re.DOTALL)
_MAX_EXPANDED = 1_000_000
"""Values that aliases may unfold to: far beyond any storyboard, and still walked in seconds."""


def build(root: yaml.Node, source: Source, text: str, *, moved: Moves | None = None) -> tuple[Any, tuple[Problem, ...]]:
    """Return plain data and the problems met; ``text`` is what the nodes were composed of, ``moved`` what of it stands further right.

    Raises DeclarationError for aliases that unfold without end or measure.
    """
    builder = _Builder(source, text, moved or {})
    if "&" in text:
        builder.measure(root)
    return builder.value(root), tuple(builder.problems)


class _Builder:
    """Walks the nodes of one file once."""

    def __init__(self, source: Source, text: str, moved: Moves) -> None:
        self.source = source
        self.moved = moved
        self.text = text
        self.problems: list[Problem] = []
        self._built: dict[int, Any] = {}
        self._measured: dict[int, tuple[int, int]] = {}
        self._open: set[int] = set()

    def value(self, node: yaml.Node) -> Any:
        """Return the data of a node."""
        tag = node.tag
        if type(node) is yaml.ScalarNode:
            if tag == PLAIN:
                return resolve(node.value)
            return node.value if tag == TEXT else self._tagged(node)
        if self._measured:
            if id(node) not in self._built:
                self._built[id(node)] = self._collection(node, tag)
            return self._built[id(node)]
        return self._collection(node, tag)

    def measure(self, node: yaml.Node) -> tuple[int, int]:
        """Return how many values a node unfolds to, and how deep it goes. Raises DeclarationError where that has no end or measure."""
        if isinstance(node, yaml.ScalarNode):
            return 1, 1
        if id(node) in self._measured:
            return self._measured[id(node)]
        if id(node) in self._open:
            self._give_up(node, "this anchor contains an alias to itself", hint="write out what is meant: YAML data cannot contain itself")
        self._open.add(id(node))
        children = node.value if isinstance(node, yaml.SequenceNode) else [part for pair in node.value for part in pair]
        measured = [self.measure(child) for child in children]
        size = 1 + sum(size for size, _ in measured)
        depth = 1 + max((depth for _, depth in measured), default=0)
        self._open.discard(id(node))
        if size > _MAX_EXPANDED and size > 10 * len(self.text):
            self._give_up(node, f"the aliases in here unfold to more than {_MAX_EXPANDED:,} values", hint="use fewer aliases of aliases")
        if depth > MAX_DEPTH:
            self._give_up(node, f"this is nested deeper than {MAX_DEPTH} levels", hint="use fewer aliases of aliases")
        self._measured[id(node)] = (size, depth)
        return size, depth

    def _collection(self, node: yaml.Node, tag: str) -> Any:
        if isinstance(node, yaml.MappingNode):
            if tag not in {TEXT, f"{_TAG}map"}:
                self._unknown_tag(node)
            return self._mapping(node)
        if tag not in {TEXT, f"{_TAG}seq"}:
            self._unknown_tag(node)
        return [self.value(child) for child in node.value]

    def _mapping(self, node: yaml.MappingNode) -> Any:
        if node.flow_style and self._is_template(node):
            return self._template(node)
        result: dict[str, Any] = {}
        first: dict[str, yaml.Node] = {}
        merges: list[yaml.Node] = []
        merged: dict[str, Any] = {}
        bare: list[yaml.Node] = []
        for number, (key_node, value_node) in enumerate(node.value):
            if node.flow_style and self._is_bare(key_node, value_node):
                bare.append(key_node)
                if number + 1 == len(node.value) or not self._is_bare(*node.value[number + 1]):
                    self._cut_off(bare, node.value[number - len(bare)] if number >= len(bare) else None, result)
                    bare = []
                continue
            key = self._key(key_node)
            if key is None:
                continue
            if key == "<<" and key_node.tag == PLAIN:
                merges.append(key_node)
                merged = {**self._merged(value_node), **merged}
            elif key in first:
                self._duplicate(key, first[key], key_node)
            else:
                first[key] = key_node
                result[key] = self.value(value_node)
        if len(merges) > 1:
            self._merged_twice(merges)
        return {**merged, **result} if merged else result

    def _is_bare(self, key: yaml.Node, value: yaml.Node) -> bool:
        """Tell whether an entry of ``{...}`` is a word without colon and value: YAML makes it a key, people never mean one."""
        if value.tag != PLAIN or value.value or not isinstance(key, yaml.ScalarNode):
            return False
        behind = _NOT_BLANK.search(self.text, key.end_mark.index)
        return behind is None or behind[0] != ":"

    def _cut_off(self, words: list[yaml.Node], before: tuple[yaml.Node, yaml.Node] | None, result: dict[str, Any]) -> None:
        """Note words without a value: mostly a comma cut them off the text before, which is mended for the rest of the checks."""
        last = words[-1]
        key = str(before[0].value) if before is not None else ""
        if before is not None and isinstance(before[1], yaml.ScalarNode) and isinstance(result.get(key), str):
            if before[1].tag == PLAIN:
                written = " ".join(self.text[before[1].start_mark.index : last.end_mark.index].split())
            else:
                written = ", ".join([before[1].value, *(word.value for word in words)])
            result[key] = written
            message = f"'{self._text(words[0])}' is a key without a value here: did a comma cut the {key}?"
            hint = f"quote it: {key}: {quoted(_in_straight_quotes(written))}"
        elif before is not None and len(words) == 1 and (number := self._decimal(before[1], last)):
            message = f"'{self._text(last)}' is a key without a value here: did a comma cut the number?"
            hint = f"a point parts the fraction: {key}: {number}"
        else:
            message, hint = f"'{self._text(words[0])}' is a key without a value here", "write 'name: value', or remove it"
        self._problem(words[0], message, hint=hint, code="comma")

    def _decimal(self, whole: yaml.Node, fraction: yaml.Node) -> str | None:
        """Return ``5.5`` for ``5,5``, None where this is no number that a comma parts."""
        written = self.text[whole.start_mark.index : fraction.end_mark.index]
        return written.replace(",", ".") if _COMMA_NUMBER.match(written) else None

    def _key(self, node: yaml.Node) -> str | None:
        if type(node) is not yaml.ScalarNode:
            self._problem(
                node,
                "a template cannot be a key" if self._text(node).startswith("{{") else "a key must be text, not a list or a mapping",
                hint="write 'name: value'; a value that starts with a brace or a bracket needs quotes",
                code="key",
            )
            return None
        text: str = node.value
        if node.tag == TEXT or (node.tag == PLAIN and type(resolve(text)) is str):
            return text
        if text and node.tag == PLAIN:
            self._problem(node, f"a key must be text, and {text} is read as something else", hint=f'quote it: "{text}"', code="key")
        elif not text:
            self._problem(node, "a key is missing before this ':'", hint="write 'name: value'", code="key")
        elif type(self._tagged(node)) is not str:
            self._problem(node, "a key must be text", hint=f'write it without the tag: "{text}"', code="key")
        return text or None

    def _merged(self, node: yaml.Node) -> dict[str, Any]:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        result: dict[str, Any] = {}
        for source in sources:
            value = self.value(source)
            if isinstance(value, dict):
                result = {**value, **result}
            else:
                self._problem(
                    source, "'<<' merges a mapping, or a list of mappings", hint="point it at an anchor: '<<: *name'", code="merge"
                )
        return result

    def _merged_twice(self, keys: list[yaml.Node]) -> None:
        written = [_MERGED.match(self.text, key.end_mark.index) for key in keys]
        names = ", ".join(match[1].strip("[] ") for match in written if match)
        for key in keys[1:]:
            self.problems.append(
                Problem(
                    "'<<' is already there",
                    self._place(key),
                    hint=f"one merges several, the first of them wins: '<<: [{names}]'",
                    code="duplicate-key",
                    related=((self._place(keys[0]), "the first one is here"),),
                )
            )

    def _duplicate(self, key: str, first: yaml.Node, again: yaml.Node) -> None:
        self.problems.append(
            Problem(
                f"the key '{key}' is already there, on line {first.start_mark.line + 1}",
                self._place(again),
                hint="keep one of the two",
                code="duplicate-key",
                related=((self._place(first), f"'{key}' is here first"),),
            )
        )

    def _is_template(self, node: yaml.MappingNode) -> bool:
        """``{{ x }}`` without quotes is a mapping whose only key is a mapping."""
        if len(node.value) != 1 or not self.text.startswith("{{", node.start_mark.index):
            return False
        key, value = node.value[0]
        return isinstance(key, yaml.MappingNode) and isinstance(value, yaml.ScalarNode) and value.value == ""

    def _template(self, node: yaml.MappingNode) -> str:
        text = self._text(node)
        self._problem(
            node,
            "YAML reads an unquoted '{{' as a mapping, not as a template",
            hint=f"write it with quotes: {quoted(text)}",
            code="unquoted-template",
        )
        return text

    def _tagged(self, node: yaml.ScalarNode) -> Any:
        name = node.tag.removeprefix(_TAG)
        if name == "str":
            return node.value
        value = resolve(node.value)
        if name in _TAGGED_SCALARS and node.tag != name:
            if type(value) not in _TAGGED_SCALARS[name]:
                self._problem(node, f"the tag !!{name} does not fit the value '{node.value}'", hint="leave the tag out", code="tag")
            return float(value) if name == "float" and type(value) is int else value
        self._unknown_tag(node)
        return self._text(node)

    def _unknown_tag(self, node: yaml.Node) -> None:
        shown = node.tag.replace(_TAG, "!!")
        self._problem(
            node,
            f"'{shown}' is a YAML tag, and pipelines files have none of that name",
            hint=f"quote the value if it is to start with '!': {quoted(self._text(node))}" if node.tag[0] == "!" else "leave the tag out",
            code="tag",
        )

    def _text(self, node: yaml.Node) -> str:
        return self.text[node.start_mark.index : node.end_mark.index].rstrip()

    def _problem(self, node: yaml.Node, message: str, *, hint: str, code: str) -> None:
        self.problems.append(Problem(message, self._place(node), hint=hint, code=code))

    def _give_up(self, node: yaml.Node, message: str, *, hint: str) -> None:
        self._problem(node, message, hint=hint, code="alias")
        raise DeclarationError((*self.source.problems, *self.problems), texts={self.source.name: self.source.text})

    def _place(self, node: yaml.Node) -> Place:
        start, end = node.start_mark, node.end_mark
        length = end.column - start.column if end.line == start.line else 1
        column = before_mends(self.moved, start.line, start.column)
        if self.text != self.source.parsable:  # a bracket that was closed ends behind the line as it is written
            column = min(column, len(Positions(self.source.text, self.source.name).lines[start.line]))
        return Place(self.source.name, start.line + 1, column + 1, max(1, length))


def _in_straight_quotes(text: str) -> str:
    """Return a text without the typographic quotes that were to be YAML's."""
    match = _CURLY.fullmatch(text)
    return match[1] if match else text


def quoted(text: str) -> str:
    """Return text as a quoted YAML scalar of one line, in the quotes that need no escapes where there are such."""
    if '"' not in text and "\\" not in text:
        return f'"{text}"'
    return "'" + text.replace("'", "''") + "'"
