"""Tells from a provider's words whether it refuses the content: sending the same again is pointless then, whatever the status says.

Unless it refuses what came out: that differs from one attempt to the next, and so does the verdict.

The words are data, ``moderation.txt``: each provider behind Krea has its own, and new ones come. A text is compared word by word, without
case; code names are taken apart (``OutputVideoSensitiveContentDetected``, ``content_policy_violation``, ``SAFETY.INPUT.TEXT``).
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_GAP = "..."
_WORDS_IN_A_GAP = 6
_CAPITALS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NO_LETTERS = re.compile(r"[^a-z0-9]+")


def refuses_content(text: str) -> bool:
    """Whether the text, codes included, says that moderation refused what was asked for or what came of it."""
    return bool(_phrases("").search(_phrases("!").sub(" ", _words(text))))


def refuses_output(text: str) -> bool:
    """Whether the text says that moderation refused what came out, and says nothing of what went in."""
    words = _words(text)
    return refuses_content(text) and bool(_phrases(">").search(words)) and not _phrases("<").search(words)


def _words(text: str) -> str:
    """Return the words of a text in small letters, with one blank around each."""
    return f" {_NO_LETTERS.sub(' ', _CAPITALS.sub(' ', text).lower()).strip()} "


@cache
def _phrases(mark: str) -> re.Pattern[str]:
    """Return what matches the phrases whose lines begin with the mark; with none, those that begin with a word."""
    lines = files("animatic.krea").joinpath("moderation.txt").read_text(encoding="utf-8").splitlines()
    phrases = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    marked = [line.removeprefix(mark) for line in phrases if (line[0] == mark if mark else line[0] not in "!<>")]
    return re.compile("|".join(_pattern(phrase.split()) for phrase in marked))


def _pattern(words: list[str]) -> str:
    """Return the expression of one phrase: every word with the blank before it, and the blank after the last."""
    parts = []
    for word in words:
        if word == _GAP:
            parts.append(rf"(?: \S+){{0,{_WORDS_IN_A_GAP}}}")
        else:
            parts.append(f" {re.escape(word.removesuffix('*'))}" + (r"\S*" if word.endswith("*") else ""))
    return "".join(parts) + "(?= )"
