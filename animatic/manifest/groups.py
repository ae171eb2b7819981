"""Groups the panels of a page: by scene, or a group for each shot where it stands there in several variants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from animatic.manifest.panels import Panel

DEFAULT_RATIO = 16 / 9
MIN_RATIO, MAX_RATIO = 0.5, 2.4
"""Width by height: the bounds of a panel, whatever shape its clip has."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Panels that stand together: a scene, the whole storyboard, or one shot in all of its variants."""

    anchor: str
    scene: str
    """Of its shots; empty where they have none, and where the group before is of the same."""
    title: str
    panels: tuple[Panel, ...]
    ratio: float


def groups_of(panels: Sequence[Panel]) -> tuple[Group, ...]:
    """Return the storyboard by scenes; where there are variants, a group for each shot, so that they stand side by side."""
    return tuple(_by_scene(panels) if len({panel.variant for panel in panels}) <= 1 else _by_shot(panels))


def _by_scene(panels: Sequence[Panel]) -> Iterator[Group]:
    for number, (scene, found) in enumerate(groupby(panels, lambda panel: panel.scene), start=1):
        yield _group(number, scene, "", tuple(found))


def _by_shot(panels: Sequence[Panel]) -> Iterator[Group]:
    shots: dict[tuple[int, str], list[Panel]] = {}
    for panel in panels:
        shots.setdefault((panel.shot.number, panel.shot.id), []).append(panel)
    before = ""
    for number, found in enumerate(shots.values(), start=1):
        scene, name = found[0].scene, found[0].name if found[0].shot.title else found[0].shot.id
        yield _group(number, scene if scene != before else "", f"{found[0].number} {name}", tuple(found))
        before = scene


def _group(number: int, scene: str, title: str, panels: tuple[Panel, ...]) -> Group:
    return Group(anchor=f"group-{number}", scene=scene, title=title, panels=panels, ratio=_usual_ratio(panels))


def _usual_ratio(panels: Sequence[Panel]) -> float:
    ratios = [panel.ratio for panel in panels if panel.ratio]
    return min(max(median(ratios) if ratios else DEFAULT_RATIO, MIN_RATIO), MAX_RATIO)
