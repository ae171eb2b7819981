"""Decode how many takes a shot has, and which of them goes on to what depends on it."""

from __future__ import annotations

from dataclasses import dataclass

from animatic.spec.keys import APPROVE
from animatic.spec.model import ON_TIMEOUTS, PICKS, OnTimeout, Pick
from animatic.spec.section import Section

MAX_TAKES = 10
"""Of one shot in one run: each is paid for, and a number that was typed too long should not be."""


def decode_takes(section: Section) -> int:
    """Read ``takes`` of a shot; returns the number of takes, 1 where none is written."""
    takes = section.whole("takes", minimum=1)
    if takes is not None and takes > MAX_TAKES:
        hint = f"write {MAX_TAKES} at most; `animatic retake SHOT` makes further ones"
        section.note(f"takes is {takes}, and a shot has {MAX_TAKES} at most", "takes", hint=hint, code="out-of-range")
        return 1
    return takes or 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Approving:
    """Whether a person looks first, how many seconds they have (None: for ever), and what follows when nobody does."""

    wanted: bool
    within: float | None = None
    on_timeout: OnTimeout = "stop"


def decode_pick(section: Section) -> Pick | None:
    """Read which of several takes goes on; None where nothing is said."""
    return section.choice("pick", PICKS)


def decode_approve(section: Section, pick: Pick | None) -> Approving:
    """Read whether a person looks first: ``approve: true``, ``approve: {timeout: 48h}``, or ``pick: approve``, which means the same."""
    if isinstance(section.values.get("approve"), dict):
        return _timed(section.below("approve", section.values["approve"], f"{section.label}, approve"))
    asked = pick == "approve"
    wanted = section.boolean("approve", default=asked)
    if asked and not wanted:
        section.note("'pick: approve' asks a person, and 'approve: false' does not", "approve", hint="remove one of them", code="pick")
    return Approving(wanted=wanted)


def _timed(section: Section) -> Approving:
    section.check_keys(APPROVE)
    within = section.seconds("timeout", minimum=1)
    if "timeout" not in section.values:
        hint = "write how long a person has, as in 'approve: {timeout: 48h}', or 'approve: true' for a run that waits for ever"
        section.note("the timeout is missing", hint=hint, code="missing")
    return Approving(wanted=True, within=within, on_timeout=section.choice("on_timeout", ON_TIMEOUTS) or "stop")
