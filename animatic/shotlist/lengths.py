"""Lengths of shots as people write them: ``4``, ``4s``, ``4 sec``, ``1m30s``, ``00:04``, ``00:00:04:12`` in frames, ``96f``."""

from __future__ import annotations

import re
from fractions import Fraction

_NUMBER = r"(\d+(?:[.,]\d+)?)"
_SECONDS = re.compile(rf"{_NUMBER}\s*(?:s|sec|secs|seconds?|\"|″|”)?\Z", re.IGNORECASE)
_MINUTES = re.compile(
    rf"(\d+)\s*(?:m|min|mins|minutes?|'|\u2032|\u2019)\s*(?:{_NUMBER}\s*(?:s|sec|secs|seconds?|\"|″|”)?)?\Z", re.IGNORECASE
)
_FRAMES = re.compile(r"(\d+)\s*(?:f|fr|frames?)\Z", re.IGNORECASE)
_CLOCK = re.compile(rf"(?:(\d+):)?(\d+):{_NUMBER}\Z")
_TIMECODE = re.compile(r"(\d+):(\d{1,2}):(\d{1,2})[:;](\d{1,3})\Z")
FORMS = "write seconds (4, 4.5, 4s), a time (00:04, 1m30s), or a time code with frames (00:00:04:12)"


class LengthError(ValueError):
    """A text that is no length. The message completes 'the length ...'."""


def counts_frames(text: str) -> bool:
    """Tell whether what a text means depends on how many frames make a second."""
    written = text.strip()
    code = _TIMECODE.match(written)
    return bool(int(code[4])) if code else bool(_FRAMES.match(written))


def seconds_of(text: str, fps: Fraction) -> Fraction:
    """Return the seconds that a text means, exactly, at ``fps`` frames per second. Raises LengthError."""
    written = text.strip()
    if match := _SECONDS.match(written):
        return _number(match[1])
    if match := _MINUTES.match(written):
        return 60 * int(match[1]) + _number(match[2] or "0")
    if match := _CLOCK.match(written):
        return 3600 * int(match[1] or 0) + 60 * int(match[2]) + _number(match[3])
    if match := _TIMECODE.match(written):
        return 3600 * int(match[1]) + 60 * int(match[2]) + int(match[3]) + _frames(int(match[4]), fps, code=True)
    if match := _FRAMES.match(written):
        return _frames(int(match[1]), fps, code=False)
    raise LengthError(f"{written!r} is none")


def plain(seconds: Fraction) -> int | float:
    """Return seconds as YAML writes them: whole where they are, else rounded to a thousandth."""
    return int(seconds) if seconds.denominator == 1 else round(float(seconds), 3)


def _number(text: str) -> Fraction:
    return Fraction(text.replace(",", "."))


def _frames(count: int, fps: Fraction, *, code: bool) -> Fraction:
    if code and count >= round(fps):
        raise LengthError(f"has the frame {count}, and a second has {float(fps):g} of them: give the list's own with --fps")
    return Fraction(count) / fps
