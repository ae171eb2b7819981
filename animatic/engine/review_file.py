"""Reads ``review.json``, the decisions that people make on the page of a run: strictly, with the place of every mistake."""

from __future__ import annotations

import hashlib
import json
import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from animatic.errors import DeclarationError, KeyPath, Problem
from animatic.redact import redact
from animatic.source import Document
from animatic.source.values_file import load_values
from animatic.spec.keys import Level
from animatic.spec.section import Section

VERSION = 1
MAX_TEXT = 10_000
"""Characters of a note or a prompt: what is longer was not written by hand on a page."""
MAX_BYTES = 20_000_000
Verdict = Literal["approve", "reject", "comment"]
VERDICTS: tuple[Verdict, ...] = ("approve", "reject", "comment")
FILE = Level(known=("version", "pipeline", "run_id", "by", "written_at", "decisions"))
DECISION = Level(known=("shot", "decision", "take", "prompt", "note", "at"))
_AS_EXPORTED = "export it again from the page of the run"
_LINES = frozenset("\n\t\r")


@dataclass(frozen=True, kw_only=True, slots=True)
class FileDecision:
    """One decision of a file. ``at`` is in seconds of the shot's clip; ``path`` is where it stands in the file."""

    shot: str
    decision: Verdict
    take: int | None
    prompt: str | None
    note: str | None
    at: float | None
    path: KeyPath
    source: str
    """A mark of this decision in this file: the same whenever it is read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewFile:
    """A file of decisions about the shots of one run. ``by`` None: whoever applies it decides."""

    document: Document
    pipeline: str
    run_id: str
    by: str | None
    written_at: datetime | None
    decisions: tuple[FileDecision, ...]

    def problem(self, message: str, path: KeyPath, *, hint: str | None = None, code: str = "review", **more: Any) -> Problem:
        """Return a mistake at a place of the file."""
        return Problem(message, self.document.place(path), hint=hint, code=code, **more)

    def refusal(self, problems: list[Problem]) -> DeclarationError:
        """Return the error that tells these mistakes with their lines."""
        return DeclarationError(tuple(problems), texts={self.document.name: self.document.text})


def read_review(path: Path) -> ReviewFile:
    """Read a file of decisions. Raises DeclarationError with everything in it that cannot be one."""
    _refuse_large(path)
    document = load_values(path, what="a review file", always_json=True)
    problems: list[Problem] = []
    top = Section(document, document.data, (), "", problems)
    top.check_keys(FILE)
    _require(top, "version", "pipeline", "run_id", "decisions")
    version = top.values.get("version", VERSION)
    if isinstance(version, bool) or version != VERSION:
        top.note(
            f"version must be {VERSION}, and it is {version!r}", "version", hint="upgrade animatic, or " + _AS_EXPORTED, code="version"
        )
    by, written_at = _text(top, "by"), _moment(top)
    pipeline, run_id = top.text("pipeline") or "", top.text("run_id") or ""
    decisions: list[FileDecision] = []
    for index, values in top.mappings("decisions", hint='each is {"shot": ..., "decision": ...}'):
        section = top.below("decisions", values, "")
        section.path = ("decisions", index)
        found = _decision(section, mark=(run_id, by, top.values.get("written_at")))
        decisions += [found] if found is not None else []
    if problems:
        raise DeclarationError(tuple(problems), texts={document.name: document.text})
    return ReviewFile(document=document, pipeline=pipeline, run_id=run_id, by=by, written_at=written_at, decisions=tuple(decisions))


def _refuse_large(path: Path) -> None:
    try:
        size = path.stat().st_size
    except (OSError, ValueError):
        return  # reading says what is wrong with it
    if size > MAX_BYTES:
        raise DeclarationError((Problem(f"{path} has {size} bytes, which no review file has", hint=_AS_EXPORTED, code="too-large"),))


def _require(section: Section, *keys: str) -> None:
    for key in keys:
        if key not in section.values:
            section.note(f"'{key}' is missing", hint=_AS_EXPORTED, code="missing")


def _decision(section: Section, mark: tuple[Any, ...]) -> FileDecision | None:
    before = len(section.problems)
    section.check_keys(DECISION)
    _require(section, "shot", "decision")
    shot, verdict = section.text("shot"), section.choice("decision", VERDICTS)
    take = None if section.values.get("take") is None else section.whole("take", minimum=1)
    prompt, note, at = _text(section, "prompt"), _text(section, "note"), _seconds(section)
    if verdict is not None and verdict != "reject" and prompt is not None:
        section.note(f"a new prompt goes with 'reject', and this is '{verdict}'", "prompt", hint="reject the take, or leave the prompt out")
    if verdict == "comment" and note is None and "note" not in _wrong(section, before):
        section.note("a comment without a note says nothing", hint="write a note, or leave the comment out")
    if len(section.problems) > before or shot is None or verdict is None:
        return None
    return FileDecision(
        shot=shot,
        decision=verdict,
        take=take,
        prompt=prompt,
        note=note,
        at=at,
        path=section.path,
        source=_mark_of(mark, section.values),
    )


def _wrong(section: Section, before: int) -> str:
    return " ".join(problem.message for problem in section.problems[before:])


def _mark_of(mark: tuple[Any, ...], values: Mapping[str, Any]) -> str:
    told = {key: value for key, value in values.items() if value is not None}
    return hashlib.sha256(json.dumps([*mark, told], sort_keys=True).encode()).hexdigest()[:32]


def _text(section: Section, key: str) -> str | None:
    """Return a text without blanks around it, None where it is null or blank."""
    value = section.values.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        section.wrong(key, "text or null")
        return None
    if len(value) > MAX_TEXT:
        section.note(f"{key} has {len(value)} characters; at most {MAX_TEXT} are taken", key, code="too-long")
    elif strange := next(
        (sign for sign in value if unicodedata.category(sign) in _NO_TEXT and sign not in _LINES and sign not in _JOINING), None
    ):
        section.note(f"{key} holds the character U+{ord(strange):04X}, which no text has", key, hint="leave it out", code="type")
    return redact(value.strip()) or None


_NO_TEXT = frozenset({"Cc", "Cf", "Cs"})
"""Signs that command, and halves of signs. What this Python does not know yet, such as an emoji of this year, is text."""
_JOINING = frozenset("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff")
"""Signs of that kind that texts of some scripts, emoji and pasted ones have."""


def _seconds(section: Section) -> float | None:
    value = section.values.get("at")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        section.wrong("at", "a time code in seconds of the shot's clip, 0 or more, or null")
        return None
    return float(value)


def _moment(section: Section) -> datetime | None:
    value = section.values.get("written_at")
    if value is None:
        return None
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        section.wrong("written_at", "a time such as 2026-11-27T08:30:00Z")
        return None
