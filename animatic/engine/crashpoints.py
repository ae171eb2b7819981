"""Named crash points, off by default: ``ANIMATIC_CRASH_AT=after-intended`` ends the process there with SIGKILL.

They stand before and after every side effect, so that the harness can prove each window safe. A count may follow the name
(``after-intended:3``: the third time that it is passed).
"""

from __future__ import annotations

import os
import signal
from collections import Counter

from animatic.settings import CRASH_AT

NAMES = (
    "before-run-saved",
    "after-run-saved",
    "before-upload-asset",
    "after-upload-asset",
    "after-asset-recorded",
    "before-intended",
    "after-intended",
    "after-answer",
    "after-submitted",
    "before-adopted",
    "after-adopted",
    "before-cancelled",
    "after-cancelled",
    "before-settled",
    "after-settled",
    "after-download",
    "after-clip-stored",
    "after-take",
    "after-delivered",
    "after-selected",
    "before-chosen",
    "after-chosen",
    "before-reel",
    "after-reel",
    "before-manifest",
    "after-manifest",
)

_passed: Counter[str] = Counter()


def crashpoint(name: str) -> None:
    """End the process here if the environment says so; nothing else ever happens."""
    wanted = os.environ.get(CRASH_AT)
    if not wanted:
        return
    _passed[name] += 1
    place, _, count = wanted.partition(":")
    if place == name and _passed[name] == int(count or 1):
        os.kill(os.getpid(), signal.SIGKILL)
