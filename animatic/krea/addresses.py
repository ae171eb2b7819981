"""Finds the addresses in a job's result: everywhere in it, as a completed job was billed, and its result has no one shape.

Whole addresses come first, those in known places before others, then previews, then what can only be guessed to be one: without a scheme,
relative to the API, with blanks in it, or in the middle of a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

from animatic.krea.bodies import parse_json

_URL_KEYS = ("video_url", "image_url", "audio_url", "url")
_ADDRESS = re.compile(r"(?:https?://|/{1,2}(?!/))[^\s/][^\s]*|data:(?:video|image|audio|model)/[\w.+-]+;base64,[\w+/=\s-]+", re.IGNORECASE)
"""With scheme and host, without scheme (``//host/path``), without host (``/path``), or the file itself."""
_BLANKS = re.compile(r"https?://[^\s/]+/[^\s](?:[^\r\n\t]*[^\s])?", re.IGNORECASE)
_HOST_FIRST = re.compile(r"(?:(?:[a-z0-9-]+\.)+[a-z]{2,}|\d{1,3}(?:\.\d{1,3}){3})(?::\d+)?/\S+", re.IGNORECASE)
_SUFFIX = r"\.(?:mp4|m4v|mov|webm|png|jpe?g|webp|gif|avif|mp3|m4a|wav|glb)"
_RELATIVE = re.compile(rf"[^\s:/?#]+(?:/[^\s/?#]+)*{_SUFFIX}(?:\?\S*)?", re.IGNORECASE)
_IN_TEXT = re.compile(rf"https?://[^\s/\"'<>()\[\]]+/[^\s?#\"'<>()\[\]]+{_SUFFIX}(?:\?[^\s\"'<>()\[\]]*)?", re.IGNORECASE)
"""A sentence may hold addresses of pages, too: of media only what is called so."""
_ADDRESS_KEY = re.compile(r"(?:^|_)(?:ur[li]|src|href|link|file|video|image|audio|model|output|download|result)s?$", re.IGNORECASE)
"""Keys of which a value may be an address that does not look like one."""
_PREVIEW = re.compile(r"preview", re.IGNORECASE)
"""Keys and types of what is only an extract of the result: taken where there is nothing better."""
_NO_RESULT = re.compile(r"thumb|poster|^(inputs?|request|params|parameters|arguments|webhook.*|error|.*prompt)$", re.IGNORECASE)
"""Keys below which no result stands: a thumbnail passes for a still, and what was sent in passes for what came out."""
_MAX_DEPTH = 12
_GUESSED = 2
"""How good what can only be guessed is: behind what is meant (0) and previews (1)."""


def addresses(result: Any, base: str) -> list[str]:
    """Return the addresses in a result, each once, the likeliest first. ``base``: the API's, empty where it is not known."""
    found = [*_known_places(result), *_found(result, depth=0, preview=False, named=True)]
    return list(dict.fromkeys(url for rank in (0, 1, _GUESSED) for address, own in found if own == rank and (url := whole(address, base))))


def whole(address: str, base: str) -> str | None:
    """Return an address with scheme and host; None where they are missing and cannot be known."""
    if not address.startswith("/"):
        return address  # untouched: a signature may cover every byte of it
    try:
        return urljoin(base, address) if base else None
    except ValueError:  # a host that is none
        return None


def _known_places(result: Any) -> Iterator[tuple[str, int]]:
    if isinstance(result, Mapping):
        for key in ("urls", *_URL_KEYS):
            yield from _found(result.get(key), depth=0, preview=False, named=True)


def _found(value: Any, *, depth: int, preview: bool, named: bool) -> Iterator[tuple[str, int]]:
    """Yield every address in a value, and how good it is: lists, objects, and strings that are JSON themselves are searched.

    ``named``: whether its key says that it is an address.
    """
    if depth > _MAX_DEPTH:
        return
    match value:
        case str() if _ADDRESS.fullmatch(value.strip()):
            yield value.strip(), int(preview)
        case str() if value.lstrip().startswith(("{", "[")) and (inner := _json(value)) is not None:
            yield from _found(inner, depth=depth + 1, preview=preview, named=named)
        case str():
            yield from ((address, _GUESSED) for address in _guessed(value.strip(), named=named))
        case list():
            for item in value:
                yield from _found(item, depth=depth + 1, preview=preview, named=named)
        case Mapping():
            preview = preview or bool(_PREVIEW.search(str(value.get("type", ""))))
            for key, item in value.items():
                if not _NO_RESULT.search(str(key)):
                    shown = preview or bool(_PREVIEW.search(str(key)))
                    yield from _found(item, depth=depth + 1, preview=shown, named=bool(_ADDRESS_KEY.search(str(key))))


def _json(text: str) -> Any:
    try:
        return parse_json(text)
    except ValueError:
        return None


def _guessed(text: str, *, named: bool) -> Iterator[str]:
    """Yield what may be meant as an address in a string that is none."""
    if named and _BLANKS.fullmatch(text):
        yield text.replace(" ", "%20")
    elif named and _HOST_FIRST.fullmatch(text):
        yield f"//{text}"
    elif named and _RELATIVE.fullmatch(text):
        yield f"/{text}"
    else:
        yield from _IN_TEXT.findall(text)
