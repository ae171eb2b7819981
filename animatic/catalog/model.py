"""What a catalogue entry is: a model's route, its fields with their limits, its retired names and its prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

Kind = Literal["video", "image", "enhance"]
Media = Literal["image", "video", "audio", "any"]
FieldType = Literal["string", "number", "integer", "boolean", "array", "object", "any"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One field of a request body, as deep as the schema goes. None means: no such limit."""

    type: FieldType
    description: str = ""
    required: bool = False
    nullable: bool = False
    default: Any = None
    has_default: bool = False
    enum: tuple[Any, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: float | None = None
    exclusive_maximum: float | None = None
    multiple_of: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    min_items: int | None = None
    max_items: int | None = None
    pattern: str | None = None
    format: str | None = None
    """``uuid`` or another format of JSON Schema; a URI is told by ``media`` instead."""
    deprecated: bool = False
    caution: str = ""
    """Why Krea may refuse the field although it is listed here; it is accepted with a warning."""
    media: Media | None = None
    """Set on every field that Krea declares as a URI: it takes a reference of this media."""
    items: Field | None = None
    properties: Mapping[str, Field] | None = None
    closed: bool = False
    """True where Krea forbids further keys in this object; elsewhere an unknown key is only a warning."""
    one_of: tuple[Field, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """What one request costs. ``usd`` None: unknown, and ``note`` says why. Source and date are of the catalogue's row."""

    usd: Decimal | None
    note: str = ""
    source: str = ""
    seen: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceTable:
    """Rows of a model's price list: ``when`` names request facts (resolution, duration, audio, ...), ``usd`` the price per unit."""

    unit: Literal["second", "generation", "image"]
    rows: tuple[tuple[Mapping[str, Any], Decimal], ...]
    complete: bool
    source: str
    seen: str = ""
    note: str = ""
    unless: tuple[str, ...] = ()
    """Fields that change the price in a way no row tells: with one of them set, the price is unknown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A known fact about fields that do not go together: with all of ``fields`` set, ``message`` is a warning."""

    fields: tuple[str, ...]
    message: str
    hint: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sunset:
    """A model that Krea switched off before this catalogue began: since when, and what Krea names instead."""

    name: str
    date: str
    replacement: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """One route of Krea's API."""

    name: str
    """``provider/model``; the model part may hold a slash (``krea/krea-2/large``)."""
    title: str
    kind: Kind
    endpoint: str
    fields: Mapping[str, Field]
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Retired camelCase name -> the name of today."""
    aliases_until: str = ""
    """ISO date up to which Krea accepted the retired names."""
    removed: Mapping[str, str | None] = field(default_factory=dict)
    """Fields that an earlier document listed and the newest does not -> the field that took over, if there is one."""
    rules: tuple[Rule, ...] = ()
    price: PriceTable | None = None
    withdrawn: str | None = None
    """Why the route is not expected to answer any more, where that is known (absent from the newest document)."""
    fields_date: str = ""
    """When the fields were last read, as exactly as is known (ISO date or month)."""
    typical_seconds: float | None = None
    """Average time from request to result that Krea's own tables print, where they do."""
    notes: str = ""
