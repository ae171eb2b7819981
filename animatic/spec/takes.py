"""Decode how many takes a shot has, and which of them goes on to what depends on it."""

from __future__ import annotations

from animatic.spec.section import Section

MAX_TAKES = 10
"""Of one shot in one run: each is paid for, and a number that was typed too long should not be."""


def decode_takes(section: Section) -> int:
    """Read ``takes`` and ``pick`` of a shot; returns the number of takes, 1 where none is written."""
    takes = section.whole("takes", minimum=1)
    if takes is not None and takes > MAX_TAKES:
        hint = f"write {MAX_TAKES} at most; `animatic retake` makes further ones"
        section.note(f"takes is {takes}, and a shot has {MAX_TAKES} at most", "takes", hint=hint, code="out-of-range")
        return 1
    if section.choice("pick", ("first", "best", "approve")) in {"best", "approve"}:
        written = section.values["pick"]
        hint = "remove it: the first goes on; `animatic use SHOT TAKE` picks another one afterwards"
        section.note(f"'pick: {written}' is not supported yet", "pick", hint=hint, code="unsupported")
    return takes or 1
