"""Parses where a run delivers to: a folder or ``s3://bucket/prefix``.

The only module that knows the schemes and the rules of bucket names.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

S3 = "s3://"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_WHAT_TO_WRITE = "write a folder such as ./out, or s3://bucket/prefix"


class BadDestinationError(ValueError):
    """A text that names no destination; ``hint`` says what to write."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Bucket:
    """A prefix of an S3 bucket; ``prefix`` has no slash at either end, and is empty for the whole bucket."""

    name: str
    prefix: str

    def __str__(self) -> str:
        return f"{S3}{self.name}/{self.prefix}".rstrip("/")


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of this machine, as it was written: perhaps relative."""

    path: str

    def __str__(self) -> str:
        return self.path


def parse_destination(text: str) -> Bucket | Folder:
    """Return what a ``deliver`` names. Raises BadDestinationError for another scheme, and for a bucket or prefix that cannot be."""
    if not text.strip():
        raise BadDestinationError("no place to deliver to is named", _WHAT_TO_WRITE)
    scheme = _SCHEME.match(text)
    if scheme is None:
        if any(ord(character) < ord(" ") for character in text):
            raise BadDestinationError("deliver holds a line break or a control character", _WHAT_TO_WRITE)
        return Folder(text)
    if scheme[1] != "s3":
        what = "S3 is written in small letters" if scheme[1].lower() == "s3" else f"clips cannot be delivered to {scheme[1]}://"
        raise BadDestinationError(what, _WHAT_TO_WRITE)
    return _bucket(text)


def is_remote(text: str) -> bool:
    """Whether a destination that was parsed before lies in a bucket and not in a folder of this machine."""
    return text.startswith(S3)


def absolute(text: str, *, below: Path) -> str:
    """Return a valid destination as plans hold it: ``s3://bucket/prefix`` without a final slash, or an absolute folder (from ``below``)."""
    if is_remote(text):
        return text.rstrip("/")
    return os.path.normpath(below / text)


def _bucket(text: str) -> Bucket:
    name, _, prefix = text.removeprefix(S3).partition("/")
    prefix = prefix.rstrip("/")
    if not _BUCKET_NAME.fullmatch(name) or ".." in name:
        what = f"'{name}' cannot be the name of a bucket" if name else "the name of the bucket is missing"
        raise BadDestinationError(what, "3 to 63 small letters, digits, '-' and '.', as in s3://brand-media/storyboards")
    if prefix and any(part in {"", ".", ".."} for part in prefix.split("/")):
        raise BadDestinationError("the prefix holds an empty part, '.' or '..'", _WHAT_TO_WRITE)
    return Bucket(name, prefix)
