"""Orders and selects the steps of a storyboard: dependency order, cycles, what is upstream and downstream, the critical path.

Graphs are mappings of a node to what it depends on; all functions are linear and none recurses, so chains of thousands of shots are fine.
"""

from __future__ import annotations

import fnmatch
import heapq
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from animatic.columns import few
from animatic.errors import UsageError
from animatic.suggest import nearest

Edges = Mapping[str, Sequence[str]]
MAX_NAMED = 12
"""Shots, or variants, that a hint lists."""


def ordered(edges: Edges) -> tuple[str, ...]:
    """Return the nodes so that each comes after what it depends on, else in the order given. Nodes in or behind a cycle are left out."""
    rank = {node: number for number, node in enumerate(edges)}
    names = list(edges)
    waiting = {node: len(set(needs)) for node, needs in edges.items()}
    users = dependents(edges)
    ready = [rank[node] for node, count in waiting.items() if not count]
    heapq.heapify(ready)
    result: list[str] = []
    while ready:
        node = names[heapq.heappop(ready)]
        result.append(node)
        for user in users.get(node, ()):
            waiting[user] -= 1
            if not waiting[user]:
                heapq.heappush(ready, rank[user])
    return tuple(result)


def dependents(edges: Edges) -> dict[str, list[str]]:
    """Return the graph turned round: what depends on each node directly."""
    users: dict[str, list[str]] = defaultdict(list)
    for node, needs in edges.items():
        for need in dict.fromkeys(needs):
            users[need].append(node)
    return users


def cycles(edges: Edges) -> tuple[tuple[str, ...], ...]:
    """Return one cycle for each knot of nodes that depend on each other, each starting at its first node in the order given."""
    done = set(ordered(edges))
    rank = {node: number for number, node in enumerate(edges)}
    found: list[tuple[str, ...]] = []
    seen: set[str] = set()
    for start in edges:
        if start in done or start in seen:
            continue
        trail: dict[str, None] = {}
        node: str | None = start
        while node is not None and node not in trail and node not in seen:
            trail[node] = None
            node = next((need for need in edges[node] if need in edges and need not in done), None)
        if node is not None and node in trail:
            nodes = list(trail)
            cycle = nodes[nodes.index(node) :]
            first = min(range(len(cycle)), key=lambda index: rank[cycle[index]])
            found.append((*cycle[first:], *cycle[:first]))
        seen.update(trail)
    return tuple(found)


def reachable(starts: Iterable[str], edges: Edges) -> set[str]:
    """Return the starts and all that can be reached from them along the edges."""
    found = set(starts)
    stack = list(found)
    while stack:
        for need in edges.get(stack.pop(), ()):
            if need not in found:
                found.add(need)
                stack.append(need)
    return found


def longest(edges: Edges, weight: Callable[[str], float]) -> tuple[tuple[str, ...], float]:
    """Return the heaviest chain of dependencies and its weight: the time that no parallelism can save."""
    total: dict[str, float] = {}
    before: dict[str, str | None] = {}
    for node in ordered(edges):
        needs = [need for need in edges[node] if need in total]
        before[node] = max(needs, key=lambda need: total[need], default=None)
        previous = before[node]
        total[node] = weight(node) + (total[previous] if previous is not None else 0.0)
    if not total:
        return (), 0.0
    last = max(total, key=lambda name: total[name])
    chain: list[str] = []
    at: str | None = last
    while at is not None:
        chain.append(at)
        at = before[at]
    return tuple(reversed(chain)), total[last]


def select(selection: str, edges: Edges, shots: Mapping[str, str]) -> set[str]:
    """Return the keys of the selected steps; ``edges`` maps each key to those that it depends on, ``shots`` to the id of its shot.

    A word names a key or a shot id (then all its variants), or is a pattern of either; ``ID+`` adds what depends on it, ``+ID`` what it
    needs. Raises UsageError for a word that selects nothing, naming the nearest.
    """
    words = [word for word in re.split(r"[,\s]+", selection) if word]
    if not words:
        raise UsageError("the selection of shots is empty", hint="name a shot id; ID+ adds all shots downstream of it")
    users = dependents(edges)
    chosen: set[str] = set()
    for word in words:
        name = word.strip("+")
        matched = {key for key in edges if name and (fnmatch.fnmatchcase(key, name) or fnmatch.fnmatchcase(shots[key], name))}
        if not matched:
            raise UsageError(f"there is no shot {name!r} in this plan", hint=_hint(name, edges, shots))
        chosen |= matched
        if word.startswith("+"):
            chosen |= reachable(matched, edges)
        if word.endswith("+"):
            chosen |= reachable(matched, users)
    return chosen


def _hint(word: str, edges: Edges, shots: Mapping[str, str]) -> str:
    """Return which shots or variants are meant by a word that names none, else what there is."""
    variants = [name for name in dict.fromkeys(key.removesuffix(shots[key]).removesuffix("/") for key in edges) if name]
    if word.rstrip("/") in variants:
        return f"did you mean {word.rstrip('/')}/*? That is all of the variant"
    known = list(dict.fromkeys(shots[key] for key in edges))
    close = nearest(word, [*known, *edges])
    if close:
        return f"did you mean {' or '.join(close)}?"
    told = f"there are {few(known, MAX_NAMED)}"
    return f"{told}; of a variant: V/SHOT or V/*, with V one of {few(variants, MAX_NAMED)}" if variants else told
