"""The storyboard as a graph: order, cycles, what hangs on what, and the longest way through it.

Graphs are mappings of a node to what it depends on; all functions are linear and none recurses, so chains of thousands of shots are fine.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

Edges = Mapping[str, Sequence[str]]


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
