"""Keeps texts that a spreadsheet would take for formulas from being run, and gives them back as they were.

A spreadsheet computes a cell that begins with ``=``, ``+``, ``-`` or ``@``. Such a cell is written with an apostrophe before it, which
spreadsheets read as "this is text", and which is taken away when the list is read; so is one apostrophe of several.
"""

from __future__ import annotations

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
_GUARDED = re.compile(r"''*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")


def guarded(text: str) -> str:
    """Return a text that no spreadsheet computes."""
    return f"'{text}" if _FORMULA.match(text) else text


def bare(text: str) -> str:
    """Return the text that ``guarded`` was given."""
    return text[1:] if _GUARDED.match(text) else text
