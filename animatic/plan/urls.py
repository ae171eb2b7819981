"""Tells what speaks against a URL that is passed on to Krea, as far as it can be seen without fetching it."""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from animatic.catalog.model import Media
from animatic.formats import medium_of_suffix
from animatic.proxies import is_inside

_SHOWN: dict[str, str] = {"image": "an image", "video": "a clip", "audio": "sound", "model": "a 3D model", "document": "a document"}


def is_at_krea(url: str) -> bool:
    """Tell whether an address lies at Krea, so that every model takes it."""
    host = (urlsplit(url).hostname or "").lower()
    return host == "krea.ai" or host.endswith(".krea.ai")


def doubt_about(url: str, media: Media) -> tuple[str, str] | None:
    """Return why Krea will hardly find in a URL what a field takes, and what to write instead; None if nothing speaks against it."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if is_inside(host):
        return f"Krea cannot reach {host}", "write the path of the file: it is uploaded to Krea once"
    if host.endswith("dropbox.com") and "dl=0" in parts.query.split("&"):
        return "a Dropbox link with dl=0 leads to a page, not to the file", "write dl=1 (or raw=1) at its end"
    if host == "drive.google.com":
        return "a Google Drive link leads to a page, not to the file", "download it, and write the path of the file"
    name = unquote(PurePosixPath(parts.path).name)
    given = medium_of_suffix(PurePosixPath(name).suffix)
    if given is not None and "any" not in (media, given) and given != media:
        return f"by its name, {name} is {_SHOWN[given]}; the field takes {_SHOWN[media]}", "check that it is the right address"
    return None
