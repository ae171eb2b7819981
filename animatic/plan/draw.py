"""Draws a plan as a graph: a Mermaid flowchart, or an SVG picture of cards and lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import assert_never

from animatic.catalog.model import Kind, Yield, field_name
from animatic.money import dollars
from animatic.plan.layout import Point, Spacing, arrange, curve
from animatic.plan.model import Plan, ShotInput, Step


def as_mermaid(plan: Plan) -> str:
    """Return the text of a flowchart: one box per step, one arrow per input, the reels at the end."""
    return "\n".join(_mermaid_lines(plan)) + "\n"


def _mermaid_lines(plan: Plan) -> Iterator[str]:
    names = {step.key: f"s{number}" for number, step in enumerate(plan.steps, start=1)}
    yield "flowchart LR"
    for step in plan.steps:
        opening, closing = _box(step.makes)
        about = _text(_joined(step.title or "", step.request.model))
        yield f'  {names[step.key]}{opening}"{_text(step.key)}<br/><small>{about}</small>"{closing}'
    for step in plan.steps:
        for source, label in edge_labels(step):
            yield f'  {names[source]} -->|"{_text(label)}"| {names[step.key]}'
    for number, cut in enumerate(plan.cuts, start=1):
        yield f'  reel{number}[["{cut.name}{_text(f" {cut.variant_name}") if cut.variant_name and plan.cuts[1:] else ""}"]]'
        yield from (f"  {names[key]} -.-> reel{number}" for key in cut.needs)


def edge_labels(step: Step) -> Iterator[tuple[str, str]]:
    """Yield for each step that this one depends on its key and what is taken from it: ``start_image: last frame``, or a member's name."""
    for source in step.depends_on:
        taken: list[str] = []
        for request in step.requests:
            for given in request.inputs:
                if isinstance(given, ShotInput) and given.step == source:
                    frame = given.frame
                    part = "" if frame is None else f": {frame} frame" if isinstance(frame, str) else f": frame at {frame:g} s"
                    taken.append(f"{given.member or field_name(given.path)}{part}")
        yield source, ", ".join(dict.fromkeys(taken))


def _box(makes: Yield) -> tuple[str, str]:
    """Return what a box of Mermaid is drawn with: its shape tells clips, stills, sounds and meshes apart."""
    match makes:
        case "video":
            return "[", "]"
        case "image":
            return "([", "])"
        case "audio":
            return "[/", "/]"
        case "3d":
            return "{{", "}}"
        case _:
            assert_never(makes)


def _text(text: str) -> str:
    """Escape for a quoted label: entities instead of what Mermaid or HTML would read."""
    for character, entity in (("&", "&amp;"), ('"', "&quot;"), ("<", "&lt;"), (">", "&gt;"), ("#", "&num;")):
        text = text.replace(character, entity)
    return text


_NAME, _MORE, _LABEL = 22, 31, 26
"""Characters that fit on a card's lines, and between two cards."""
_CARDS = Spacing(width=208, height=58, gap_x=156, gap_y=20, slot=10, margin=24)
_REEL_COLOR = "#b4541f"
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
        {step.key: list(labels[step.key]) for step in plan.steps} | {name: list(cut.needs) for name, cut in reels.items()},
        _CARDS,
    )
    size = f'width="{layout.width:g}" height="{layout.height:g}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {layout.width:g} {layout.height:g}" {size} role="img">'
    yield f"<title>{escape(plan.pipeline)}: {len(plan.shots)} shots</title>"
    yield f"<style>{_STYLE}</style>"
    yield '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    yield '<path d="M0 0 8 4 0 8z" fill="#8a93a6"/></marker></defs>'
    yield '<rect class="ground" width="100%" height="100%"/>'
    for (_, target), points in layout.lines.items():
        yield _edge(points, cut=target in reels)
    for step in plan.steps:
        yield from _card(layout.cards[step.key], step.shot, _about(step), _color(step.kind))
    for name, cut in reels.items():
        more = _joined(cut.variant_name, f"{len(cut.steps)} clips")
        yield from _card(layout.cards[name], cut.name, more, _REEL_COLOR)
    for (source, target), points in layout.lines.items():
        if target not in reels and labels[target][source]:
            yield _label(points, labels[target][source])
    yield "</svg>"


def _edge(points: Sequence[Point], *, cut: bool) -> str:
    return f'<path class="edge{" cut" if cut else ""}" marker-end="url(#tip)" d="{curve(points)}"/>'


def _label(points: Sequence[Point], text: str) -> str:
    """Write what is taken beside the arrow's tip, where no two lines are at the same height."""
    x, y = points[-1]
    return f'<text class="label" text-anchor="end" x="{x - 12:g}" y="{y - 4:g}">{escape(_shortened(text, _LABEL))}</text>'


def _card(place: Point, name: str, more: str, color: str) -> Iterator[str]:
    x, y = place
    yield f'<g transform="translate({x:g} {y:g})"><title>{escape(name)}: {escape(more)}</title>'
    card = f'<rect class="card" width="{_CARDS.width:g}" height="{_CARDS.height:g}" rx="8"/>'
    yield f'{card}<rect width="5" height="{_CARDS.height:g}" rx="2.5" fill="{color}"/>'
    yield f'<text class="name" x="16" y="25">{escape(_shortened(name, _NAME))}</text>'
    yield f'<text class="more" x="16" y="44">{escape(_shortened(more, _MORE))}</text></g>'


def _about(step: Step) -> str:
    return _joined(step.title or "", step.variant_name, step.request.model, dollars(step.request.price.usd, unknown="price unknown"))


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)


def _color(kind: Kind) -> str:
    match kind:
        case "video":
            return "#2f6fde"
        case "image":
            return "#1f8a5b"
        case "audio":
            return "#c2781a"
        case "3d":
            return "#5f6b7a"
        case "enhance":
            return "#9a5bd0"
        case _:
            assert_never(kind)


def _shortened(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}…"
