"""Read the keys of one mapping by type and note every mistake; decoding goes on behind each."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from animatic.errors import KeyPath, Place, Problem, Severity
from animatic.source import Document
from animatic.spec.keys import Level
from animatic.suggest import did_you_mean, snake

Option = TypeVar("Option", bound=str)

_DURATION = re.compile(r"(?=\d)(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?\Z")
_UNITS = (86_400, 3_600, 60, 1)
_MAX_DAYS = 3650
"""Days that a time span has at most: moments of the calendar are counted from it, and the calendar ends."""
_MAX_SHOWN = 40
"""Characters of a text that a message quotes."""
YES_NO = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
"""Words that mean true or false to people, though only two of them do to YAML."""


class Section:
    """The keys of one mapping of a document.

    ``label`` opens its messages (``pipeline 'coast-teaser'``; empty at the top of a file). Methods return None, or the default, where
    a key is missing or its value is not what it should be; the latter is in ``problems`` then, which all sections of a file share.
    """

    __slots__ = ("document", "label", "path", "problems", "values")

    def __init__(self, document: Document, values: Mapping[str, Any], path: KeyPath, label: str, problems: list[Problem]) -> None:
        self.document = document
        self.values = values
        self.path = path
        self.label = label
        self.problems = problems

    def below(self, key: str | int, values: Mapping[str, Any], label: str) -> Section:
        """Return a section for a mapping inside this one."""
        return Section(self.document, values, (*self.path, key), label, self.problems)

    def note(
        self,
        message: str,
        *path: str | int,
        hint: str | None = None,
        code: str = "invalid",
        key: bool = False,
        severity: Severity = "error",
        related: tuple[tuple[Place, str], ...] = (),
    ) -> None:
        """Add a problem at a place below this section."""
        text = f"{self.label}: {message}" if self.label else message
        place = self.document.place((*self.path, *path), key=key)
        self.problems.append(Problem(text, place, hint=hint, code=code, severity=severity, related=related))

    def check_keys(self, level: Level) -> None:
        """Note every key that this level does not have."""
        for key in self.values:
            if key not in level.known and not (level.unread and key.startswith(level.unread)):
                self.unknown_key(key, level)

    def unknown_key(self, key: str, level: Level) -> None:
        """Note one key that this level does not have."""
        hint = level.advice.get(key) or level.advice.get(snake(key))
        if hint is None and level.unread and re.match(r"[xX][-_]", key):
            hint = f"write {level.unread}{key[2:]}: keys that begin so hold YAML anchors"
        if hint is None:
            hint = f"write {snake(key)}" if snake(key) in level.known else did_you_mean(key, level.known)
        self.note(f"unknown key '{key}'", key, key=True, hint=hint, code="unknown-key")

    def written(self, value: Any, *path: str | int) -> str:
        """Return a value as the file writes it: what is the number 3.1 to YAML may stand there as ``3.10``."""
        written = self.document.written((*self.path, *path))
        return written if written and isinstance(value, (int, float)) else str(value)

    def quoting(self, value: Any, *path: str | int) -> str:
        """Return what to write where text is due: the value in quotes, where that helps."""
        if isinstance(value, (int, float)):
            return f'quote it: "{self.written(value, *path)}"'
        return "write something, or take it out" if value is None or isinstance(value, str) else "write one text, in quotes"

    def check_empty(self, besides: Collection[str] = (), *, null: str = "drops a default") -> None:
        """Note keys without a value. One that is ``null`` on purpose means something, which ``null`` says."""
        for key, value in self.values.items():
            if value is None and key not in besides and self.document.written((*self.path, key)) == "":
                hint = f"give it a value, or remove it; '{key}: null' {null}"
                self.note(f"'{key}' is left empty", key, key=True, hint=hint, code="empty")

    def wrong(self, key: str, expected: str, *, hint: str | None = None) -> None:
        """Note that a value is not what it should be."""
        self.note(f"{key} must be {expected}, and it is {describe(self.values[key])}", key, hint=hint, code="type")

    def text(self, key: str) -> str | None:
        """Return a text that is not empty."""
        value = self.values.get(key)
        if isinstance(value, str) and value.strip():
            return value
        if value is None and key not in self.values:
            return None
        self.wrong(key, "text", hint=self.quoting(value, key))
        return None

    def boolean(self, key: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self.values.get(key, default)
        if isinstance(value, bool):
            return value
        meant = YES_NO.get(value.lower()) if isinstance(value, str) else None
        self.wrong(
            key,
            "true or false",
            hint=f"write '{key}: {str(meant).lower()}'" if meant is not None else "write true or false, without quotes",
        )
        return default

    def choice(self, key: str, options: Sequence[Option]) -> Option | None:
        """Return one of a few words."""
        value = self.values.get(key)
        for option in options:
            if value == option:
                return option
        if key in self.values:
            hint = did_you_mean(value, options) if isinstance(value, str) else f"write it as in '{key}: {options[0]}'"
            self.wrong(key, f"one of {', '.join(options)}", hint=hint)
        return None

    def whole(self, key: str, *, minimum: int) -> int | None:
        """Return a whole number of at least ``minimum``."""
        value = self.values.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and value >= minimum:
            return value
        if key in self.values:
            self.wrong(key, f"a whole number of at least {minimum}", hint=f"write a number, as in '{key}: {max(minimum, 2)}'")
        return None

    def money(self, key: str) -> Decimal | None:
        """Return an amount of US dollars, exactly as it was written."""
        if key not in self.values:
            return None
        value = self.values[key]
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value >= 0:
            try:
                return Decimal(self.document.written((*self.path, key)) or str(value))
            except InvalidOperation:  # a number that only YAML writes like this, such as 0x10
                return Decimal(str(value))
        hint = "write it as 3.00, without a currency sign or quotes"
        self.wrong(key, "an amount in US dollars, 0 or more", hint=hint)
        return None

    def seconds(self, key: str, *, minimum: float) -> float | None:
        """Return a time span in seconds, ten years at most, written as a number of them or as ``90s``, ``10m``, ``1h30m``, ``2d``."""
        if key not in self.values:
            return None
        value = self.values[key]
        seconds: float | None = None
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
            seconds = float(value)
        elif isinstance(value, str) and (match := _DURATION.match(value.strip())):
            seconds = sum(float(amount) * unit for amount, unit in zip(match.groups(), _UNITS, strict=True) if amount)
        if seconds is not None and seconds > _MAX_DAYS * _UNITS[0]:
            self.note(f"{key} is longer than ten years", key, hint=f"write {_MAX_DAYS}d at most, or less", code="out-of-range")
            return None
        if seconds is not None and seconds >= minimum:
            return seconds
        self.wrong(key, f"a time span of at least {minimum:g} s", hint="write seconds as a number, or 90s, 10m, 1h30m, 2d")
        return None

    def texts(self, key: str) -> tuple[str, ...] | None:
        """Return a list of texts."""
        if key not in self.values:
            return None
        value = self.values[key]
        if not isinstance(value, list):
            self.wrong(key, "a list", hint=f"write '{key}: [{value if isinstance(value, str) else '...'}]'")
            return None
        found: list[str] = []
        for index, item in enumerate(value):
            if isinstance(item, str) and item.strip():
                found.append(item)
            else:
                hint = self.quoting(item, key, index)
                self.note(f"{key} holds text only, and this is {describe(item)}", key, index, hint=hint, code="type")
        return tuple(found)

    def mapping(self, key: str, *, hint: str | None = None) -> Mapping[str, Any] | None:
        """Return a mapping."""
        if key not in self.values:
            return None
        value = self.values[key]
        if isinstance(value, dict):
            return value
        self.wrong(key, "a mapping of names and values", hint=hint)
        return None

    def mappings(self, key: str, *, hint: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Yield the mappings of a list, with their positions."""
        if key not in self.values:
            return
        value = self.values[key]
        if not isinstance(value, list):
            self.wrong(key, "a list", hint=hint)
            return
        for index, item in enumerate(value):
            if isinstance(item, dict):
                yield index, item
            else:
                self.note(f"{key} holds mappings only, and this is {describe(item)}", key, index, hint=hint, code="type")


def is_template(text: str) -> bool:
    """Tell whether a text needs rendering at all."""
    return "{" in text and ("{{" in text or "{%" in text or "{#" in text)


def describe(value: Any) -> str:
    """Return what a value is, in words."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, str):
        shown = value if len(value) <= _MAX_SHOWN else f"{value[: _MAX_SHOWN - 1]}…"
        return f"the text '{shown}'" if value.strip() else "an empty text"
    what = "list" if isinstance(value, list) else "mapping"
    return f"a {what}" if value else f"an empty {what}"
