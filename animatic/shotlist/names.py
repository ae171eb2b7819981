"""The columns of shot lists: which field each name means, however people write it, and which cells speak of a run."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from animatic.spec.keys import SHOT
from animatic.suggest import closest

RUN_COLUMNS = ("state", "take", "price", "file")
"""What `export` adds: how the shot came out. Where all four are there, they are no part of the list."""
VARIANT = "variant"
SCENE, SHOT_NUMBER = "scene", "shot"
LISTED = " (list)"
"""Behind the name of a column that is the list's own, although a field or a column of a run has that name."""
_FIELD_NAMES: Mapping[str, tuple[str, ...]] = {
    "id": ("shot_id", "shot_no", "shot_number", "shot_code", "no", "nr", "number", "slate", "shot"),
    "prompt": (
        "description",
        "shot_description",
        "visual",
        "visuals",
        "visual_description",
        "image_description",
        "picture",
        "action",
        "shot_action",
        "what_we_see",
        "video",
    ),
    "scene": ("scene_no", "scene_number", "scene_name", "scene_heading", "slugline", "sc"),
    "title": ("name", "shot_name", "shot_title", "heading"),
    "line": ("dialogue", "dialog", "spoken", "voice_over", "voiceover", "vo", "narration", "spoken_text", "script"),
    "duration": ("length", "seconds", "secs", "sec", "time", "runtime", "running_time", "dur", "shot_length"),
    "cast": ("characters", "character", "talent", "cast_members"),
    "aspect_ratio": ("ratio", "aspect"),
    "start_image": ("start_frame", "first_frame", "opening_frame"),
    "end_image": ("end_frame", "last_frame", "closing_frame"),
    "reference_images": ("references", "reference", "refs", "ref", "reference_image", "image_references", "image_reference"),
    "negative_prompt": ("negative",),
    "resolution": (),
    "seed": (),
    "model": (),
    "kind": (),
}
"""Field -> names by which shot lists call it, the surest first."""
_BY_NAME = {alias: field for field, aliases in _FIELD_NAMES.items() for alias in (field, *aliases)}
_TYPED = {name: field for name, field in _BY_NAME.items() if len(name) > 4 and field not in {"start_image", "end_image"}}  # noqa: PLR2004 (shorter ones resemble too much)
"""Names in which a slip of the pen is seen through."""
_MAX_SLIP = 2
"""Letters more or less that a slip makes."""
OURS = frozenset(SHOT.known) - {"when"}
"""Keys of a shot that a list may have. Conditions are no text of a list: they are written into the pipelines file."""


def snaked(header: str) -> str:
    """Return a header as a name: ``Shot No.`` is ``shot_no``, ``Länge (s)`` is ``lange``; empty where nothing is left."""
    apart = unicodedata.normalize("NFKD", re.sub(r"\([^)]*\)", " ", header)).casefold()
    kept = "".join(character for character in apart if not unicodedata.combining(character))
    return re.sub(r"[^\w]+", "_", kept).strip("_")


def guessed(header: str) -> str | None:
    """Return the field that a header means by a name of shot lists, or by one that is nearly so; None for any other."""
    if header.strip() == "#":
        return "id"
    name = snaked(header)
    parts = [name, *(snaked(part) for part in re.split(r"[/|,;&+]| and | or ", header))]
    found = next((_BY_NAME[part] for part in parts if part in _BY_NAME), None)
    if found is not None or not name:
        return found
    close = closest(name, _TYPED)
    return _TYPED[close] if close is not None and abs(len(close) - len(name)) <= _MAX_SLIP and close[0] == name[0] else None


def sureness(header: str, field: str) -> int:
    """Return how surely a header means a field, 0 for its own name, to choose between two columns that may be meant."""
    names = (field, *_FIELD_NAMES.get(field, ()))
    name = snaked(header)
    return names.index(name) if name in names else len(names)
