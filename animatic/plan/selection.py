"""Choosing shots by dbt's graph operators: ``A`` itself, ``A+`` and all that hangs on it, ``+A`` and all it hangs on, ``+A+`` both.

A shot's id means it in every variant; a step's key (``16x9-en/spin``) means one. ``*`` and ``?`` stand for anything; several selections are separated by
commas or spaces and added up.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Collection

from animatic.errors import UsageError
from animatic.plan.graph import Edges, dependents, reachable
from animatic.spec.nearest import nearest


def select(selection: str, edges: Edges) -> set[str]:
    """Return the keys of the selected steps; ``edges`` maps every step's key to the keys that it depends on.

    Raises UsageError for a word that selects nothing, naming the nearest.
    """
    words = [word for word in re.split(r"[,\s]+", selection) if word]
    if not words:
        raise UsageError("the selection of shots is empty", hint="name a shot id, or one with a plus: ID+ for all that hangs on it")
    users = dependents(edges)
    chosen: set[str] = set()
    for word in words:
        name = word.strip("+")
        matched = _matching(name, edges)
        if not matched:
            known = list(dict.fromkeys(key.rpartition("/")[2] for key in edges))
            close = nearest(name, known)
            shown = ", ".join(close or known[:8])
            raise UsageError(f"there is no shot {name!r} in this plan", hint=f"did you mean {shown}?" if close else f"there are {shown}")
        chosen |= matched
        if word.startswith("+"):
            chosen |= reachable(matched, edges)
        if word.endswith("+"):
            chosen |= reachable(matched, users)
    return chosen


def _matching(name: str, keys: Collection[str]) -> set[str]:
    return {key for key in keys if name and (fnmatch.fnmatchcase(key, name) or fnmatch.fnmatchcase(key.rpartition("/")[2], name))}
