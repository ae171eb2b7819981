"""The small preview that the older result form names beside a clip."""

from __future__ import annotations

import io
from pathlib import Path

import av
from PIL import Image

_WIDTH = 480


def poster(path: Path) -> bytes:
    """Return a JPEG of a still, or of the frame in the middle of a clip."""
    if path.suffix == ".mp4":
        with av.open(str(path)) as container:
            container.seek((container.duration or 0) // 2)
            image = Image.fromarray(next(container.decode(video=0)).to_ndarray(format="rgb24"))
    else:
        with Image.open(path) as opened:
            image = opened.convert("RGB")
    image.thumbnail((_WIDTH, _WIDTH))
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=80)
    return buffer.getvalue()
