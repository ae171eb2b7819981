"""The folder of local state, and its parts: its owner's alone, also where it was there before and others could look into it.

Prompts, messages of failures and clips of unfinished work are nobody else's business.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from animatic.errors import UsageError
from animatic.files import PRIVATE, make_private

OWN_FOLDER = "set ANIMATIC_HOME to a folder of your own that can be written"
"""What to do where the folder of local state will not do."""


def part_of(home: Path, name: str = "") -> Path:
    """Return a part of the folder of local state (without a name: the folder itself), made where it is missing; both are closed to others.

    Raises UsageError where it belongs to somebody else or is shared, OSError where it cannot be made.
    """
    make_private(home)
    facts = home.stat()
    if stat.S_IMODE(facts.st_mode) & ~PRIVATE:  # one of ours can stay open only where the file system knows no owners
        if facts.st_mode & stat.S_ISVTX:
            raise UsageError(f"local state cannot be kept in {home}: everybody's files lie there", hint=OWN_FOLDER)
        if facts.st_uid != os.geteuid():
            raise UsageError(
                f"local state cannot be kept in {home}: it belongs to somebody else, and others can look into it", hint=OWN_FOLDER
            )
    if not name:
        return home
    make_private(home / name)
    return home / name
