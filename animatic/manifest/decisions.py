"""Says on the page what people decided about a shot: the decision that counts, and the log of all that was said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from animatic.manifest import wording
from animatic.manifest.model import Shot
from animatic.manifest.parts import Decision, LogEntry


@dataclass(frozen=True, kw_only=True)
class Said:
    """One line of a shot's log. ``head``: when, who and what; ``text``: in their own words, or what the next take changes."""

    head: str
    text: str


def decision(said: Decision | None) -> Said | None:
    """Return who approved which take, and when; None where nobody did."""
    if said is None:
        return None
    return Said(head=f"Approved{f' by {said.by}' if said.by else ''}, {moment(said.at)}: take {said.take}", text=said.note or "")


def log(shot: Shot) -> tuple[Said, ...]:
    """Return the shot's log in words, in its order."""
    return tuple(Said(head=" · ".join(_head(entry)), text="\n".join(_text(entry))) for entry in shot.log)


def _head(entry: LogEntry) -> Iterator[str]:
    yield moment(entry.at)
    if entry.by:
        yield entry.by
    yield "asked for approval" if entry.what == "asked" else entry.what
    if entry.take is not None:
        yield f"take {entry.take}"
    if entry.time_code is not None:
        yield f"at {wording.clock(entry.time_code, exact=True)}"
    if entry.issue:
        yield entry.issue
    if entry.priority:
        yield f"priority {entry.priority}"


def _text(entry: LogEntry) -> Iterator[str]:
    if entry.note:
        yield entry.note
    for field, value in entry.changes.items():
        yield f"{field}: {wording.value(value)}"


def moment(at: datetime) -> str:
    """Return ``27 Nov 2026, 08:12 UTC``."""
    return f"{at:%d %b %Y, %H:%M} UTC".lstrip("0")
