"""From fields as written to a request body: templates rendered, rendered text turned into the type that is due, references taken out.

Where a reference stands, the body holds None; the reference's value goes on a list with its place. A shot's fields are walked once, and a plain value of a
plain field costs one look.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from animatic.catalog.model import Field, Media
from animatic.catalog.types import rules_of
from animatic.errors import KeyPath
from animatic.plan.templates import Scopes, TemplateError, is_template, mentions, render


@dataclass(frozen=True, kw_only=True, slots=True)
class MediaValue:
    """What was written (and rendered) where the body takes media."""

    path: KeyPath
    media: Media
    value: Any
    max_length: int | None


@dataclass(kw_only=True, slots=True)
class Filled:
    """A body, and what is to be known about its making."""

    body: dict[str, Any]
    media: list[MediaValue] = field(default_factory=list)
    templates: dict[KeyPath, str] = field(default_factory=dict)
    """Source of every template, by its path in the body."""
    unknown: set[KeyPath] = field(default_factory=set)
    """Values that are not known yet: made from a parameter that has no value, or from a template that failed."""
    mistakes: list[tuple[KeyPath, TemplateError]] = field(default_factory=list)

    def is_unknown(self, path: KeyPath) -> bool:
        """Tell whether the value at a path, or one that it is part of or holds, is unknown."""
        return bool(self.unknown) and any(path[: len(at)] == at or at[: len(path)] == path for at in self.unknown)


class BodyRenderer:
    """Fills fields for one shot.

    ``samples`` are parameters that only have stand-in values, ``axes`` parts of the matrix that are made from such: what uses them counts as unknown.
    """

    def __init__(self, names: Scopes, samples: frozenset[str] = frozenset(), axes: frozenset[str] = frozenset()) -> None:
        self._names = names
        self._samples = samples
        self._axes = axes

    def fill(self, written: Mapping[str, Any], fields: Mapping[str, Field]) -> Filled:
        """Return the body for these fields; a field of None is left out. Mistakes in templates are collected, not raised."""
        filled = Filled(body={})
        body = filled.body
        for name, value in written.items():
            known = fields.get(name)
            plain = not is_template(value) if isinstance(value, str) else not isinstance(value, dict | list)
            if plain and (known is None or (known.media is None and not known.one_of)):
                if value is not None:
                    body[name] = value
            elif value is not None:
                made = self._value(value, known, (name,), filled)
                if made is not _ABSENT:
                    body[name] = made
        return filled

    def text(self, text: str) -> tuple[Any, bool]:
        """Render one string outside of a body. Returns the value and whether it is known. Raises TemplateError."""
        if not is_template(text):
            return text, True
        return render(text, self._names), self._is_known(text)

    def _is_known(self, text: str) -> bool:
        return not mentions(text, "params", self._samples) and not mentions(text, "matrix", self._axes)

    def _value(self, value: Any, known: Field | None, path: KeyPath, filled: Filled) -> Any:
        if isinstance(value, str) and is_template(value):
            value = self._rendered(value, known, path, filled)
            if value is _UNKNOWN:
                return None
            if value is None:
                return _ABSENT
        if known is not None and (media := _media(known, value)):
            if value is None and isinstance(path[-1], str):
                return _ABSENT
            filled.media.append(MediaValue(path=path, media=media, value=value, max_length=known.max_length))
            return None
        if isinstance(value, dict):
            made = {key: self._value(item, _property(known, key), (*path, key), filled) for key, item in value.items()}
            return {key: item for key, item in made.items() if item is not _ABSENT}
        if isinstance(value, list):
            item_field = _items(known)
            items = [self._value(item, item_field, (*path, index), filled) for index, item in enumerate(value)]
            return [None if item is _ABSENT else item for item in items]
        return value

    def _rendered(self, text: str, known: Field | None, path: KeyPath, filled: Filled) -> Any:
        filled.templates[path] = text
        try:
            value = render(text, self._names)
        except TemplateError as mistake:
            filled.mistakes.append((path, mistake))
            filled.unknown.add(path)
            return _UNKNOWN
        if not self._is_known(text):
            filled.unknown.add(path)
            return _UNKNOWN
        return coerced(value, known)


def coerced(value: Any, known: Field | None) -> Any:
    """Turn what a template yielded into the type that the field wants, where that is plain; anything else is left for the check to refuse."""
    if known is None or value is None:
        return value
    if known.enum is not None and value not in known.enum:
        return next((choice for choice in known.enum if str(choice) == str(value)), value)
    return rules_of(known.type).from_template(value)


def _media(known: Field, value: Any) -> Media | None:
    """Return the media that is due here, None where the field takes something else."""
    if known.media is not None and known.type not in {"array", "object"}:
        return known.media
    if isinstance(value, str):
        return next((choice.media for choice in known.one_of if choice.media is not None), None)
    return None


def _property(known: Field | None, name: str) -> Field | None:
    if known is None:
        return None
    for choice in (known, *known.one_of):
        if choice.properties and name in choice.properties:
            return choice.properties[name]
    return None


def _items(known: Field | None) -> Field | None:
    return None if known is None else next((choice.items for choice in (known, *known.one_of) if choice.items), None)


class _Mark:
    """A value that no file can hold."""


_ABSENT = _Mark()
_UNKNOWN = _Mark()
