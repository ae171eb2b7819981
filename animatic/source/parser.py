"""Compose YAML text into nodes, with PyYAML's C parser where it is built in and its Python parser elsewhere, and resolve plain scalars.

Scalars are left unresolved: a plain one is tagged ``PLAIN``, a quoted one ``TEXT``; only a tag that the user wrote appears as itself.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner

PLAIN = "plain"
TEXT = "text"
MAX_DEPTH = 100
Scalar = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
    ".inf": float("inf"),
    ".Inf": float("inf"),
    ".INF": float("inf"),
    "+.inf": float("inf"),
    "+.Inf": float("inf"),
    "+.INF": float("inf"),
    "-.inf": float("-inf"),
    "-.Inf": float("-inf"),
    "-.INF": float("-inf"),
    ".nan": float("nan"),
    ".NaN": float("nan"),
    ".NAN": float("nan"),
}
_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_PREFIXED = re.compile(r"0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_STARTS_OF_OTHER_TYPES = frozenset("-+.0123456789tTfFnN~")
_MAX_DIGITS = 300
"""Digits: few enough to fit a double and to be converted without complaint."""


class TooDeepError(yaml.MarkedYAMLError):
    """Collections nested beyond ``MAX_DEPTH``. Without a limit the C parser overruns its stack and takes the process along."""


class _Hooks:
    """Callbacks of both parsers: tag a scalar, and count the depth."""

    _depth = 0

    def resolve(self, kind: type[yaml.Node], value: str | None, implicit: Any) -> str:  # noqa: ARG002
        return PLAIN if kind is yaml.ScalarNode and implicit[0] else TEXT

    def descend_resolver(self, parent: yaml.Node | None, index: object) -> None:  # noqa: ARG002
        self._depth += 1
        if self._depth > MAX_DEPTH:
            mark = parent.start_mark if parent is not None else None
            raise TooDeepError(problem="nested too deep", problem_mark=mark)

    def ascend_resolver(self) -> None:
        self._depth -= 1


class PythonParser(_Hooks, Reader, Scanner, Parser, Composer):
    """The slow parser, for a PyYAML without libyaml."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)


if yaml.__with_libyaml__:
    from yaml._yaml import CParser

    class NativeParser(_Hooks, CParser):
        """The quick parser: libyaml."""

        def __init__(self, text: str) -> None:
            CParser.__init__(self, text)

    FastestParser: type[NativeParser | PythonParser] = NativeParser
else:
    FastestParser = PythonParser


def compose(text: str, parser: type[Any] | None = None) -> yaml.Node | None:
    """Return the root node of a text with one document, None if it holds nothing. Raises yaml.MarkedYAMLError (TooDeepError included)."""
    loader = (parser or FastestParser)(text)
    try:
        with collector_paused():
            node: yaml.Node | None = loader.get_single_node()
            return node
    finally:
        loader.dispose()


@contextmanager
def collector_paused() -> Iterator[None]:
    """Hold the garbage collector still: composing makes a great many objects and no garbage, and its passes double the time."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def resolve(text: str) -> Scalar:
    """Return the value of a plain scalar."""
    if text and text[0] not in _STARTS_OF_OTHER_TYPES:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > _MAX_DIGITS:
        return text
    if _INTEGER.match(text):
        return int(text)
    if _FLOAT.match(text):
        return float(text)
    return int(text, 0) if _PREFIXED.match(text) else text
