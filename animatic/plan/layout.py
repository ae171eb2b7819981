"""Where the boxes and lines of a storyboard graph go: columns by depth, so that time runs to the right.

A line that passes columns gets a slot of its own in each of them, so that it runs between the cards and not behind them; the order within a column follows
where the neighbours stand (barycentre sweeps).
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 208.0, 58.0
_GAP_X, _GAP_Y = 156.0, 20.0
_SLOT = 10.0
_MARGIN = 24.0
_SWEEPS = 6
Point = tuple[float, float]


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


def arrange(links: Mapping[str, Sequence[str]]) -> Layout:
    """Lay out a graph given as node -> what it depends on, nodes after what they depend on."""
    depth: dict[str, int] = {}
    for node, sources in links.items():
        depth[node] = 1 + max((depth[source] for source in sources), default=-1)
    chains = {(source, node): _chain(source, node, depth) for node, sources in links.items() for source in sources}
    columns = _ordered(depth, chains)
    corners = dict(_corners(columns))
    cards = {node: corner for node, corner in corners.items() if isinstance(node, str)}
    width = max((x for x, _ in cards.values()), default=0.0) + WIDTH + _MARGIN
    height = max((y + _tall(node) for node, (_, y) in corners.items()), default=0.0) + _MARGIN
    return Layout(cards=cards, lines=_lines(chains, corners), width=width, height=height)


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


def _tall(node: _Node) -> float:
    return HEIGHT if isinstance(node, str) else _SLOT


def _corners(columns: Sequence[Sequence[_Node]]) -> Iterator[tuple[_Node, Point]]:
    """Yield the upper left corner of every card and slot; short columns are centred."""
    heights = [sum(_tall(node) + _GAP_Y for node in column) for column in columns]
    for number, column in enumerate(columns):
        y = _MARGIN + (max(heights) - heights[number]) / 2
        for node in column:
            yield node, (_MARGIN + number * (WIDTH + _GAP_X), y)
            y += _tall(node) + _GAP_Y


def _lines(chains: Mapping[tuple[str, str], Sequence[_Node]], corners: Mapping[_Node, Point]) -> dict[tuple[str, str], Sequence[Point]]:
    """Return the points of every line; lines that share a card's edge are spread along it, in the order of their other ends."""
    leaving: dict[str, list[tuple[str, str]]] = defaultdict(list)
    arriving: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for pair in sorted(chains, key=lambda pair: corners[chains[pair][1]][1]):
        leaving[pair[0]].append(pair)
    for pair in sorted(chains, key=lambda pair: corners[chains[pair][-2]][1]):
        arriving[pair[1]].append(pair)
    starts = {pair: _port(corners[node], index, len(pairs), WIDTH) for node, pairs in leaving.items() for index, pair in enumerate(pairs)}
    ends = {pair: _port(corners[node], index, len(pairs), 0) for node, pairs in arriving.items() for index, pair in enumerate(pairs)}
    return {pair: [starts[pair], *_past(chain[1:-1], corners), ends[pair]] for pair, chain in chains.items()}


def _past(slots: Sequence[_Node], corners: Mapping[_Node, Point]) -> Iterator[Point]:
    """Yield where a line enters and leaves each column that it passes."""
    for slot in slots:
        x, y = corners[slot]
        yield x, y + _SLOT / 2
        yield x + WIDTH, y + _SLOT / 2


def _port(corner: Point, index: int, count: int, side: float) -> Point:
    return corner[0] + side, corner[1] + HEIGHT * (index + 1) / (count + 1)
