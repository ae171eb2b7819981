"""Computes fingerprints of takes: a hash of the resolved request, with every reference replaced by what it will point to.

Fingerprints form a Merkle tree over the storyboard: a change upstream changes every fingerprint downstream. Nothing cosmetic enters: no
ids, titles, places, notes, prices or key order; ``6`` and ``6.0`` are the same number.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, assert_never

from animatic.plan.model import FileInput, Input, Request, ShotInput, UrlInput


def base_of(request: Request, upstream: Mapping[str, str], salt: Mapping[str, str] | None = None) -> str:
    """Return the fingerprint without the take number.

    ``upstream`` holds the fingerprint of every step that the request's inputs name (KeyError otherwise); ``salt`` keeps requests apart
    that would be the same (``reuse: run`` and ``never``).
    """
    content: dict[str, Any] = {
        "model": request.model,
        "body": filled(request.body, {i.path: _content(i, upstream) for i in request.inputs}),
    }
    if salt:
        content["salt"] = salt
    return _digest(content)


def fingerprint_of(base: str, take: int) -> str:
    """Return the fingerprint of one take."""
    return _digest({"base": base, "take": take})


def filled(body: Mapping[str, Any], values: Mapping[tuple[str | int, ...], Any]) -> dict[str, Any]:
    """Return a copy of the body with the values put at their paths; what is not on a path is shared, not copied."""
    copy: dict[str, Any] = dict(body)
    owned: set[tuple[str | int, ...]] = set()
    for path, value in values.items():
        at: Any = copy
        for depth, part in enumerate(path[:-1], start=1):
            if path[:depth] not in owned:
                at[part] = list(at[part]) if isinstance(at[part], list | tuple) else dict(at[part])
                owned.add(path[:depth])
            at = at[part]
        at[path[-1]] = value
    return copy


def _content(source: Input, upstream: Mapping[str, str]) -> dict[str, Any]:
    match source:
        case ShotInput():
            return {"take": upstream[source.step], "frame": source.frame}
        case FileInput():
            return {"sha256": source.sha256}
        case UrlInput():
            return {"url": source.url}
        case _:
            assert_never(source)


def _digest(content: Any) -> str:
    text = json.dumps(_plain(content), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _plain(value: Any) -> Any:
    """Write whole floats as integers, so that ``6.0`` counts as ``6``."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
