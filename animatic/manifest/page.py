"""Renders a run's manifest as one HTML page: a storyboard sheet that needs nothing but the files beside it.

All text of users and services reaches the page through Jinja2's escaping; all links are relative, or http(s) where a user gave one.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from statistics import median
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from animatic.manifest import wording
from animatic.manifest.model import Clip, Input, Manifest, Shot
from animatic.money import dollars
from animatic.plan.layout import Diagram, diagram_of

DEFAULT_RATIO = 16 / 9
MIN_RATIO, MAX_RATIO = 0.5, 2.4
"""Width by height: the bounds of a panel, whatever shape its clip has."""
MAX_ALT_LENGTH = 160


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Something that a shot was made from: ``verb`` (Starts from), ``what`` (the last frame of), its name, and the link to it."""

    verb: str
    what: str
    name: str
    href: str | None


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One shot on the sheet."""

    anchor: str
    number: str
    shot: Shot
    name: str
    state: str
    media: str | None
    is_video: bool
    poster: str | None
    alt: str
    prompt: str
    settings: tuple[tuple[str, str], ...]
    facts: str
    price: str
    sources: tuple[Origin, ...]


@dataclass(frozen=True, kw_only=True)
class ReelPanel:
    """An assembled result."""

    href: str | None
    facts: str
    poster: str | None
    ratio: float


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """The shots of one variant, in storyboard order."""

    title: str
    reel: ReelPanel | None
    panels: tuple[Panel, ...]
    ratio: float


@dataclass(frozen=True, kw_only=True)
class Page:
    """Everything on the page."""

    run: Manifest
    title: str
    state: str
    summary: str
    when: str
    money: tuple[tuple[str, str], ...]
    params: tuple[tuple[str, str], ...]
    sheets: tuple[Sheet, ...]
    diagram: Diagram | None
    panels: Mapping[str, Panel]
    prefect: str | None


def render_page(manifest: Manifest | Mapping[str, Any]) -> str:
    """Return ``index.html`` of a run, for the folder that its manifest lies in. Raises ValueError for data that is no manifest."""
    record = manifest if isinstance(manifest, Manifest) else Manifest.model_validate(manifest)
    return _template().render(page=view_of(record))


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("animatic.manifest", ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals["dollars"] = dollars
    return environment.get_template("page.html.j2")


def view_of(run: Manifest) -> Page:
    """Return the page of a run."""
    links = Links(f"{run.pipeline}/{run.run_id}", _keys(run))
    anchors = {_identity(shot): f"shot-{position}" for position, shot in enumerate(run.shots, start=1)}
    panels = {anchors[_identity(shot)]: _panel(shot, links, anchors) for shot in run.shots}
    sheets = tuple(_sheet(run, variant, panels, links) for variant in _variants(run))
    sources = {
        anchors[_identity(shot)]: [anchor for name in shot.depends_on if (anchor := anchors.get(_identity(shot, name)))]
        for shot in run.shots
    }
    return Page(
        run=run,
        title=f"{'SIMULATED · ' if run.simulated else ''}{run.pipeline} · {run.run_id}",
        state=wording.run_state(run),
        summary=wording.summary(run),
        when=wording.period(run.started_at, run.finished_at),
        money=wording.money(run),
        params=tuple((name, wording.value(value)) for name, value in run.params.items()),
        sheets=sheets,
        diagram=diagram_of(list(panels), sources),
        panels=panels,
        prefect=run.prefect.url if run.prefect.url and run.prefect.url.startswith(("http://", "https://")) else None,
    )


def _keys(run: Manifest) -> list[str]:
    clips = [run.reel, *run.reels, *(shot.clip for shot in run.shots)]
    return [clip.key for clip in clips if clip] + [shot.thumbnail for shot in run.shots if shot.thumbnail]


def _identity(shot: Shot, name: str | None = None) -> tuple[str, str]:
    return repr(sorted(shot.variant.items())), name or shot.id


def _variants(run: Manifest) -> list[Mapping[str, Any]]:
    return list({repr(sorted(shot.variant.items())): shot.variant for shot in run.shots}.values())


def _sheet(run: Manifest, variant: Mapping[str, Any], panels: Mapping[str, Panel], links: Links) -> Sheet:
    here = tuple(panel for panel in panels.values() if panel.shot.variant == variant)
    ratios = [_ratio(panel.shot.clip) for panel in here if panel.shot.clip]
    ratio = median(ratios) if ratios else DEFAULT_RATIO
    clip: Clip | None = next((reel for reel in run.reels if reel.variant == variant), None)
    if clip is None and not run.reels and not variant:
        clip = run.reel
    reel = None
    if clip:
        poster = next((panel.poster for panel in here if panel.poster), None)
        reel = ReelPanel(href=_href(clip, links), facts=wording.clip_facts(clip), poster=poster, ratio=_ratio(clip))
    return Sheet(
        title=" · ".join(f"{name} {wording.value(value)}" for name, value in variant.items()),
        reel=reel,
        panels=here,
        ratio=min(max(ratio, MIN_RATIO), MAX_RATIO),
    )


def _ratio(clip: Clip) -> float:
    return clip.width / clip.height if clip.width and clip.height else DEFAULT_RATIO


def _href(clip: Clip, links: Links) -> str | None:
    return links.beside(clip.file) if clip.file else links.to(clip.key)


def _panel(shot: Shot, links: Links, anchors: Mapping[tuple[str, str], str]) -> Panel:
    prompt = shot.request.get("prompt")
    prompt = prompt if isinstance(prompt, str) else ""
    name = shot.title or shot.id
    media = _href(shot.clip, links) if shot.clip else None
    taken = {item.field.partition("[")[0] for item in shot.inputs} | {"prompt"}
    return Panel(
        anchor=anchors[_identity(shot)],
        number=f"{shot.number:02}",
        shot=shot,
        name=name,
        state=wording.shot_state(shot.state),
        media=media,
        is_video=shot.clip.mime.startswith("video/") if shot.clip else shot.kind == "video",
        poster=links.to(shot.thumbnail),
        alt=wording.shorten(f"Shot {shot.number}, {name}" + (f": {prompt}" if prompt else ""), MAX_ALT_LENGTH),
        prompt=prompt,
        settings=tuple((key, wording.value(value)) for key, value in shot.request.items() if key not in taken and value is not None),
        facts=wording.clip_facts(shot.clip) if shot.clip else "",
        price=wording.price(shot),
        sources=tuple(_origin(item, shot, anchors) for item in shot.inputs),
    )


def _origin(item: Input, shot: Shot, anchors: Mapping[tuple[str, str], str]) -> Origin:
    verb = wording.verb(item.field)
    if item.origin == "shot" and item.shot:
        anchor = anchors.get(_identity(shot, item.shot))
        return Origin(verb=verb, what=wording.frame(item.frame), name=item.shot, href=f"#{anchor}" if anchor else None)
    if item.origin == "file":
        return Origin(verb=verb, what="", name=item.path or "a file", href=None)
    url = item.url or ""
    return Origin(verb=verb, what="", name=url or "a URL", href=url if url.startswith(("http://", "https://")) else None)


class Links:
    """Relative links from a run's folder to stored objects.

    ``folder`` is the run's folder below its destination (``PIPELINE/RUN_ID``). Where the destination ends and the folder begins inside a
    key is seen from ``keys``: they lie in that folder, or in the ledger's.
    """

    def __init__(self, folder: str, keys: Iterable[str]) -> None:
        self._folder = folder.strip("/")
        known = list(keys)
        marks = (f"{self._folder}/", ".animatic/")
        self._root = next((root for mark in marks for key in known if (root := _before(key, mark)) is not None), "")

    def beside(self, file: str) -> str:
        """Return the link to a file of the run's folder, by its name there."""
        return quote("." + posixpath.normpath("/" + file))

    def to(self, key: str | None) -> str | None:
        """Return the link to a key, None where no relative one leads there."""
        if not key or not key.startswith(self._root) or "://" in key.removeprefix(self._root):
            return None
        return quote(posixpath.relpath("/" + key.removeprefix(self._root), "/" + self._folder))


def _before(key: str, mark: str) -> str | None:
    if key.startswith(mark):
        return ""
    before, found, _ = key.partition("/" + mark)
    return before + "/" if found else None
