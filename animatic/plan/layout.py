"""Lays out a storyboard graph in layers: columns by depth, so that time runs to the right; all lengths in pixels.

A line that passes columns gets a slot of its own in each of them, so that it runs between the cards and not behind them; the order within
a column follows where the neighbours stand (barycentre sweeps).
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from animatic.plan.select import ordered

_SWEEPS = 6
Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Spacing:
    """Size of a card, gaps between columns and cards, the height of a line's slot in a column that it passes, and the margin around all."""

    width: float
    height: float
    gap_x: float
    gap_y: float
    slot: float
    margin: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """Upper left corners of the cards, and the points that each line goes through, from a card's right edge to another's left."""

    cards: Mapping[str, Point]
    lines: Mapping[tuple[str, str], Sequence[Point]]
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class _Slot:
    """A line's place in a column that it passes."""

    source: str
    target: str
    level: int


_Node = str | _Slot


def arrange(links: Mapping[str, Sequence[str]], spacing: Spacing) -> Layout:
    """Lay out a graph given as node -> what it depends on, nodes after what they depend on."""
    depth: dict[str, int] = {}
    for node, sources in links.items():
        depth[node] = 1 + max((depth[source] for source in sources), default=-1)
    chains = {(source, node): _chain(source, node, depth) for node, sources in links.items() for source in sources}
    columns = _ordered(depth, chains)
    corners = dict(_corners(columns, spacing))
    cards = {node: corner for node, corner in corners.items() if isinstance(node, str)}
    width = max((x for x, _ in cards.values()), default=0.0) + spacing.width + spacing.margin
    height = max((y + _tall(node, spacing) for node, (_, y) in corners.items()), default=0.0) + spacing.margin
    return Layout(cards=cards, lines=_polylines(chains, corners, spacing), width=width, height=height)


def _chain(source: str, target: str, depth: Mapping[str, int]) -> list[_Node]:
    return [source, *(_Slot(source, target, level) for level in range(depth[source] + 1, depth[target])), target]


def _ordered(depth: Mapping[str, int], chains: Mapping[tuple[str, str], Sequence[_Node]]) -> list[list[_Node]]:
    """Return the columns from left to right, each from top to bottom."""
    columns: list[list[_Node]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for node, level in depth.items():
        columns[level].append(node)
    before: dict[_Node, list[_Node]] = defaultdict(list)
    after: dict[_Node, list[_Node]] = defaultdict(list)
    for chain in chains.values():
        for left, right in itertools.pairwise(chain):
            before[right].append(left)
            after[left].append(right)
        for slot in chain[1:-1]:
            assert isinstance(slot, _Slot)
            columns[slot.level].append(slot)
    for sweep in range(_SWEEPS):
        neighbours = after if sweep % 2 else before
        row = {node: index / max(1, len(column)) for column in columns for index, node in enumerate(column)}
        for column in reversed(columns) if sweep % 2 else columns:
            weights = {node: _mean([row[other] for other in neighbours[node]], row[node]) for node in column}
            column.sort(key=weights.__getitem__)
            row.update({node: index / len(column) for index, node in enumerate(column)})
    return columns


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _tall(node: _Node, spacing: Spacing) -> float:
    return spacing.height if isinstance(node, str) else spacing.slot


def _corners(columns: Sequence[Sequence[_Node]], spacing: Spacing) -> Iterator[tuple[_Node, Point]]:
    """Yield the upper left corner of every card and slot; short columns are centred."""
    heights = [sum(_tall(node, spacing) + spacing.gap_y for node in column) for column in columns]
    tallest = max(heights, default=0.0)
    for number, column in enumerate(columns):
        y = spacing.margin + (tallest - heights[number]) / 2
        for node in column:
            yield node, (spacing.margin + number * (spacing.width + spacing.gap_x), y)
            y += _tall(node, spacing) + spacing.gap_y


def _polylines(
    chains: Mapping[tuple[str, str], Sequence[_Node]], corners: Mapping[_Node, Point], spacing: Spacing
) -> dict[tuple[str, str], Sequence[Point]]:
    """Return the points of every line; lines that share a card's edge are spread along it, in the order of their other ends."""
    leaving: dict[str, list[tuple[str, str]]] = defaultdict(list)
    arriving: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for pair in sorted(chains, key=lambda pair: corners[chains[pair][1]][1]):
        leaving[pair[0]].append(pair)
    for pair in sorted(chains, key=lambda pair: corners[chains[pair][-2]][1]):
        arriving[pair[1]].append(pair)
    starts = {
        pair: _port(corners[node], (index + 1) / (len(pairs) + 1), spacing.width, spacing)
        for node, pairs in leaving.items()
        for index, pair in enumerate(pairs)
    }
    ends = {
        pair: _port(corners[node], (index + 1) / (len(pairs) + 1), 0, spacing)
        for node, pairs in arriving.items()
        for index, pair in enumerate(pairs)
    }
    return {pair: [starts[pair], *_past(chain[1:-1], corners, spacing), ends[pair]] for pair, chain in chains.items()}


def _past(slots: Sequence[_Node], corners: Mapping[_Node, Point], spacing: Spacing) -> Iterator[Point]:
    """Yield where a line enters and leaves each column that it passes."""
    for slot in slots:
        x, y = corners[slot]
        yield x, y + spacing.slot / 2
        yield x + spacing.width, y + spacing.slot / 2


def _port(corner: Point, share: float, side: float, spacing: Spacing) -> Point:
    """Return where a line meets a card: at a share of its height, ``side`` pixels right of its left edge."""
    return corner[0] + side, corner[1] + spacing.height * share


def curve(points: Sequence[Point]) -> str:
    """Return a line's SVG path: curves between columns, straight past the cards of a column."""
    path = [f"M{points[0][0]:g} {points[0][1]:g}"]
    for number, ((x1, y1), (x2, y2)) in enumerate(itertools.pairwise(points)):
        bend = (x2 - x1) / 2
        path.append(f"L{x2:g} {y2:g}" if number % 2 else f"C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2:g} {y2:g}")
    return " ".join(path)


COMPACT = Spacing(width=148, height=44, gap_x=104, gap_y=18, slot=8, margin=4)
"""For small cards that hold a number and a name."""
MAX_DIAGRAM_SHOTS = 80
"""Beyond this a diagram says less than the list of shots."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """A card; ``x`` and ``y`` are of its upper left corner."""

    key: str
    x: int
    y: int


@dataclass(frozen=True, kw_only=True)
class Edge:
    """A curve from the right side of one card to the left side of another, as an SVG path."""

    path: str
    source: str
    target: str
    x: int
    y: int
    """Where it arrives: what is taken is written there."""


@dataclass(frozen=True, kw_only=True)
class Diagram:
    """A drawing of compact cards, as numbers for an HTML template."""

    width: int
    height: int
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def diagram_of(keys: Sequence[str], sources: Mapping[str, Sequence[str]]) -> Diagram | None:
    """Lay out shots by what they start from; ``sources`` maps a key to the keys that it depends on.

    None where nothing depends on anything, or where there are too many. Cycles cannot be drawn: what is in or behind one has no line.
    """
    links = {key: [source for source in dict.fromkeys(sources.get(key, ())) if source in set(keys) and source != key] for key in keys}
    joined = {key: None for key in keys if links[key]} | dict.fromkeys(source for found in links.values() for source in found)
    if not joined or len(keys) > MAX_DIAGRAM_SHOTS:
        return None
    order = ordered({key: links[key] for key in keys if key in joined})
    behind_cycles = {key: list[str]() for key in joined if key not in order}
    layout = arrange({key: links[key] for key in order} | behind_cycles, COMPACT)
    return Diagram(
        width=round(layout.width),
        height=round(layout.height),
        nodes=tuple(Node(key=key, x=round(x), y=round(y)) for key, (x, y) in layout.cards.items()),
        edges=tuple(
            Edge(path=curve(points), source=source, target=target, x=round(points[-1][0]), y=round(points[-1][1]))
            for (source, target), points in layout.lines.items()
        ),
    )
