"""The valid names that resemble a mistyped one."""

from __future__ import annotations

import re
from collections.abc import Iterable

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def snake(name: str) -> str:
    """Return ``budget_usd`` for ``budgetUsd`` and ``budget-usd``."""
    return _HUMP.sub("_", name).lower().replace("-", "_")


def nearest(word: str, known: Iterable[str], *, count: int = 3) -> tuple[str, ...]:
    """Return up to ``count`` known names like ``word``, best first; humps, case, ``-`` and ``_`` make no difference."""
    import difflib  # noqa: PLC0415 - only mistakes pay for the import

    plain: dict[str, str] = {}
    for name in known:
        plain.setdefault(snake(name), name)
    matches = difflib.get_close_matches(snake(word), plain, n=count, cutoff=0.6)
    starts = [name for name in plain if len(snake(word)) > 2 and name.startswith(snake(word)) and name not in matches]  # noqa: PLR2004
    return tuple(plain[match] for match in [*matches, *starts][:count])


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint: the names that resemble ``word``, else all of them."""
    names = list(known)
    close = nearest(word, names)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"known here: {', '.join(names)}"
