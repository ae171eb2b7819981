"""What a local reference file is, before it is uploaded: by its content, never by its name."""

from __future__ import annotations

from pathlib import Path

from animatic.catalog.model import Media
from animatic.errors import BadClipError, BadMediaError
from animatic.media.container import identify, moving_picture, opened
from animatic.media.facts import probe

_UNREAD = {"image/heic", "image/avif"}
"""Images that Krea may take but that are not decoded here: believed by their first bytes."""


def sniff(path: Path) -> tuple[str, Media]:
    """Return MIME type and media (image, video or audio) of a local file, after decoding a little of it.

    Raises BadMediaError if it is missing, empty, no media, cut, or does not decode.
    """
    try:
        mime = identify(path)
        if mime in _UNREAD:
            return mime, "image"
        if mime.startswith("image/"):
            probe(path)
            return mime, "image"
        return _stream(path, mime)
    except BadClipError as error:
        raise BadMediaError(error.message, hint=error.hint, code="bad_media") from error


def _stream(path: Path, mime: str) -> tuple[str, Media]:
    with opened(path, mime) as container:
        if mime.startswith("video/") and moving_picture(container) is not None:
            probe(path)
            return mime, "video"
        if not container.streams.audio:
            raise BadMediaError(f"{path.name} holds neither picture nor sound", hint="export it again")
        if next(container.decode(container.streams.audio[0]), None) is None:
            raise BadMediaError(f"{path.name} holds no sound", hint="export it again")
    return mime.replace("video/", "audio/"), "audio"
