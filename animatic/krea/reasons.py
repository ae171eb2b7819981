"""Finds the reason for a failure in an answer: Krea's error bodies have no one shape, and gateways answer with pages of their own.

Read wherever they stand: ``error`` (text or object), ``message``, ``detail`` (text or list of ``loc``/``msg``), ``details``, ``errors``,
``issues``, ``validationErrors``; the title of an HTML page; plain text; nothing at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from typing import Any

from animatic.krea.bodies import parse_json, showable
from animatic.krea.moderation import refuses_content, refuses_output
from animatic.redact import redact

MAX_REASON_LENGTH = 400
"""Characters."""
MAX_LISTED = 8
"""Complaints of a list that are passed on."""
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_MESSAGE_KEYS = ("message", "msg", "detail", "description", "title")
_LIST_KEYS = ("details", "errors", "issues", "validationErrors", "validation_errors")
_CODE_KEYS = ("code", "error_code", "type", "name")
_PLAN = re.compile(
    r"\b(?:higher|paid|pro|max|business|enterprise|basic|free|current|your)\s+(?:\w+\s+)?(?:plan|tier|subscription)\b"
    r"|\bupgrad|\bplan[ _]required\b|\brequires? .{0,30}\b(?:plan|subscription|tier)\b",
    re.IGNORECASE,
)
_INPUT = re.compile(r"\bur[li]s?\b|\binput (?:file|image|video|audio)|\b(?:download|fetch|retriev)", re.IGNORECASE)
_BALANCE = re.compile(r"balance|credits?\b|compute units?|top[ -]?up|insufficient|funds", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class JobError:
    """Why Krea says it failed: a slug of Krea's (may be empty) and a sentence, free of secrets, of ``MAX_REASON_LENGTH`` at most."""

    code: str
    message: str

    @property
    def moderated(self) -> bool:
        """Whether the reason is the content, so that sending the same again is pointless."""
        return refuses_content(f"{self.code} {self.message}")

    @property
    def output_refused(self) -> bool:
        """Whether the content that is refused is what came out: another attempt may give something else."""
        return refuses_output(f"{self.code} {self.message}")

    @property
    def about_input(self) -> bool:
        """Whether the reason is that a file, or an address of one, could not be had: not who asks."""
        return bool(_INPUT.search(f"{self.code} {self.message}"))

    @property
    def about_plan(self) -> bool:
        """Whether the reason is the subscription and not the balance: Krea answers 402 for both, and only the text tells them apart.

        In doubt it is the balance, which stops the whole run: that costs nothing.
        """
        text = f"{self.code} {self.message}"
        return bool(_PLAN.search(text)) and not _BALANCE.search(text)


def explain(data: Any) -> JobError | None:
    """Return the reason that parsed JSON gives, None if it gives none."""
    code, parts = _read(data)
    code = redact(code)
    message = _shorten("; ".join(dict.fromkeys(part for part in parts if part)))
    if not message and not code:
        return None
    return JobError(code, message or code)


def explain_body(body: bytes, content_type: str) -> JobError:
    """Return the reason that an answer's bytes give, whatever they are; never empty."""
    text = body.decode("utf-8", "replace").strip()
    if not text:
        return JobError("", "the answer is empty")
    try:
        data = parse_json(text)
    except ValueError:
        return JobError("", _page(text, content_type))
    return explain(data) or JobError("", "the answer gives no reason")


def _page(text: str, content_type: str) -> str:
    if "html" in content_type.lower() or text[:1] == "<":
        title = _TITLE.search(text)
        return _shorten(unescape(title.group(1))) if title and title.group(1).strip() else "an HTML page without a title"
    return _shorten(text)


def _read(data: Any) -> tuple[str, list[str]]:
    """Return code (perhaps empty) and sentences of a parsed answer or a part of one."""
    if isinstance(data, str):
        return "", [data]
    if isinstance(data, list | tuple):
        return "", [text for item in data[:MAX_LISTED] for text in _item(item)]
    if not isinstance(data, Mapping):
        return "", []
    code = next((str(data[key]) for key in _CODE_KEYS if isinstance(data.get(key), str | int) and not isinstance(data.get(key), bool)), "")
    parts: list[str] = []
    inner = data.get("error")
    if isinstance(inner, str) and any(data.get(key) for key in _MESSAGE_KEYS):
        code = inner if re.fullmatch(r"[\w.-]{1,64}", inner) else code
    elif inner:
        inner_code, inner_parts = _read(inner)
        code = inner_code or code
        parts += inner_parts
    for key in _MESSAGE_KEYS:
        value = data.get(key)
        if value:
            inner_code, inner_parts = _read(value)
            code = code or inner_code
            parts += inner_parts
    for key in _LIST_KEYS:
        parts += _fields(data.get(key))
    return code, parts


def _item(item: Any) -> Iterator[str]:
    """Yield one complaint of a list, with the field that it is about in front where it names one."""
    _, texts = _read(item)
    where = item.get("loc") or item.get("path") or item.get("field") or item.get("param") if isinstance(item, Mapping) else None
    if isinstance(where, list | tuple):
        where = ".".join(str(part) for part in where if part != "body")
    for text in texts:
        yield f"{where}: {text}" if where else text


def _fields(value: Any) -> list[str]:
    """Return the complaints of a list, or of a map from field to complaint."""
    if isinstance(value, Mapping):
        nested = [(key, text) for key, item in value.items() for text in _read(item)[1]]
        return [f"{key}: {text}" for key, text in nested[:MAX_LISTED]]
    return _read(value)[1]


def _shorten(text: str) -> str:
    text = " ".join(showable(redact(text)).split())
    return text if len(text) <= MAX_REASON_LENGTH else text[: MAX_REASON_LENGTH - 1] + "…"
