"""The plan as a self-contained SVG: columns by depth, so that time runs to the right and what stands in one column can run at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from html import escape

from animatic.plan.mermaid import edge_labels, step_variant
from animatic.plan.model import Plan, Step

_WIDTH, _HEIGHT = 200, 58
_GAP_X, _GAP_Y = 150, 22
_MARGIN = 24
_LETTERS = 27
_SWEEPS = 4
_COLORS = {"video": "#2f6fde", "image": "#1f8a5b", "enhance": "#9a5bd0", "reel": "#b4541f"}
_STYLE = """
  text { font-family: system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #1d2330 }
  .card { fill: #ffffff; stroke: #c9cfdb }
  .name { font-size: 14px; font-weight: 600 }
  .more { font-size: 11px; fill: #5b6475 }
  .edge { fill: none; stroke: #8a93a6; stroke-width: 1.5 }
  .label { font-size: 10px; fill: #5b6475; paint-order: stroke; stroke: #f6f7fa; stroke-width: 4px }
  .ground { fill: #f6f7fa }
  @media (prefers-color-scheme: dark) {
    text { fill: #e8ebf2 } .ground { fill: #14171f } .card { fill: #1e232e; stroke: #3a4252 }
    .more, .label { fill: #a4adbf } .label { stroke: #14171f } .edge { stroke: #6d778c }
  }
"""
Point = tuple[float, float]


def svg(plan: Plan) -> str:
    """Return the SVG document."""
    return "\n".join(_lines(plan)) + "\n"


def _lines(plan: Plan) -> Iterator[str]:
    labels = {step.key: list(edge_labels(step)) for step in plan.steps}
    links = {step.key: [source for source, _ in labels[step.key]] for step in plan.steps}
    reels = {f"reel {number}": cut for number, cut in enumerate(plan.cuts, start=1)}
    links |= {name: list(dict.fromkeys(cut.steps)) for name, cut in reels.items()}
    columns = _columns(links)
    places = _places(columns)
    width = max((x for x, _ in places.values()), default=0) + _WIDTH + _MARGIN
    height = max((y for _, y in places.values()), default=0) + _HEIGHT + _MARGIN
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" role="img">'
    yield f"<title>{escape(plan.pipeline)}: {len(plan.steps)} shots</title>"
    yield f"<style>{_STYLE}</style>"
    yield '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    yield '<path d="M0 0 8 4 0 8z" fill="#8a93a6"/></marker></defs>'
    yield '<rect class="ground" width="100%" height="100%"/>'
    for target, sources in links.items():
        for source in sources:
            yield _edge(places[source], places[target], dict(labels.get(target, ())).get(source, ""))
    for step in plan.steps:
        yield from _card(places[step.key], step.key, f"{step.request.model} · {_money(step)}", _COLORS[step.kind])
    for name, cut in reels.items():
        title = "reel" if len(reels) == 1 else f"reel {step_variant(cut.steps)}"
        yield from _card(places[name], title, f"{len(cut.steps)} clips", _COLORS["reel"])
    yield "</svg>"


def _columns(links: dict[str, list[str]]) -> list[list[str]]:
    """Put each node behind all that it depends on, and order every column by where its neighbours stand (barycentre sweeps)."""
    depth: dict[str, int] = {}
    for node, sources in links.items():  # steps come in dependency order, reels last
        depth[node] = 1 + max((depth[source] for source in sources), default=-1)
    columns: dict[int, list[str]] = defaultdict(list)
    for node, level in depth.items():
        columns[level].append(node)
    users: dict[str, list[str]] = defaultdict(list)
    for node, sources in links.items():
        for source in sources:
            users[source].append(node)
    levels = [columns[level] for level in sorted(columns)]
    for sweep in range(_SWEEPS):
        row = {node: index for column in levels for index, node in enumerate(column)}
        neighbours = links if sweep % 2 == 0 else users
        for column in levels if sweep % 2 == 0 else reversed(levels):
            weight = {node: _mean([row[other] for other in neighbours.get(node, ())], row[node]) for node in column}
            column.sort(key=weight.__getitem__)
            row.update({node: index for index, node in enumerate(column)})
    return levels


def _mean(values: list[int], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _places(columns: list[list[str]]) -> dict[str, Point]:
    """Return the upper left corner of every card; short columns are centred."""
    tallest = max((len(column) for column in columns), default=0)
    step = _HEIGHT + _GAP_Y
    return {
        node: (_MARGIN + number * (_WIDTH + _GAP_X), _MARGIN + (tallest - len(column)) * step / 2 + index * step)
        for number, column in enumerate(columns)
        for index, node in enumerate(column)
    }


def _edge(source: Point, target: Point, label: str) -> str:
    start, end = source[0] + _WIDTH, target[0]
    y1, y2 = source[1] + _HEIGHT / 2, target[1] + _HEIGHT / 2
    bend = (end - start) / 2
    path = (
        f'<path class="edge" marker-end="url(#tip)" d="M{start:g} {y1:g} C{start + bend:g} {y1:g} {end - bend:g} {y2:g} {end:g} {y2:g}"/>'
    )
    text = (
        f'<text class="label" text-anchor="middle" x="{end - _GAP_X / 2:g}" y="{(y1 + y2) / 2 - 5:g}">{escape(_cut(label))}</text>'
        if label
        else ""
    )
    return path + text


def _card(place: Point, name: str, more: str, color: str) -> Iterator[str]:
    x, y = place
    yield f'<g transform="translate({x:g} {y:g})"><title>{escape(name)}: {escape(more)}</title>'
    yield f'<rect class="card" width="{_WIDTH}" height="{_HEIGHT}" rx="8"/><rect width="5" height="{_HEIGHT}" rx="2.5" fill="{color}"/>'
    yield f'<text class="name" x="16" y="25">{escape(_cut(name, _LETTERS - 4))}</text><text class="more" x="16" y="44">{escape(_cut(more, _LETTERS + 4))}</text></g>'


def _cut(text: str, letters: int = _LETTERS) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}…"


def _money(step: Step) -> str:
    usd = step.request.price.usd
    return "price unknown" if usd is None else f"${usd:.2f}"
