"""Parses where a run delivers to: a folder or ``s3://bucket/prefix``, with how objects are put there.

The only module that knows the schemes, the rules of bucket names and the options of puts. A destination is one text wherever it goes
(plans, ``--deliver``): options stand behind the prefix as in a URL, ``s3://bucket/prefix?sse=aws:kms&acl=private``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import parse_qsl, quote

S3 = "s3://"
SSE = ("AES256", "aws:kms", "aws:kms:dsse")
ACL = (
    "private",
    "public-read",
    "public-read-write",
    "authenticated-read",
    "aws-exec-read",
    "bucket-owner-read",
    "bucket-owner-full-control",
)
STORAGE_CLASS = ("STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "REDUCED_REDUNDANCY", "EXPRESS_ONEZONE")
"""Those whose objects are read at once: takes are read again by later runs."""
_CHOICES: Mapping[str, tuple[str, ...]] = {"sse": SSE, "acl": ACL, "storage_class": STORAGE_CLASS}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_HEADER = re.compile(r"[ -~]+")
_CUT_SHORT = re.compile(r"s3:(?!//)/?(.*)", re.IGNORECASE)
"""An address of S3 that was mistyped, and would be the name of a folder."""
_FOR_A_SHELL = re.compile(r"\$\{?\w+\}?|%\w+%")
"""A variable at the beginning of a path, as only shells fill it in."""
_WHAT_TO_WRITE = "write a folder such as ./out, or s3://bucket/prefix"


class BadDestinationError(ValueError):
    """A text that names no destination; ``hint`` says what to write, ``option`` which option is wrong (None: the destination itself)."""

    def __init__(self, message: str, hint: str, *, option: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.option = option


@dataclass(frozen=True, kw_only=True, slots=True)
class PutOptions:
    """How objects are put into a bucket, in the words of S3's headers; None leaves it to the bucket.

    ``storage_class`` and ``cache_control`` are for clips, stills and reels alone: records are small, and pages are written again and again.
    """

    sse: str | None = None
    kms_key: str | None = None
    acl: str | None = None
    storage_class: str | None = None
    cache_control: str | None = None

    def __post_init__(self) -> None:
        """Raise BadDestinationError for what S3 would refuse in mid-run."""
        for name, known in _CHOICES.items():
            value = getattr(self, name)
            if value is not None and value not in known:
                raise BadDestinationError(f"{name} must be one of {', '.join(known)}, not '{value}'", _meant(value, known), option=name)
        for name in ("kms_key", "cache_control"):
            value = getattr(self, name)
            if value is not None and not _HEADER.fullmatch(value):
                raise BadDestinationError(f"{name} must be printable ASCII", "it is sent as a header", option=name)
        if self.kms_key is not None and self.sse not in SSE[1:]:
            raise BadDestinationError("kms_key needs sse: aws:kms", "add 'sse: aws:kms', or leave the key out", option="kms_key")

    def items(self) -> dict[str, str]:
        """Return the options that are set."""
        return {field.name: value for field in fields(self) if (value := getattr(self, field.name)) is not None}


OPTIONS = tuple(field.name for field in fields(PutOptions))


def with_options(place: str, options: PutOptions) -> str:
    """Return a place, which may still hold templates, and its options as one text."""
    written = "&".join(f"{name}={quote(value, safe=':/, ')}" for name, value in options.items().items())
    return f"{place}?{written}" if written else place


@dataclass(frozen=True, slots=True)
class Bucket:
    """A prefix of an S3 bucket; ``prefix`` has no slash at either end, and is empty for the whole bucket."""

    name: str
    prefix: str
    options: PutOptions = PutOptions()

    def __str__(self) -> str:
        """As one text, options included."""
        return with_options(self.place, self.options)

    @property
    def place(self) -> str:
        """``s3://bucket/prefix``: the same whatever the options."""
        return f"{S3}{self.name}/{self.prefix}".rstrip("/")


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of this machine, as it was written: perhaps relative."""

    path: str

    def __str__(self) -> str:
        return self.path

    @property
    def place(self) -> str:
        """The same: a folder has no options."""
        return self.path


def parse_destination(text: str, options: PutOptions | None = None) -> Bucket | Folder:
    """Return what a ``deliver`` names. Raises BadDestinationError for another scheme, and for a bucket, prefix or option that cannot be.

    ``options`` are those that stand beside the text, where there are any.
    """
    if not text.strip():
        raise BadDestinationError("no place to deliver to is named", _WHAT_TO_WRITE)
    scheme = _SCHEME.match(text)
    if scheme is None:
        if cut := _CUT_SHORT.match(text):
            raise BadDestinationError(f"{text!r} lacks a slash: it would be a folder of this machine", f"write s3://{cut[1] or 'bucket'}")
        if for_a_shell := _FOR_A_SHELL.match(text):
            raise BadDestinationError(
                f"{for_a_shell[0]!r} is not filled in: it would be the name of a folder",
                "write the path in full, or relative to the pipelines file; params may stand in it",
            )
        if any(ord(character) < ord(" ") for character in text):
            raise BadDestinationError("deliver holds a line break or a control character", _WHAT_TO_WRITE)
        if options is not None and (given := options.items()):
            raise BadDestinationError(
                f"a folder has no {next(iter(given))}", "options are for s3://bucket/prefix", option=next(iter(given))
            )
        return Folder(text)
    if scheme[1] != "s3":
        what = "S3 is written in small letters" if scheme[1].lower() == "s3" else f"clips cannot be delivered to {scheme[1]}://"
        raise BadDestinationError(what, _WHAT_TO_WRITE)
    return _bucket(text, options)


def is_remote(text: str) -> bool:
    """Whether a destination that was parsed before lies in a bucket and not in a folder of this machine."""
    return text.startswith(S3)


def absolute(text: str, *, below: Path) -> str:
    """Return a valid destination as plans hold it: ``s3://bucket/prefix`` without a final slash, or an absolute folder (from ``below``).

    ``~`` at its beginning is the home folder, as shells and Prefect's own storages have it.
    """
    if is_remote(text):
        return str(parse_destination(text))
    return os.path.normpath(below / os.path.expanduser(text))  # noqa: PTH111 (a home that is not known stays as it is written)


def _bucket(text: str, options: PutOptions | None) -> Bucket:
    place, _, query = text.removeprefix(S3).partition("?")
    name, _, prefix = place.partition("/")
    prefix = prefix.rstrip("/")
    if not _BUCKET_NAME.fullmatch(name) or ".." in name:
        what = f"'{name}' cannot be the name of a bucket" if name else "the name of the bucket is missing"
        raise BadDestinationError(what, "3 to 63 small letters, digits, '-' and '.', as in s3://brand-media/storyboards")
    if "${" in prefix:
        raise BadDestinationError("variables of the environment are not filled in", "write the prefix in full; params may stand in it")
    if prefix and any(part in {"", ".", ".."} for part in prefix.split("/")):
        raise BadDestinationError("the prefix holds an empty part, '.' or '..'", _WHAT_TO_WRITE)
    return Bucket(name, prefix, _queried(query) if options is None else options)


def _queried(query: str) -> PutOptions:
    """Return the options that stand behind a prefix."""
    values: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in OPTIONS or not value:
            raise BadDestinationError(
                f"'{name}' is no option of s3://" if name not in OPTIONS else f"{name} is empty", f"the options are {', '.join(OPTIONS)}"
            )
        values[name] = value
    if query and not values:
        raise BadDestinationError("a prefix cannot hold '?'", f"the options behind it are {', '.join(OPTIONS)}")
    return PutOptions(**values)


def _meant(value: str, known: tuple[str, ...]) -> str:
    same = next((word for word in known if _bare(word) == _bare(value)), None)
    if same is not None:
        return f"write {same}"
    return "takes are read again by later runs, so they cannot be archived" if known is STORAGE_CLASS else "S3 has no other"


def _bare(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.lower())
