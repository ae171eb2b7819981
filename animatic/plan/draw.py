"""Where the boxes and lines of a storyboard graph go: columns by depth, so that time runs to the right.

A line that passes columns gets a slot of its own in each of them, so that it runs between the cards and not behind them; the order within a column follows
where the neighbours stand (barycentre sweeps).
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from animatic.plan.model import Plan, ShotInput, Step, field_name

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
    return Layout(cards=cards, lines=_polylines(chains, corners), width=width, height=height)


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


def _polylines(chains: Mapping[tuple[str, str], Sequence[_Node]], corners: Mapping[_Node, Point]) -> dict[tuple[str, str], Sequence[Point]]:
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


def as_mermaid(plan: Plan) -> str:
    """Return the text of a flowchart: one box per step, one arrow per input, the reels at the end."""
    return "\n".join(_mermaid_lines(plan)) + "\n"


def _mermaid_lines(plan: Plan) -> Iterator[str]:
    names = {step.key: f"s{number}" for number, step in enumerate(plan.steps, start=1)}
    yield "flowchart LR"
    for step in plan.steps:
        opening, closing = ("([", "])") if step.kind == "image" else ("[", "]")
        yield f'  {names[step.key]}{opening}"{_text(step.key)}<br/><small>{_text(step.request.model)}</small>"{closing}'
    for step in plan.steps:
        for source, label in edge_labels(step):
            yield f'  {names[source]} -->|"{_text(label)}"| {names[step.key]}'
    for number, cut in enumerate(plan.cuts, start=1):
        yield f'  reel{number}[["reel{_text(" " + step_variant(cut.steps)) if plan.cuts[1:] else ""}"]]'
        yield from (f"  {names[key]} -.-> reel{number}" for key in dict.fromkeys(cut.steps))


def step_variant(keys: tuple[str, ...]) -> str:
    """Return the name of the variant that a reel's steps belong to."""
    return keys[0].rpartition("/")[0]


def edge_labels(step: Step) -> Iterator[tuple[str, str]]:
    """Yield for each step that this one depends on its key and what is taken from it (``start_image: last frame``)."""
    for source in step.depends_on:
        taken: list[str] = []
        for request in step.requests:
            for given in request.inputs:
                if isinstance(given, ShotInput) and given.step == source:
                    frame = given.frame
                    part = "" if frame is None else f": {frame} frame" if isinstance(frame, str) else f": frame at {frame:g} s"
                    taken.append(f"{field_name(given.path)}{part}")
        yield source, ", ".join(dict.fromkeys(taken))


def _text(text: str) -> str:
    """Escape for a quoted label: entities instead of what Mermaid or HTML would read."""
    for character, entity in (("&", "&amp;"), ('"', "&quot;"), ("<", "&lt;"), (">", "&gt;"), ("#", "&num;")):
        text = text.replace(character, entity)
    return text


_NAME, _MORE, _LABEL = 22, 31, 26
"""Characters that fit on a card's lines, and between two cards."""
_COLORS = {"video": "#2f6fde", "image": "#1f8a5b", "enhance": "#9a5bd0", "reel": "#b4541f"}
_STYLE = """
  text { font-family: system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #1d2330 }
  .card { fill: #ffffff; stroke: #c9cfdb }
  .name { font-size: 14px; font-weight: 600 }
  .more { font-size: 11px; fill: #5b6475 }
  .edge { fill: none; stroke: #8a93a6; stroke-width: 1.5 }
  .cut { stroke-dasharray: 2 4 }
  .label { font-size: 10px; fill: #5b6475; paint-order: stroke; stroke: #f6f7fa; stroke-width: 4px }
  .ground { fill: #f6f7fa }
  @media (prefers-color-scheme: dark) {
    text { fill: #e8ebf2 } .ground { fill: #14171f } .card { fill: #1e232e; stroke: #3a4252 }
    .more, .label { fill: #a4adbf } .label { stroke: #14171f } .edge { stroke: #6d778c }
  }
"""


def as_svg(plan: Plan) -> str:
    """Return the SVG document."""
    return "\n".join(_svg_lines(plan)) + "\n"


def _svg_lines(plan: Plan) -> Iterator[str]:
    labels = {step.key: dict(edge_labels(step)) for step in plan.steps}
    reels = {f"\0reel {number}": cut for number, cut in enumerate(plan.cuts, start=1)}  # no step is called so
    layout = arrange(
        {step.key: list(labels[step.key]) for step in plan.steps} | {name: list(dict.fromkeys(cut.steps)) for name, cut in reels.items()}
    )
    size = f'width="{layout.width:g}" height="{layout.height:g}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {layout.width:g} {layout.height:g}" {size} role="img">'
    yield f"<title>{escape(plan.pipeline)}: {len(plan.steps)} shots</title>"
    yield f"<style>{_STYLE}</style>"
    yield '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    yield '<path d="M0 0 8 4 0 8z" fill="#8a93a6"/></marker></defs>'
    yield '<rect class="ground" width="100%" height="100%"/>'
    for (_, target), points in layout.lines.items():
        yield _edge(points, cut=target in reels)
    for step in plan.steps:
        yield from _card(layout.cards[step.key], step.shot, _about(step), _COLORS[step.kind])
    for name, cut in reels.items():
        variant = step_variant(cut.steps)
        yield from _card(layout.cards[name], "reel", f"{variant} · {len(cut.steps)} clips".removeprefix(" · "), _COLORS["reel"])
    for (source, target), points in layout.lines.items():
        if target not in reels and labels[target][source]:
            yield _label(points, labels[target][source])
    yield "</svg>"


def _edge(points: Sequence[Point], *, cut: bool) -> str:
    """Draw a line: curves between columns, straight past the cards of a column."""
    path = [f"M{points[0][0]:g} {points[0][1]:g}"]
    for number, ((x1, y1), (x2, y2)) in enumerate(itertools.pairwise(points)):
        bend = (x2 - x1) / 2
        path.append(f"L{x2:g} {y2:g}" if number % 2 else f"C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2:g} {y2:g}")
    return f'<path class="edge{" cut" if cut else ""}" marker-end="url(#tip)" d="{" ".join(path)}"/>'


def _label(points: Sequence[Point], text: str) -> str:
    """Write what is taken beside the arrow's tip, where no two lines are at the same height."""
    x, y = points[-1]
    return f'<text class="label" text-anchor="end" x="{x - 12:g}" y="{y - 4:g}">{escape(_cut(text, _LABEL))}</text>'


def _card(place: Point, name: str, more: str, color: str) -> Iterator[str]:
    x, y = place
    yield f'<g transform="translate({x:g} {y:g})"><title>{escape(name)}: {escape(more)}</title>'
    yield f'<rect class="card" width="{WIDTH:g}" height="{HEIGHT:g}" rx="8"/><rect width="5" height="{HEIGHT:g}" rx="2.5" fill="{color}"/>'
    yield f'<text class="name" x="16" y="25">{escape(_cut(name, _NAME))}</text>'
    yield f'<text class="more" x="16" y="44">{escape(_cut(more, _MORE))}</text></g>'


def _about(step: Step) -> str:
    usd = step.request.price.usd
    parts = (step.key.rpartition("/")[0], step.request.model, "price unknown" if usd is None else f"${usd:.2f}")
    return " · ".join(part for part in parts if part)


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}…"
