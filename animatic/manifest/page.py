"""Renders a run's manifest as one HTML page: a storyboard sheet that needs nothing but the files beside it.

All text of users and services reaches the page through Jinja2's escaping; all links are relative, or http(s) where a user gave one. The
only script is ours, and the policy names it by its hash: nothing else runs. Without it clips open in the browser, and all else is there.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, get_args
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from animatic.manifest import wording
from animatic.manifest.clients import Discretion, for_clients, shown
from animatic.manifest.groups import DEFAULT_RATIO, Group, groups_of
from animatic.manifest.links import Links
from animatic.manifest.model import Manifest, Reel, ShotState
from animatic.manifest.panels import Panel, Place, href_of, panels_of, places_of, ratio_of, shared_takes, stations_of, variant_name
from animatic.money import dollars
from animatic.plan.layout import Diagram, diagram_of

INDENTATION = re.compile(r"\n[ \n]+<")
"""Before a tag: a tenth of a long page. Text of others has no bare ``<``, and spaces at its ends show nowhere."""
MAX_LABELLED = 4
"""Arrows into one shot of the diagram that have words; those of more would stand over each other, and its panel has them all."""
LAYOUT = re.compile(r"^\s*//.*\n|^\s+", re.MULTILINE)
"""Comments and indentation of our scripts, a fifth of them; none has text of several lines."""


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """A shot in the strip below a reel."""

    panel: Panel
    place: Place
    scene: str
    """That begins with it."""


@dataclass(frozen=True, kw_only=True)
class ReelPanel:
    """An assembled result."""

    anchor: str
    title: str
    for_clients: str
    """The title as clients may read it."""
    href: str | None
    facts: str
    poster: str | None
    ratio: float
    fps: float | None
    chapters: tuple[Chapter, ...]
    files: tuple[tuple[str, str], ...]
    """What lies beside it, each with its link."""
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What the run was asked for. ``discreet``: not for clients."""

    name: str
    value: str
    discreet: bool


@dataclass(frozen=True, kw_only=True)
class Count:
    """How many shots are in a state, and the first of them."""

    state: ShotState
    text: str
    anchor: str


@dataclass(frozen=True, kw_only=True)
class Page:
    """Everything on the page."""

    run: Manifest
    title: str
    state: str
    total: str
    summary: str
    when: str
    live: bool
    money: tuple[tuple[str, str], ...]
    origin: str
    params: tuple[Setting, ...]
    counts: tuple[Count, ...]
    failed: tuple[Panel, ...]
    in_doubt: bool
    """Whether a person is to say whose job is whose before it can go on."""
    waiting: tuple[Panel, ...]
    """Not made."""
    asked: tuple[Panel, ...]
    """Made, and to be approved by a person."""
    reels: tuple[ReelPanel, ...]
    groups: tuple[Group, ...]
    scenes: tuple[Group, ...]
    """The groups that a scene begins with."""
    compared: bool
    """Whether groups are shots in several variants."""
    diagram: Diagram | None
    command: str
    """What takes the decisions made on the page; empty on one for clients."""
    labels: Mapping[tuple[str, str], str]
    """What the diagram's arrows stand for, by the anchors of their ends."""
    panels: Mapping[str, Panel]
    prefect: str | None
    script: str
    script_hash: str


def render_page(manifest: Manifest | Mapping[str, Any]) -> str:
    """Return ``index.html`` of a run, for the folder that its manifest lies in. Raises ValueError for data that is no manifest."""
    record = manifest if isinstance(manifest, Manifest) else Manifest.model_validate(manifest)
    return INDENTATION.sub("\n<", template("page.html.j2").render(page=view_of(record)))


@lru_cache(maxsize=4)
def template(name: str) -> Template:
    """Return a template of this package; it escapes every value."""
    environment = Environment(
        loader=PackageLoader("animatic.manifest", ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["css_text"] = lambda text: re.sub(r"[^\w .·-]", "", text)
    environment.globals["dollars"] = dollars
    return environment.get_template(name)


@lru_cache(maxsize=1)
def _script() -> tuple[str, str]:
    """Return the page's script, and its hash as the policy spells it."""
    folder = files("animatic.manifest")
    text = "".join(LAYOUT.sub("", folder.joinpath(name).read_text("utf-8")) for name in ("page.js", "decisions.js"))
    return text, f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def view_of(run: Manifest) -> Page:
    """Return the page of a run."""
    run = run.model_copy(update={"shots": run.storyboard})
    shared = shared_takes(run)
    run = shown(run)
    discretion = Discretion(run)
    links = Links(f"{run.pipeline}/{run.run_id}", _keys(run))
    reels = run.reels or ((run.reel,) if run.reel else ())
    reels_for_clients = for_clients(run.model_copy(update={"reels": reels})).reels
    places: dict[str, Place] = {}
    for number, reel in enumerate(reels, start=1):
        places = places_of(f"reel-{number}", reel.shots) | places  # the first reel that shows a shot
    panels = panels_of(run, links, places, shared)
    left = [panel for panel in panels if panel.shot.state in {"skipped", "waiting"}] if run.finished_at else []
    by_key = {panel.shot.key or panel.shot.id: panel for panel in panels}
    groups = groups_of(panels)
    named = len({reel.name for reel in reels}) > 1
    script, script_hash = _script()
    first = panels[0].shot.variant if panels else {}
    drawn = [panel for panel in panels if panel.shot.variant == first]
    sources = {panel.anchor: [origin.anchor for origin in panel.sources if origin.anchor] for panel in drawn}
    settings = wording.settings(run.profile, run.params)
    return Page(
        run=run,
        title=" · ".join([*(["SIMULATED"] if run.simulated else []), run.heading, *(text for _, text in settings), run.run_id]),
        state=wording.run_state(run),
        total=wording.total(run) if run.page.money else "",
        summary=wording.summary(run),
        when=wording.period(run.started_at, run.finished_at),
        live=run.finished_at is None,
        money=wording.money(run) if run.page.money else (),
        origin=wording.origin(run),
        params=tuple(Setting(name=name, value=value, discreet=name == "profile" or discretion.hides(value)) for name, value in settings),
        counts=tuple(_counts(panels)),
        failed=tuple(panel for panel in panels if panel.shot.state in {"failed", "in_doubt"}),
        in_doubt=wording.in_doubt(run),
        waiting=tuple(panel for panel in left if not panel.asked),
        asked=tuple(panel for panel in left if panel.asked),
        reels=tuple(
            _reel(reel, f"reel-{number}", by_key, links, named=named, told=told.variant)
            for number, (reel, told) in enumerate(zip(reels, reels_for_clients, strict=True), start=1)
        ),
        groups=groups,
        scenes=tuple(group for group in groups if group.scene),
        compared=len({panel.variant for panel in panels}) > 1,
        diagram=diagram_of([panel.anchor for panel in drawn], sources),
        labels={
            (origin.anchor, panel.anchor): origin.taken
            for panel in drawn
            if len(sources[panel.anchor]) <= MAX_LABELLED
            for origin in panel.sources
            if origin.anchor
        },
        command=f"animatic review --apply review.json{' --simulate' if run.simulated else ''}" if run.page.money else "",
        panels={panel.anchor: panel for panel in panels},
        prefect=_reachable(run.prefect.url),
        script=script,
        script_hash=script_hash,
    )


def _keys(run: Manifest) -> list[str]:
    takes = [take for shot in run.shots for take in shot.takes]
    clips = [run.reel, *run.reels, *(shot.clip for shot in run.shots), *(take.clip for take in takes)]
    stills = [*(shot.thumbnail for shot in run.shots), *(take.thumbnail for take in takes)]
    return [clip.key for clip in clips if clip] + [still for still in stills if still]


def _counts(panels: Sequence[Panel]) -> Iterator[Count]:
    counts = Counter(panel.shot.state for panel in panels)
    for state in get_args(ShotState):
        if counts[state]:
            anchor = next(panel.anchor for panel in panels if panel.shot.state == state)
            yield Count(state=state, text=f"{counts[state]} {wording.shot_state(state).lower()}", anchor=anchor)


def _reel(reel: Reel, anchor: str, panels: Mapping[str, Panel], links: Links, *, named: bool, told: Mapping[str, Any]) -> ReelPanel:
    """Return a reel for the page; ``named``: cuts that only their names tell apart; ``told``: its variant, for clients."""
    here = [(key, place) for key, place in stations_of(anchor, reel.shots) if key in panels]
    posters = (panels[key].poster for key, _ in here)
    beside = [("for editors", reel.otio), *((f"captions, {key.rpartition('.')[2]}", key) for key in reel.captions)]
    cut = reel.name if named else ""
    return ReelPanel(
        anchor=anchor,
        title=" · ".join(filter(None, (cut, variant_name(reel.variant)))),
        for_clients=" · ".join(filter(None, (cut, variant_name(told)))),
        href=href_of(reel, links),
        facts=wording.clip_facts(reel),
        poster=links.to(reel.thumbnail) or next((poster for poster in posters if poster), None),
        ratio=ratio_of(reel) or DEFAULT_RATIO,
        fps=reel.fps,
        chapters=tuple(_chapters([(panels[key], place) for key, place in here])),
        files=tuple((label, href) for label, key in beside if (href := links.to(key))),
        notes=reel.notes,
    )


def _chapters(shots: Iterable[tuple[Panel, Place]]) -> Iterator[Chapter]:
    before = ""
    for panel, place in shots:
        yield Chapter(panel=panel, place=place, scene=panel.scene if panel.scene != before else "")
        before = panel.scene


def _reachable(url: str | None) -> str | None:
    """Return the address of the run in the Prefect UI where somebody else can open it: not one of the machine that made the page."""
    if not url or not url.startswith(("http://", "https://")):
        return None
    host = urlsplit(url).hostname or ""
    try:
        address = ipaddress.ip_address(host)
        local = address.is_loopback or address.is_unspecified or address.is_link_local
    except ValueError:
        local = host == "localhost" or host.endswith(".localhost")
    return None if local else url
