"""The plan as a Mermaid flowchart, as GitHub and most wikis draw it."""

from __future__ import annotations

from collections.abc import Iterator

from animatic.plan.model import Plan, ShotInput, Step, field_name


def as_mermaid(plan: Plan) -> str:
    """Return the text of a flowchart: one box per step, one arrow per input, the reels at the end."""
    return "\n".join(_lines(plan)) + "\n"


def _lines(plan: Plan) -> Iterator[str]:
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
