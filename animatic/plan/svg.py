"""The plan as a self-contained SVG: one card per shot, one line per input, what stands in one column can run at once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from html import escape

from animatic.plan.layout import HEIGHT, WIDTH, Point, arrange
from animatic.plan.mermaid import edge_labels, step_variant
from animatic.plan.model import Plan, Step

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
    return "\n".join(_lines(plan)) + "\n"


def _lines(plan: Plan) -> Iterator[str]:
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
