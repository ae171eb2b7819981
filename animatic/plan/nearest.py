"""The nearest valid name to a mistyped one."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str], count: int = 3) -> tuple[str, ...]:
    """Return up to ``count`` names that resemble ``word``, best first; letter case and ``-``/``_`` do not count as a difference."""
    import difflib  # noqa: PLC0415 - only mistakes pay for the import

    plain: dict[str, str] = {}
    for name in known:
        plain.setdefault(_plain(name), name)
    return tuple(plain[match] for match in difflib.get_close_matches(_plain(word), plain, n=count, cutoff=0.6))


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")
