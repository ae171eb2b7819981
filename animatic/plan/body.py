"""Renders the fields of a shot into a request body: fills in templates, converts what they yield to the field's type, takes out references.

Where a reference stands, the body holds None; the reference's value goes on a list with its path. Fields are walked once, and a plain
value of a plain field costs one look.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from animatic.catalog.model import Field, Media
from animatic.catalog.types import rules_of
from animatic.errors import KeyPath
from animatic.plan.scopes import TemplateError
from animatic.plan.templates import TemplateContext
from animatic.spec.section import is_template


@dataclass(frozen=True, kw_only=True, slots=True)
class MediaValue:
    """What was written (and rendered) where the body takes media."""

    path: KeyPath
    media: Media
    value: Any
    max_length: int | None
    member: str | None = None
    """Of the cast that it shows; None for what the shot names itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RenderedBody:
    """A request body and how it came about."""

    body: Mapping[str, Any]
    media: tuple[MediaValue, ...]
    templates: Mapping[KeyPath, str]
    """Source of every template, by its path in the body."""
    unknown: tuple[KeyPath, ...]
    """Values that are not known yet: made from a parameter that has no value, or from a template that failed."""
    mistakes: tuple[tuple[KeyPath, TemplateError], ...]

    def is_unknown(self, path: KeyPath) -> bool:
        """Tell whether the value at a path, or one that it is part of or holds, is unknown."""
        return bool(self.unknown) and any(path[: len(at)] == at or at[: len(path)] == path for at in self.unknown)


def render_body(written: Mapping[str, Any], fields: Mapping[str, Field], context: TemplateContext) -> RenderedBody:
    """Return the body for these fields; a field of None is left out. Mistakes in templates are collected, not raised."""
    renderer = _BodyRenderer(context)
    body: dict[str, Any] = {}
    for name, value in written.items():
        field = fields.get(name)
        plain = not is_template(value) if isinstance(value, str) else not isinstance(value, dict | list)
        if plain and (field is None or (field.media is None and not field.one_of)):
            if value is not None:
                body[name] = value
        elif value is not None:
            made = renderer.value(value, field, (name,))
            if made is not _ABSENT:
                body[name] = made
    return RenderedBody(
        body=body,
        media=tuple(renderer.media),
        templates=renderer.templates,
        unknown=tuple(renderer.unknown),
        mistakes=tuple(renderer.mistakes),
    )


class _Mark:
    """A value that no file can hold."""


_ABSENT = _Mark()
_UNKNOWN = _Mark()


class _BodyRenderer:
    """Renders the values of one body and keeps what it meets on the way."""

    __slots__ = ("_context", "media", "mistakes", "templates", "unknown")

    def __init__(self, context: TemplateContext) -> None:
        self._context = context
        self.media: list[MediaValue] = []
        self.templates: dict[KeyPath, str] = {}
        self.unknown: list[KeyPath] = []
        self.mistakes: list[tuple[KeyPath, TemplateError]] = []

    def value(self, value: Any, field: Field | None, path: KeyPath) -> Any:
        """Return the rendered value; ``_ABSENT`` where a template yields nothing, None in place of a reference or an unknown."""
        if isinstance(value, str) and is_template(value):
            value = self._rendered(value, field, path)
            if value is _UNKNOWN:
                return None
            if value is None:
                return _ABSENT
        if field is not None and (media := _media(field, value)):
            if value is None and isinstance(path[-1], str):
                return _ABSENT
            if isinstance(value, dict):
                before = len(self.unknown)
                value = {key: self.value(item, None, (*path, key)) for key, item in value.items()}
                if len(self.unknown) > before:
                    return None
            self.media.append(MediaValue(path=path, media=media, value=value, max_length=field.max_length))
            return None
        if isinstance(value, dict):
            made = {key: self.value(item, _property(field, key), (*path, key)) for key, item in value.items()}
            return {key: item for key, item in made.items() if item is not _ABSENT}
        if isinstance(value, list):
            item_field = _items(field)
            items = [self.value(item, item_field, (*path, index)) for index, item in enumerate(value)]
            return [None if item is _ABSENT else item for item in items]
        return value

    def _rendered(self, text: str, field: Field | None, path: KeyPath) -> Any:
        self.templates[path] = text
        try:
            rendered = self._context.render(text)
        except TemplateError as mistake:
            self.mistakes.append((path, mistake))
            self.unknown.append(path)
            return _UNKNOWN
        if not rendered.known:
            self.unknown.append(path)
            return _UNKNOWN
        return converted(rendered.value, field)


def converted(value: Any, field: Field | None) -> Any:
    """Convert what a template yielded to the field's type, where that is plain; anything else is left for the check to refuse."""
    if field is None or value is None:
        return value
    if field.enum is not None and value not in field.enum:
        return next((choice for choice in field.enum if str(choice) == str(value)), value)
    return rules_of(field.type).from_template(value)


def _media(field: Field, value: Any) -> Media | None:
    """Return the media that is due here, None where the field takes something else."""
    if field.media is not None and field.type not in {"array", "object"}:
        return field.media
    if isinstance(value, str):
        return next((choice.media for choice in field.one_of if choice.media is not None), None)
    return None


def _property(field: Field | None, name: str) -> Field | None:
    if field is None:
        return None
    for choice in (field, *field.one_of):
        if choice.properties and name in choice.properties:
            return choice.properties[name]
    return None


def _items(field: Field | None) -> Field | None:
    return None if field is None else next((choice.items for choice in (field, *field.one_of) if choice.items), None)
