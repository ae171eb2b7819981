"""Write values as YAML that is read back as they are: the one place where texts of others become part of a pipelines file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from animatic.source.build import quoted
from animatic.source.parser import resolve

_PLAIN = re.compile(r"[A-Za-z](?:[A-Za-z0-9_./()' -]*[A-Za-z0-9_/)])?\Z")
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")
"""Characters that a file must not hold, or that no editor shows."""
_INDENT = 2


def scalar(value: Any) -> str:
    """Return a number, true, false, null, or a text on one line: as it is where it can stand so, else in quotes."""
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.match(value) and isinstance(resolve(value), str):
        return value
    return quoted_text(value)


def quoted_text(text: str) -> str:
    """Return a text in quotes, on one line, with escapes for what cannot be seen."""
    return in_json(text) if UNSEEN.search(text) else quoted(text)


def in_json(text: str) -> str:
    """Return a text as JSON has it, which YAML reads too, with escapes for what cannot be seen."""
    return UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))


def flow(value: Any) -> str:
    """Return any value of plain data on one line: lists in brackets, mappings in braces."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(str(key))}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    return scalar(value)


def block(text: str, indent: int) -> str:
    """Return a long text in quotes, or as a literal block below its key, which stands ``indent`` columns in, where it has several lines."""
    lines = text.split("\n")
    shows = all(line == line.rstrip() and not UNSEEN.search(line) for line in lines)
    if len(lines) == 1 or not shows or not lines[0] or not lines[-1] or lines[0][0].isspace() or any(line[:1].isspace() for line in lines):
        return quoted_text(text)
    margin = " " * (indent + _INDENT)
    return "\n".join(["|-", *(f"{margin}{line}" if line else "" for line in lines)])
