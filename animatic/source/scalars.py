"""What a plain (unquoted) YAML scalar means: the core schema of YAML 1.2, not that of 1.1.

``16:9`` is text (1.1 reads 969), ``on`` and ``no`` are text (1.1 reads booleans), ``010`` is 10 (1.1 reads 8), dates are text.
"""

from __future__ import annotations

import re

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
_MAY_MEAN_MORE = frozenset("-+.0123456789tTfFnN~")
_LONGEST_NUMBER = 300
"""Digits: few enough to fit a double and to be converted without complaint."""


def resolve(text: str) -> Scalar:
    """Return the value of a plain scalar."""
    if text and text[0] not in _MAY_MEAN_MORE:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > _LONGEST_NUMBER:
        return text
    if _INTEGER.match(text):
        return int(text)
    if _FLOAT.match(text):
        return float(text)
    return int(text, 0) if _PREFIXED.match(text) else text
