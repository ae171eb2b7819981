"""How problems and our own failures are shown on standard error."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

from animatic.errors import Problem
from animatic.settings import default_home
from animatic.source import render_problems


def color_wanted() -> bool:
    """Whether standard error is a terminal whose user wants color."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def show_problems(problems: Sequence[Problem], texts: Mapping[str, str] | None = None) -> None:
    """Print problems with their places and lines; ``texts`` are those of files that cannot be read from disk under the name that is shown."""
    known = {**_texts(problems), **(texts or {})}
    print(render_problems(problems, texts=known, color=color_wanted()), file=sys.stderr)


def _texts(problems: Sequence[Problem]) -> dict[str, str]:
    names = {problem.place.file for problem in problems if problem.place is not None}
    names |= {place.file for problem in problems for place, _ in problem.related}
    found: dict[str, str] = {}
    for name in names:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            found[name] = Path(name).read_text(encoding="utf-8-sig")
    return found


def keep_traceback(error: BaseException) -> Path:
    """Write the traceback of an unexpected error to a file of the state folder and return its path."""
    text = "".join(traceback.format_exception(error))
    try:
        folder = default_home() / "failures"
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix="failure-", suffix=".txt", dir=folder)
    except OSError:
        handle, name = tempfile.mkstemp(prefix="animatic-failure-", suffix=".txt")
    with os.fdopen(handle, "w") as file:
        file.write(text)
    return Path(name)
