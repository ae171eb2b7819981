"""Warnings about prompts that are not what their author sees: cut short by a '#', or with typographic quotes that do not quote."""

from __future__ import annotations

import re
from collections.abc import Iterator

from animatic.errors import Problem
from animatic.source import Document

_CUT = re.compile(r"^[ ]*(?:-[ ]+)?(?:negative_)?prompt:[ ]+(?![\"'|>#])[^\n\r]*?(?<=\S)(?P<rest>[ ]+#(?![ #\r\n])[^\n\r]*)", re.MULTILINE)
_QUOTED = re.compile(r"^[ ]*(?:-[ ]+)?(?:negative_)?prompt:[ ]+(?P<open>[“”„‘’«])[^\n\r]*[“”‘’»][ ]*$", re.MULTILINE)
_OPENING = "“”„‘’«"


def check_prompts(document: Document) -> Iterator[Problem]:
    """Yield a warning for every prompt that looks like more or less than what would be sent."""
    text = document.text
    if " #" in text:
        for match in _CUT.finditer(text):
            lost = match["rest"].strip()
            yield Problem(
                "the prompt ends here: YAML takes the rest of the line for a comment",
                document.positions.place(match.start("rest") + len(match["rest"]) - len(match["rest"].lstrip()), len(lost)),
                hint="quote the prompt if this belongs to it, or put a space behind the '#' if it does not",
                severity="warning",
                code="prompt",
            )
    for match in _QUOTED.finditer(text) if any(quote in text for quote in _OPENING) else ():
        yield Problem(
            f"the quotes {match['open']} are part of the prompt: YAML knows only straight ones",
            document.positions.place(match.start("open"), 1),
            hint="remove them, or write straight quotes",
            severity="warning",
            code="prompt",
        )
