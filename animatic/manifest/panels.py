"""Turns the shots of a manifest into what the page shows of each: picture, clip, words, links, place in the reel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from animatic.catalog.model import Yield
from animatic.errors import UPSTREAM
from animatic.manifest import decisions, wording
from animatic.manifest.clients import A_FILE, A_REFERENCE, for_clients
from animatic.manifest.decisions import Said
from animatic.manifest.links import Links
from animatic.manifest.model import Clip, Input, Manifest, ReelShot, Shot, TakeEntry
from animatic.money import dollars
from animatic.plan.model import called_by
from animatic.spec.shots import numeral

MAX_ALT_LENGTH = 160
LONG_PROMPT = 300
"""Characters; a longer prompt is folded."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Something that a shot was made from: ``verb`` (Starts from), ``what`` (the last frame of), its name, and the link to it."""

    verb: str
    what: str
    name: str
    href: str | None
    anchor: str | None = None
    for_clients: str = ""
    """Its name as clients may read it, where that is another."""
    taken: str = ""
    """The same in a word or two, for the diagram."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a shot stands in a reel: the reel's anchor, and seconds."""

    reel: str
    begin: float
    end: float
    text: str
    """``0:08 to 0:12``."""
    start: float
    """Seconds of its clip that are cut off before."""


@dataclass(frozen=True, kw_only=True)
class TakePanel:
    """One of several takes of a shot."""

    number: int
    picked: bool
    state: str
    media: str | None
    poster: str | None
    price: str
    checks: str
    """What was found, in a word for each check, and its continuity."""
    note: str


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One shot on the sheet."""

    anchor: str
    number: str
    shot: Shot
    name: str
    scene: str
    """In one line."""
    variant: str
    for_clients: str
    """The variant as clients may read it."""
    state: str
    asked: bool
    """Whether a person is to approve it."""
    media: str | None
    medium: Yield
    """What ``media`` leads to."""
    poster: str | None
    ratio: float
    alt: str
    prompt: str
    folded: bool
    """Whether it is too long to stand open."""
    settings: tuple[tuple[str, str], ...]
    facts: str
    checks: str
    """What the checks of its take say."""
    price: str
    sources: tuple[Origin, ...]
    waits_for: tuple[Origin, ...]
    """Shots that it was not made without."""
    place: Place | None
    takes: tuple[TakePanel, ...] = ()
    """All of its takes, where there are several."""
    same: str = ""
    """Anchor of the first of the shots that share its takes, where it is another one: what is decided about one is about all."""
    decision: Said | None = None
    log: tuple[Said, ...] = ()


class Names:
    """Anchors of the page by shot: by key, which is unique, and by id within a variant, as records of version 0.1 name shots."""

    def __init__(self, run: Manifest) -> None:
        self._by_key = {shot.key or shot.id: f"shot-{position}" for position, shot in enumerate(run.shots, start=1)}
        self._by_id = {(_variant(shot), shot.id): f"shot-{position}" for position, shot in enumerate(run.shots, start=1)}
        self.highest = max((shot.number for shot in run.shots), default=0)
        """Number of the last of its shots."""
        self._ids = {shot.key or shot.id: shot.id for shot in run.shots}

    def anchor(self, name: str, near: Shot | None = None) -> str | None:
        """Return the anchor of a shot that another one names; None for one that is not on the page."""
        if near is not None and (found := self._by_id.get((_variant(near), name))):
            return found
        return self._by_key.get(name)

    def shown(self, name: str) -> str:
        """Return the name without its variant, which stands above it."""
        return self._ids.get(name, name)


def _variant(shot: Shot) -> str:
    return repr(sorted(shot.variant.items()))


def shared_takes(run: Manifest) -> tuple[str, ...]:
    """Return for each shot the anchor of the first one with its take; empty where that is itself."""
    first: dict[str, int] = {}
    found = [(number, first.setdefault(shot.fingerprint, number)) for number, shot in enumerate(run.shots, start=1)]
    return tuple(f"shot-{other}" if other != number else "" for number, other in found)


def panels_of(run: Manifest, links: Links, places: Mapping[str, Place], shared: Sequence[str]) -> tuple[Panel, ...]:
    """Return a panel for every shot; ``places`` by shot key, ``shared`` as `shared_takes` of the whole record gives it."""
    names = Names(run)
    told = [variant_name(shot.variant) for shot in for_clients(run).shots]
    return tuple(
        replace(
            _panel(shot, f"shot-{number}", links, names, places, simulated=run.simulated),
            for_clients=told[number - 1],
            same=shared[number - 1],
        )
        for number, shot in enumerate(run.shots, start=1)
    )


def _panel(shot: Shot, anchor: str, links: Links, names: Names, places: Mapping[str, Place], *, simulated: bool) -> Panel:
    prompt = shot.request.get("prompt")
    prompt = prompt.strip() if isinstance(prompt, str) else ""
    name = shot.title or shot.id
    asked = shot.state == "waiting" and shot.doing == wording.ASKED
    taken = {item.field.partition("[")[0] for item in shot.inputs} | {"prompt"}
    return Panel(
        anchor=anchor,
        number=numeral(shot.number, names.highest),
        shot=shot,
        name=name,
        scene=" ".join((shot.scene or "").split()),
        variant=variant_name(shot.variant),
        for_clients="",
        state=wording.standing(shot),
        asked=asked,
        media=href_of(shot.clip, links) if shot.clip else None,
        medium=wording.medium(shot.clip.mime) if shot.clip else "image",
        poster=links.to(shot.thumbnail),
        ratio=ratio_of(shot.clip) if shot.clip else 0.0,
        alt=wording.shorten(f"Shot {shot.number}, {name}" + (f": {prompt}" if prompt else ""), MAX_ALT_LENGTH),
        prompt=prompt,
        folded=len(prompt) > LONG_PROMPT,
        settings=tuple((key, wording.value(value)) for key, value in shot.request.items() if key not in taken and value is not None),
        facts=wording.clip_facts(shot.clip) if shot.clip else "",
        checks=wording.checks(shot, simulated=simulated),
        price=wording.price(shot),
        sources=tuple(_origin(item, shot, names) for item in shot.inputs),
        waits_for=tuple(_awaited(shot, names)) if shot.error is not None and shot.error.code == UPSTREAM else (),
        place=places.get(shot.key or shot.id),
        takes=tuple(_take(take, shot, links, asked=asked, simulated=simulated) for take in shot.takes) if len(shot.takes) > 1 else (),
        decision=decisions.decision(shot.decision),
        log=decisions.log(shot),
    )


def _take(take: TakeEntry, shot: Shot, links: Links, *, asked: bool, simulated: bool) -> TakePanel:
    """Return a take for its shot's panel; while a person is ``asked`` none of them is picked."""
    return TakePanel(
        number=take.take,
        picked=take.picked and not asked,
        state=wording.shot_state(take.state),
        media=href_of(take.clip, links) if take.clip else None,
        poster=links.to(take.thumbnail),
        price=dollars(take.usd, unknown="") if take.clip else "",
        checks=wording.checks_in_short(take, simulated=simulated),
        note=take.note if take.note and take.note != shot.note else "",
    )


def _awaited(shot: Shot, names: Names) -> Iterator[Origin]:
    for name in shot.depends_on:
        anchor = names.anchor(name, shot)
        yield Origin(verb="Waits for", what="", name=names.shown(name), href=f"#{anchor}" if anchor else None, anchor=anchor)


def _origin(item: Input, shot: Shot, names: Names) -> Origin:
    verb = f"{item.member}:" if item.member else wording.verb(item.field)
    if item.origin == "shot" and item.shot:
        anchor = names.anchor(item.shot, shot)
        return Origin(
            verb=verb,
            what=wording.frame(item.frame),
            name=names.shown(item.shot),
            href=f"#{anchor}" if anchor else None,
            anchor=anchor,
            taken=item.member or wording.taken(item.field, item.frame),
        )
    if item.origin == "file":
        return Origin(verb=verb, what="", name=item.path or A_FILE, href=None, for_clients=A_FILE)
    url = item.url or ""
    href = url if url.startswith(("http://", "https://")) else None
    return Origin(verb=verb, what="", name=url or A_REFERENCE, href=href, for_clients=A_REFERENCE)


def stations_of(reel: str, shots: Iterable[ReelShot]) -> Iterator[tuple[str, Place]]:
    """Yield the shots of a reel in order, each key with its place; one that is seen twice comes twice."""
    for item in shots:
        text = f"{wording.clock(item.begin, exact=True)} to {wording.clock(item.end, exact=True)}"
        yield item.shot, Place(reel=reel, begin=item.begin, end=item.end, text=text, start=item.trim[0] if item.trim else 0.0)


def places_of(reel: str, shots: Iterable[ReelShot]) -> dict[str, Place]:
    """Return where each shot stands in a reel, by its key; one that stands there twice by its first place."""
    places: dict[str, Place] = {}
    for key, place in stations_of(reel, shots):
        places.setdefault(key, place)
    return places


def variant_name(variant: Mapping[str, object]) -> str:
    """Return ``aspect_ratio 9:16 · language de``; a mapping goes by its name, as in the folder's."""
    return " · ".join(f"{name} {wording.value(called_by(value))}" for name, value in variant.items())


def ratio_of(clip: Clip) -> float:
    """Return width by height; 0 where it is not known."""
    return clip.width / clip.height if clip.width and clip.height else 0.0


def href_of(clip: Clip, links: Links) -> str | None:
    """Return the link to a clip from the run's folder."""
    return links.beside(clip.file) if clip.file else links.to(clip.key)
