"""Says on the page what people decided about a shot: the decision that counts, and the log of all that was said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from animatic.manifest import wording
from animatic.manifest.model import Decision, Shot

_DONE = {"approve": "approved", "reject": "rejected", "comment": "comment", "pick": "picked", "lock": "locked", "unlock": "unlocked"}


@dataclass(frozen=True, kw_only=True)
class Said:
    """One line of a shot's log. ``head``: when, who and what; ``text``: in their own words."""

    head: str
    text: str


def decision(said: Decision | None) -> Said | None:
    """Return who approved which take, and when; None where nobody did."""
    if said is None:
        return None
    return Said(head=f"Approved{f' by {said.by}' if said.by else ''}, {moment(said.at)}: take {said.take}", text=said.note or "")


def log(shot: Shot) -> tuple[Said, ...]:
    """Return the shot's log, in its order; none where its record has none."""
    written = shot.model_dump(mode="json", include={"log"}).get("log")
    return tuple(_lines(written)) if isinstance(written, list) else ()


def _lines(written: list[Any]) -> Iterator[Said]:
    for entry in written:
        if isinstance(entry, Mapping):
            head = [_when(entry.get("at")), str(entry.get("by") or ""), *_facts(entry)]
            yield Said(head=" · ".join(filter(None, head)), text=str(entry.get("note") or ""))


def _facts(entry: Mapping[str, Any]) -> Iterator[str]:
    what = str(entry.get("what") or "")
    yield _DONE.get(what, what)
    if entry.get("take"):
        yield f"take {entry['take']}"
    if entry.get("time_code") is not None:
        code = entry["time_code"]
        yield f"at {wording.clock(code, exact=True) if isinstance(code, int | float) else code}"
    yield str(entry.get("issue") or "")
    if entry.get("priority"):
        yield f"priority {entry['priority']}"


def _when(at: Any) -> str:
    try:
        return moment(datetime.fromisoformat(str(at)))
    except ValueError:
        return ""


def moment(at: datetime) -> str:
    """Return ``27 Nov 2026, 08:12 UTC``."""
    return f"{at:%d %b %Y, %H:%M} UTC".lstrip("0")
