"""Takes secrets out of text that people or files will keep: queries of URLs, credentials in URLs, webhook tokens, Krea's token.

A signed URL gives its reader the file, and a webhook path gives its reader a voice in a run; both turn up in request bodies,
answers and exceptions. A gateway may echo the token itself in an error. Everything that is logged, raised or recorded passes through
here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

_URL = re.compile(r"https?://[^\s\"'<>]+", re.IGNORECASE)
_HOOK = re.compile(r"(/hooks/)[^/?#\s\"'<>\\]+")
_BEARER = re.compile(r"(\bBearer\s+)[^\s\"',;]+", re.IGNORECASE)

MIN_SECRET_LENGTH = 8
"""A shorter text is a placeholder, as in a rehearsal, and may well be an ordinary word."""

_secrets: set[str] = set()  # of the process: whatever text turns up later, and wherever, must not show them


def register_secret(secret: str) -> None:
    """Mask this text from now on wherever it turns up, as it is or quoted for a URL."""
    if len(secret) >= MIN_SECRET_LENGTH:
        _secrets.update((secret, quote(secret, safe="")))


def _mask_secrets(text: str) -> str:
    for secret in sorted(_secrets, key=len, reverse=True):  # one may be the beginning of another
        text = text.replace(secret, "***")
    return text


def bare_url(url: str) -> str:
    """Return the URL without user name, password, query, fragment and registered secrets; what is no URL becomes ``(not a URL)``.

    Of one that holds a file itself its type is left.
    """
    try:
        parts = urlsplit(_mask_secrets(url))
    except ValueError:
        return "(not a URL)"
    if parts.scheme == "data":  # the file itself
        return f"data:{parts.path.partition(',')[0]}"
    netloc = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, netloc, parts.path, "", ""))


def redact(text: str) -> str:
    """Return the text with every URL in it made bare, and registered secrets, webhook tokens and bearer tokens masked."""
    text = _mask_secrets(text)
    text = _URL.sub(lambda match: bare_url(match.group()), text)
    return _BEARER.sub(r"\1***", _HOOK.sub(r"\1***", text))


def redact_body(value: Any) -> Any:
    """Return a copy of JSON data without registered secrets in which every string that is a URL is bare; prose stays as it was written."""
    if isinstance(value, str):
        value = _mask_secrets(value)
        return bare_url(value) if _URL.fullmatch(value.strip()) else value
    if isinstance(value, Mapping):
        return {key: redact_body(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact_body(item) for item in value]
    return value
