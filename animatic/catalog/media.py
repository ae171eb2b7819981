"""Which media a URI field takes, and where in a request body such fields are.

Krea declares media fields only as URIs; whether an image, a clip or a sound is due follows from the field's name. `TABLE` is total over the
committed catalogue (a test holds it to that); a name that only a refreshed catalogue brings is read by its words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from animatic.catalog.model import Field, Media, Model

Path = tuple[str | int, ...]

TABLE: Mapping[str, Media] = {
    "audio_url": "audio",
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
    "mask_url": "image",
    "reference_audios[]": "audio",
    "reference_images[]": "image",
    "reference_images[].url": "image",
    "reference_uri": "image",
    "reference_videos[]": "video",
    "references[].uri": "image",
    "scene_image_url": "image",
    "start_image": "image",
    "start_video": "video",
    "style_images[].url": "image",
    "style_references[].url": "image",
    "subjects[].image[]": "image",
    "video_reference.url": "video",
}


def media_of(pattern: str) -> Media:
    """Return the media of a URI field by its path, items as ``[]``: ``reference_images[]``, ``video_reference.url``."""
    known = TABLE.get(pattern)
    if known is not None:
        return known
    for words, media in ((("audio", "voice", "music"), "audio"), (("video", "clip"), "video"), (("image", "mask", "photo"), "image")):
        if any(word in pattern.lower() for word in words):
            return media  # type: ignore[return-value]
    return "any"


def media_fields(model: Model) -> Mapping[str, Media]:
    """Return every URI field of the model at any depth, by path with items as ``[]``."""
    found: dict[str, Media] = {}
    for name, field in model.fields.items():
        _collect(field, name, found)
    return found


def media_places(model: Model, body: Mapping[str, Any]) -> Iterator[tuple[Path, Any, Media]]:
    """Yield path, value and media of every URI place that the body fills, lists item by item, in the order of the body.

    Values are whatever stands there: text, a mapping such as ``{"shot": "dawn"}``, or None. A place whose container has the wrong type is left
    out; `check_body` reports that.
    """
    for name, value in body.items():
        field = model.fields.get(name)
        if field is not None:
            yield from _places(field, value, (name,))


def _collect(field: Field, pattern: str, found: dict[str, Media]) -> None:
    if field.media is not None:
        found[pattern] = field.media
    if field.items is not None:
        _collect(field.items, f"{pattern}[]", found)
    for name, child in (field.properties or {}).items():
        _collect(child, f"{pattern}.{name}", found)
    for branch in field.one_of:
        _collect(branch, pattern, found)


def _places(field: Field, value: Any, path: Path) -> Iterator[tuple[Path, Any, Media]]:
    if field.media is not None:
        yield path, value, field.media
    elif field.items is not None:
        if isinstance(value, list | tuple):
            for index, item in enumerate(value):
                yield from _places(field.items, item, (*path, index))
    elif field.properties is not None:
        if isinstance(value, Mapping):
            for name, item in value.items():
                child = field.properties.get(name)
                if child is not None:
                    yield from _places(child, item, (*path, name))
    else:
        seen: set[Path] = set()
        for branch in field.one_of:
            for place in _places(branch, value, path):
                if place[0] not in seen:
                    seen.add(place[0])
                    yield place
