"""Draws which shot starts from which: a small diagram in layers, as numbers that the page turns into SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 148, 44
GAP_X, GAP_Y = 52, 14
MARGIN = 4
MOST_NODES = 80
"""Beyond this a diagram says less than the list of shots."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """A box; ``x`` and ``y`` are of its upper left corner, in pixels."""

    key: str
    x: int
    y: int


@dataclass(frozen=True, kw_only=True)
class Edge:
    """A curve from the right side of one box to the left side of another, as an SVG path."""

    path: str
    source: str
    target: str


@dataclass(frozen=True, kw_only=True)
class Diagram:
    """The whole drawing."""

    width: int
    height: int
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def draw(keys: Sequence[str], sources: Mapping[str, Sequence[str]]) -> Diagram | None:
    """Lay out shots by what they start from; ``sources`` maps a key to the keys that it depends on.

    Each stands one column right of the last thing that it needs, near the height of what it needs. None where nothing depends on anything, or
    where there are too many. Cycles cannot be drawn, and what takes part in one stands in the first column.
    """
    known = set(keys)
    edges = [(source, key) for key in keys for source in dict.fromkeys(sources.get(key, ())) if source in known and source != key]
    if not edges or len(keys) > MOST_NODES:
        return None
    joined = {key for edge in edges for key in edge}
    columns = _columns([key for key in keys if key in joined], edges)
    rows: dict[str, int] = {}
    taken: dict[int, int] = {}
    for key in sorted(columns, key=columns.__getitem__):
        column = columns[key]
        wanted = min((rows[source] for source, target in edges if target == key and source in rows), default=0)
        rows[key] = max(wanted, taken.get(column, 0))
        taken[column] = rows[key] + 1
    nodes = {
        key: Node(key=key, x=MARGIN + column * (WIDTH + GAP_X), y=MARGIN + rows[key] * (HEIGHT + GAP_Y)) for key, column in columns.items()
    }
    return Diagram(
        width=max(node.x for node in nodes.values()) + WIDTH + MARGIN,
        height=max(node.y for node in nodes.values()) + HEIGHT + MARGIN,
        nodes=tuple(nodes.values()),
        edges=tuple(Edge(path=_curve(nodes[source], nodes[target]), source=source, target=target) for source, target in edges),
    )


def _columns(keys: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    columns = dict.fromkeys(keys, 0)
    for _ in keys:  # the longest path has fewer edges than there are shots
        changed = False
        for source, target in edges:
            if columns[target] <= columns[source] < len(keys) - 1:
                columns[target] = columns[source] + 1
                changed = True
        if not changed:
            return columns
    return dict.fromkeys(keys, 0)


def _curve(source: Node, target: Node) -> str:
    x1, y1 = source.x + WIDTH, source.y + HEIGHT // 2
    x2, y2 = target.x, target.y + HEIGHT // 2
    bend = max((x2 - x1) // 2, GAP_X // 2)
    return f"M{x1},{y1} C{x1 + bend},{y1} {x2 - bend},{y2} {x2},{y2}"
