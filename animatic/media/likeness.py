"""Compares pictures: tells whether two are the same one, whatever their size and compression."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from animatic.media.frames import first_picture

_GRID = (24, 24)
"""So small that compression and scaling do not show, and large enough for what is where."""


def fingerprint_of_picture(path: Path) -> bytes:
    """Return what a still, or the first frame of a clip, looks like, for `likeness`. Raises BadClipError if it does not decode."""
    return first_picture(path).resize(_GRID, Image.Resampling.BOX).tobytes()


def likeness(one: bytes, other: bytes) -> float:
    """Return how alike two pictures are: 1 for the same one, 0 for a picture and its negative."""
    difference = sum(abs(left - right) for left, right in zip(one, other, strict=True))
    return round(1 - difference / (255 * len(one)), 3)
