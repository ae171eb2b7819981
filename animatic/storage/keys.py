"""What a key may look like, so that it means the same in a folder and in a bucket and never leaves either."""

from __future__ import annotations

from animatic.storage.errors import StorageRefusedError

TEMPORARY = ".tmp-"
"""File names that start like this are unfinished: never listed, never a valid part of a key."""

LONGEST_KEY = 900
"""Bytes. S3 allows 1,024 for prefix and key together."""


def check_key(key: str) -> str:
    """Return the key itself.

    Raises StorageRefusedError if it is empty, absolute, too long, holds ``.``, ``..``, an empty part, a backslash or a control character,
    or has a part that looks like an unfinished file.
    """
    if problem := _problem(key):
        raise StorageRefusedError(f"{key!r} is no usable storage key: {problem}", hint="use relative names, parts separated by '/'")
    return key


def check_prefix(prefix: str) -> str:
    """Return the prefix itself: empty, or the beginning of valid keys (with or without a ``/`` at its end)."""
    if prefix:
        check_key(prefix.removesuffix("/"))
    return prefix


def _problem(key: str) -> str | None:
    if any(ord(character) < 32 or character == "\\" for character in key):  # noqa: PLR2004
        return "it holds a backslash or a control character"
    if len(key.encode(errors="replace")) > LONGEST_KEY:
        return f"it is longer than {LONGEST_KEY} bytes"
    for part in key.split("/"):
        if part in {"", ".", ".."}:
            return "a part of it is empty, '.' or '..'"
        if part.startswith(TEMPORARY):
            return f"names that start with {TEMPORARY!r} mark unfinished files"
    return None
