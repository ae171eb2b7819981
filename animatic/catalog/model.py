"""Types of a catalogue entry: a model's route, its fields with their limits, its retired names, its rules and its prices.

The closed sets (`Kind`, `Media`, `FieldType`, `PriceUnit`) are spelled here alone; the tuple beside each is made from it. The rules of the
field types are in `animatic.catalog.types`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, assert_never, get_args

from animatic.errors import KeyPath

Kind = Literal["video", "image", "audio", "3d", "enhance"]
"""The kinds of models, and of shots."""
KINDS: tuple[Kind, ...] = get_args(Kind)
Yield = Literal["video", "image", "audio", "3d"]
"""What comes out of a model: a clip, a still, sound, or a mesh."""
YIELDS: tuple[Yield, ...] = get_args(Yield)
Media = Literal["image", "video", "audio", "any"]
MEDIA: tuple[Media, ...] = get_args(Media)
FieldType = Literal["string", "number", "integer", "boolean", "array", "object", "any"]
FIELD_TYPES: tuple[FieldType, ...] = get_args(FieldType)
PriceUnit = Literal["second", "generation", "image"]
PRICE_UNITS: tuple[PriceUnit, ...] = get_args(PriceUnit)


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
    """A reason for which Krea may refuse the field although it is listed here; the field is accepted with a warning."""
    media: Media | None = None
    """Set on every field that Krea declares as a URI: it takes a reference of this media."""
    items: Field | None = None
    properties: Mapping[str, Field] | None = None
    closed: bool = False
    """True where Krea forbids further keys in this object; elsewhere an unknown key is only a warning."""
    one_of: tuple[Field, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """The price of one request. ``usd`` None: unknown, for the reason in ``note``. Source and date are those of the price row."""

    usd: Decimal | None
    note: str = ""
    source: str = ""
    seen: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceTable:
    """Rows of a model's price list: ``when`` names request facts (resolution, duration, audio, ...), ``usd`` the price per unit."""

    unit: PriceUnit
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
    """The reason for which the route is not expected to answer any more, such as its absence from the newest document."""
    fields_date: str = ""
    """When the fields were last read, as exactly as is known (ISO date or month)."""
    typical_seconds: float | None = None
    """Average time from request to result that Krea's own tables print, where they do."""
    hosted_only: bool = False
    """Whether it refuses media that Krea does not host: what lies elsewhere is uploaded first."""
    notes: str = ""


MEDIA_BY_FIELD: Mapping[str, Media] = {
    "audio_url": "audio",
    "back_image_url": "image",
    "bottom_image_url": "image",
    "character_reference_images[]": "image",
    "edit_video": "video",
    "effects[].asset_url": "any",  # asset_type beside it says image or video
    "element_references[].images[]": "image",
    "end_image": "image",
    "end_video": "video",
    "image_style_references[].url": "image",
    "image_url": "image",
    "image_urls[]": "image",
    "init_image_url": "image",
    "init_video": "video",
    "left_front_image_url": "image",
    "left_image_url": "image",
    "mask_url": "image",
    "reference_audios[]": "audio",
    "reference_images[]": "image",
    "reference_images[].url": "image",
    "reference_uri": "image",
    "reference_videos[]": "video",
    "references[].uri": "image",
    "right_front_image_url": "image",
    "right_image_url": "image",
    "scene_image_url": "image",
    "start_image": "image",
    "start_video": "video",
    "style_images[].url": "image",
    "style_references[].url": "image",
    "subjects[].image[]": "image",
    "top_image_url": "image",
    "video_reference.url": "video",
    "video_url": "video",
}
"""Media of the URI fields that Krea's models are known to have, by path with items as ``[]``."""
_MEDIA_BY_WORD: Mapping[str, Media] = {
    "audio": "audio",
    "voice": "audio",
    "music": "audio",
    "video": "video",
    "clip": "video",
    "image": "image",
    "mask": "image",
    "photo": "image",
}


def field_name(path: KeyPath) -> str:
    """Return ``reference_images[0].url`` for ``("reference_images", 0, "url")``; the empty text for the body as a whole."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def media_of(pattern: str) -> Media:
    """Return the media of a URI field by its path, items as ``[]``: ``reference_images[]``, ``video_reference.url``."""
    known = MEDIA_BY_FIELD.get(pattern)
    if known is not None:
        return known
    return next((media for word, media in _MEDIA_BY_WORD.items() if word in pattern.lower()), "any")


def yields(model: Model) -> Yield:
    """Tell what comes out of a model. An enhancer gives back what it takes: a clip where it takes one, else a still."""
    match model.kind:
        case "video" | "image" | "audio" | "3d":
            return model.kind
        case "enhance":
            return "video" if "video" in media_fields(model).values() else "image"
        case _:
            assert_never(model.kind)


def media_fields(model: Model) -> Mapping[str, Media]:
    """Return every URI field of the model at any depth, by path with items as ``[]``."""
    found: dict[str, Media] = {}
    for name, declared in model.fields.items():
        _collect(declared, name, found)
    return found


def _collect(field: Field, pattern: str, found: dict[str, Media]) -> None:
    if field.media is not None:
        found[pattern] = field.media
    if field.items is not None:
        _collect(field.items, f"{pattern}[]", found)
    for name, child in (field.properties or {}).items():
        _collect(child, f"{pattern}.{name}", found)
    for branch in field.one_of:
        _collect(branch, pattern, found)
