"""Which field of each model takes pictures of those who must look the same, and which takes styles; what an item of it looks like.

The names and what they are for are data (`REFERENCE_FIELDS`), the shape of an item and the limits are those of the model's entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from animatic.catalog.model import Field, Kind, Model
from animatic.catalog.store import Catalog

REFERENCE_FIELDS = (
    "element_references",
    "elements",
    "character_reference_images",
    "subjects",
    "reference_images",
    "image_urls",
    "references",
    "style_images",
    "image_style_references",
    "style_references",
)
"""Fields for pictures of characters and things, the one that keeps them best first: a model that has several is given the first."""
_FOR_STYLE = frozenset({"style_images", "image_style_references", "style_references"})
"""Those among them that keep the look of a picture better than who is in it."""
STYLE_FIELD = "styles"
DEFAULT_STRENGTH = 1.0
"""Where Krea wants a strength and nobody said one."""
_ADDRESSES = ("url", "uri", "image_url")
_PICTURES = ("images", "image", "urls")
_MAX_SUGGESTED = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class ReferenceField:
    """A list of pictures.

    An item is an address (``address`` and ``pictures`` are None), an object that holds one at ``address``, or one that holds all
    pictures of a member at ``pictures``.
    """

    name: str
    most: int | None
    """Items that it takes; None: no limit is known."""
    address: str | None = None
    pictures: str | None = None
    most_pictures: int | None = None
    """Pictures in one item."""
    tag: Field | None = None
    """The name of an item, for prompts."""
    strength: Field | None = None
    max_length: int | None = None
    """Of an address."""

    def count(self, pictures: int) -> int:
        """Return how many items so many pictures of one member are."""
        return min(pictures, 1) if self.pictures is not None else pictures

    def tagged(self, name: str, taken: Iterator[str] | set[str]) -> str:
        """Return a tag for a member that the field takes and that is not taken yet: the name, as nearly as its rules allow."""
        least = (self.tag.min_length if self.tag else None) or 1
        most = (self.tag.max_length if self.tag else None) or 16
        plain = re.sub(r"[^a-z0-9_]", "_", name.lower()).lstrip("_0123456789") or "cast"
        plain = plain[:most].ljust(least, "_")
        number, found, used = 1, plain, set(taken)
        while found in used:
            number += 1
            found = f"{plain[: most - len(str(number)) - 1]}_{number}"
        return found


def reference_field(model: Model) -> ReferenceField | None:
    """Return the field of a model that takes pictures of the cast, None where it has none."""
    return next((found for name in REFERENCE_FIELDS if (found := _shape(name, model.fields.get(name)))), None)


def style_field(model: Model) -> Field | None:
    """Return the field of a model that takes styles of Krea's, None where it has none."""
    field = model.fields.get(STYLE_FIELD)
    return field if field is not None and field.items is not None and "id" in (field.items.properties or {}) else None


def _shape(name: str, field: Field | None) -> ReferenceField | None:
    if field is None or field.items is None:
        return None
    item = field.items
    if item.media == "image" and not item.properties:
        return ReferenceField(name=name, most=field.max_items, max_length=item.max_length)
    parts: Mapping[str, Field] = item.properties or {}
    tag, strength = parts.get("tag"), parts.get("strength")
    for key in _ADDRESSES:
        if key in parts and parts[key].media == "image":
            length = parts[key].max_length
            if _only(item, key, "tag", "strength"):
                return ReferenceField(name=name, most=field.max_items, address=key, tag=tag, strength=strength, max_length=length)
    for key in _PICTURES:
        inside = parts[key].items if key in parts else None
        if inside is not None and inside.media == "image" and _only(item, key, "tag", "strength"):
            return ReferenceField(
                name=name,
                most=field.max_items,
                pictures=key,
                most_pictures=parts[key].max_items,
                tag=tag,
                strength=strength,
                max_length=inside.max_length,
            )
    return None


def _only(item: Field, *known: str) -> bool:
    """Tell whether nothing else is required of an item than what we know how to fill."""
    return all(name in known or not part.required for name, part in (item.properties or {}).items())


def models_for(catalog: Catalog, kind: Kind, pictures: Mapping[str, int], styles: int, *, own: int = 0) -> tuple[str, ...]:
    """Return up to three models of a kind that take these pictures (a number for each member), ``own`` more, and so many styles.

    Each is followed by what it takes at most, ``minimax/h3-max (12)``; those that keep characters best come first, and that take most.
    """
    found: list[tuple[bool, int, str, str]] = []
    for model in catalog.models(kind):
        if model.withdrawn or (styles and not _takes_styles(model, styles)):
            continue
        field = reference_field(model)
        if pictures and (field is None or not _takes(field, pictures, own)):
            continue
        most = field.most if field is not None and pictures else None
        rank = -(most or 1_000) if pictures else 0
        weak = field is not None and field.name in _FOR_STYLE
        found.append((weak, rank, model.name, f"{model.name} ({most})" if most else model.name))
    return tuple(text for *_, text in sorted(found)[:_MAX_SUGGESTED])


def _takes(field: ReferenceField, pictures: Mapping[str, int], own: int) -> bool:
    wanted = own + sum(field.count(number) for number in pictures.values())
    each = field.most_pictures is None or all(number <= field.most_pictures for number in pictures.values())
    return each and (field.most is None or wanted <= field.most)


def _takes_styles(model: Model, styles: int) -> bool:
    field = style_field(model)
    return field is not None and (field.max_items is None or styles <= field.max_items)


def style_item(style: str, strength: Any) -> dict[str, Any]:
    """Return an item of a model's ``styles``."""
    return {"id": style, "strength": DEFAULT_STRENGTH if strength is None else strength}
