"""What a list names by its own words: shots by their numbers, files that lie beside the list.

In the storyboard shots go by their ids, files by their paths from there.
"""

from __future__ import annotations

import os.path
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animatic.catalog.model import Field
from animatic.shotlist.identities import Identities


@dataclass(frozen=True, kw_only=True, slots=True)
class Folders:
    """Where a list lies, and where the storyboard is going to be."""

    source: Path
    target: Path

    def path(self, written: str) -> str:
        """Return a file's path from the storyboard; a text that names no file beside the list comes back as it is."""
        try:
            if (self.target / written).exists() or not (self.source / written).is_file():
                return written
            return Path(os.path.relpath((self.source / written).resolve(), self.target.resolve())).as_posix()
        except (OSError, ValueError):
            return written


def resolved(value: Any, field: Field | None, identities: Identities, folders: Folders, variant: str = "") -> Any:
    """Return a value of a media field with shots by their ids and files by their paths; any other value as it is."""
    if field is None or not (field.media is not None or (field.items is not None and field.items.media is not None)):
        return value
    if isinstance(value, list):
        return [_resolved(item, identities, folders, variant) for item in value]
    return _resolved(value, identities, folders, variant)


def _resolved(value: Any, identities: Identities, folders: Folders, variant: str) -> Any:
    if isinstance(value, str):
        meant = identities.meant(value, variant)
        return meant if meant is not None else folders.path(value)
    if isinstance(value, dict) and isinstance(value.get("shot"), str):
        return {**value, "shot": identities.meant(value["shot"], variant) or value["shot"]}
    if isinstance(value, dict) and isinstance(value.get("file"), str):
        return {**value, "file": folders.path(value["file"])}
    return value
