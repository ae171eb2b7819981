"""Compares pictures: tells whether two are the same one, whatever their size, compression and exposure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from animatic.media.frames import first_picture

_GRID = (24, 24)
"""So small that compression and scaling do not show, and large enough for what is where."""
_PLAIN = 6.0
"""Standard deviation, in levels of 255, below which a picture shows too little to be told from others."""


def fingerprint_of_picture(path: Path) -> bytes:
    """Return what a still, or the first frame of a clip, looks like, for `likeness`. Raises BadClipError if it does not decode."""
    return first_picture(path).resize(_GRID, Image.Resampling.BOX).tobytes()


def likeness(one: bytes, other: bytes) -> float | None:
    """Return how alike two pictures are: 1 for the same one, about 0 for two that have nothing in common. None: one of them is too plain.

    It is the correlation of what is bright and dark where: two dark pictures are not alike because they are dark.
    """
    left, right = (np.frombuffer(picture, dtype=np.uint8).astype(float) for picture in (one, other))
    if min(left.std(), right.std()) < _PLAIN:
        return None
    return round(float(np.corrcoef(left, right)[0, 1]), 3)
