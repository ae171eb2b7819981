"""Tells from a provider's words whether it refuses the content: sending the same again is pointless then, whatever the status says.

The words are data, ``moderation.txt``: each provider behind Krea has its own, and new ones come. A text is compared word by word, without
case; code names are taken apart (``OutputVideoSensitiveContentDetected``, ``content_policy_violation``, ``SAFETY.INPUT.TEXT``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

_GAP = "..."
_WORDS_IN_A_GAP = 6
_CAPITALS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NO_LETTERS = re.compile(r"[^a-z0-9]+")


def refuses_content(text: str) -> bool:
    """Whether the text, codes included, says that moderation refused what was asked for or what came of it."""
    refusals, others = _phrases()
    return bool(refusals.search(others.sub(" ", _words(text))))


def _words(text: str) -> str:
    """Return the words of a text in small letters, with one blank around each."""
    return f" {_NO_LETTERS.sub(' ', _CAPITALS.sub(' ', text).lower()).strip()} "


@cache
def _phrases() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return what matches refusals of content, and what is to be cut out before."""
    lines = (line.strip() for line in files("animatic.krea").joinpath("moderation.txt").read_text(encoding="utf-8").splitlines())
    phrases = [line for line in lines if line and not line.startswith("#")]
    return _any_of(line for line in phrases if line[0] != "!"), _any_of(line[1:] for line in phrases if line[0] == "!")


def _any_of(phrases: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(_pattern(phrase.split()) for phrase in phrases))


def _pattern(words: list[str]) -> str:
    """Return the expression of one phrase: every word with the blank before it, and the blank after the last."""
    parts = []
    for word in words:
        if word == _GAP:
            parts.append(rf"(?: \S+){{0,{_WORDS_IN_A_GAP}}}")
        else:
            parts.append(f" {re.escape(word.removesuffix('*'))}" + (r"\S*" if word.endswith("*") else ""))
    return "".join(parts) + "(?= )"
