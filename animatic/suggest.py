"""Suggest the valid names that resemble a mistyped one: the only "did you mean" of the product."""

from __future__ import annotations

import re
from collections.abc import Iterable

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_MIN_SIMILARITY = 0.7
"""Of `difflib`: below it, two words have too little in common for one to be a slip of the other."""
_MIN_PREFIX = 3
"""Letters from which on a word may be the beginning of a longer name."""


def snake(name: str) -> str:
    """Return ``budget_usd`` for ``budgetUsd`` and ``budget-usd``."""
    return _HUMP.sub("_", name).lower().replace("-", "_")


def nearest(word: str, known: Iterable[str], *, count: int = 3) -> tuple[str, ...]:
    """Return up to ``count`` known names like ``word``, best first: those that it is a part of, then those spelled alike.

    Humps, case, ``-`` and ``_`` make no difference.
    """
    import difflib  # noqa: PLC0415 - only mistakes pay for the import

    plain: dict[str, str] = {}
    for name in known:
        plain.setdefault(snake(name), name)
    wanted = snake(word)
    matches = difflib.get_close_matches(wanted, plain, n=count, cutoff=_MIN_SIMILARITY)
    whole = [name for name in plain if wanted in name.split("_")]  # ratio: aspect_ratio
    if wanted not in plain:
        matches = [*whole, *(name for name in matches if name not in whole)]
    # Letters that changed places, which in a word as short as "rnu" are most of it.
    matches = [name for name in plain if sorted(name) == sorted(wanted) and name not in matches] + matches
    longer = [name for name in plain if len(wanted) >= _MIN_PREFIX and name.startswith(wanted) and name not in matches]
    return tuple(plain[match] for match in [*matches, *longer][:count])


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like ``word``, None where none is like it."""
    return next(iter(nearest(word, known, count=1)), None)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint: the names that resemble ``word``, else all of them."""
    names = list(known)
    close = nearest(word, names)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"known here: {', '.join(names)}"
