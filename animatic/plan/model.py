"""The frozen plan: every shot resolved, priced and fingerprinted. Pure data; building it is `animatic.plan.build`."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

from animatic.catalog.model import Kind, Media, Price, Yield
from animatic.cut.model import Cut
from animatic.errors import Place, Problem
from animatic.plan.select import longest
from animatic.spec.shots import numeral

Frame = Literal["first", "last"] | float
Reuse = Literal["always", "run", "never"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ShotInput:
    """A media field that takes what another step makes: its file (``frame`` None) or a frame of its clip."""

    path: tuple[str | int, ...]
    """Where in the request body, e.g. ``("reference_images", 0)``; of what is no request's, the field's name alone."""
    media: Media
    step: str
    """Key of the step that makes it."""
    frame: Frame | None
    member: str | None = None
    """Of the cast that it shows; None for what the shot names itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileInput:
    """A media field that takes a local file, uploaded to Krea once per content."""

    path: tuple[str | int, ...]
    media: Media
    written: str
    """As the user wrote it."""
    file: str
    """Absolute path."""
    sha256: str
    size: int
    member: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class UrlInput:
    """A media field that takes a URL, passed on as it is unless it is ``hosted``."""

    path: tuple[str | int, ...]
    media: Media
    url: str
    hosted: bool = False
    """Whether what lies there is fetched and uploaded first: the model refuses what Krea does not host."""
    member: str | None = None


Input = ShotInput | FileInput | UrlInput


def step_key(variant_name: str, shot: str) -> str:
    """Return the key of a shot's step: the shot id, behind ``VARIANT/`` where the pipeline has a matrix."""
    return f"{variant_name}/{shot}" if variant_name else shot


def called_by(value: Any) -> Any:
    """Return what a value of the matrix goes by: a mapping by its ``name``, ``id`` or ``title`` where it has one, any other by itself."""
    if not isinstance(value, Mapping):
        return value
    return next((value[part] for part in ("name", "id", "title") if isinstance(value.get(part), str)), value)


def shot_of(key: str) -> str:
    """Return the shot id of a key made by ``step_key``. For keys alone: a step knows its ``shot`` and ``variant_name``."""
    return key.rpartition("/")[2]


def take_key(key: str, take: int) -> str:
    """Return the key of the step that makes one more take of a shot: ``dawn#2``. No id of a shot has that mark."""
    return f"{key}#{take}"


def without_take(key: str) -> str:
    """Return the key of the shot that a step makes a take of: ``dawn`` for ``dawn#2``, and for ``dawn``."""
    return key.partition("#")[0]


def counted(keys: Collection[str]) -> str:
    """Return how many steps these are, as people count them: ``5 shots``, or ``6 takes`` where a shot has several."""
    word = "shot" if len({without_take(key) for key in keys}) == len(keys) else "take"
    return f"{len(keys)} {word}" if len(keys) == 1 else f"{len(keys)} {word}s"


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One way to make a shot: a model and the body for it. Where an input belongs, ``body`` holds None until it is known."""

    model: str
    """``provider/model``, as in the catalogue."""
    endpoint: str
    """Path of the route, e.g. ``/generate/video/xai/grok-video``."""
    kind: Kind
    makes: Yield
    """What comes out: an enhancer gives a clip for a clip, and a still for a still."""
    body: Mapping[str, Any]
    inputs: tuple[Input, ...]
    price: Price
    duration: float | None
    """Seconds of footage or sound asked for, default of the model included; None for stills and meshes, or where it is not known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedTake:
    """The take that a person locked a shot to: it stays, whatever changes in or above the shot."""

    base: str
    take: int
    beside: tuple[int, ...]
    """Numbers of the shot's other takes, which are kept beside it."""
    makes: Yield
    by: str
    at: datetime
    note: str | None
    missing: str | None = None
    """Why it cannot be had, where that is so: ``its file ... is not there``."""
    otherwise: str = ""
    """The fingerprint that the shot would have without the lock; known once it is planned."""

    @property
    def reason(self) -> str:
        """``locked to take 2 by mara since 2026-11-27 (final)``."""
        why = f" ({self.note})" if self.note else ""
        return f"locked to take {self.take} by {self.by} since {self.at.astimezone():%Y-%m-%d}{why}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One take to be had."""

    key: str
    """Unique in the plan: ``step_key(variant_name, shot)``."""
    shot: str
    """Id of the shot."""
    variant_name: str
    """Folder name of the variant; empty where the pipeline has no matrix."""
    number: int
    """1-based place in the storyboard; names the delivered file."""
    among: int = 0
    """How many shots the storyboard has, those included that are not made; 0 in plans of before, whose files have two digits."""
    title: str | None
    scene: str | None = None
    """The part of the storyboard that it belongs to, as people call it."""
    line: str | None = None
    """What is spoken or written over it."""
    cast: tuple[str, ...] = ()
    """Members that must look the same in it as in other shots."""
    kind: Kind
    variant: Mapping[str, Any]
    """Values of the matrix."""
    requests: tuple[Request, ...]
    """The declared request first, then the fallbacks."""
    depends_on: tuple[str, ...]
    base: str
    """Fingerprint of the request without the take number: what takes of this shot have in common."""
    take: int
    fingerprint: str
    retries: int
    """Further attempts after a failed one."""
    timeout: float
    """Seconds that one job may take."""
    qc: Literal["warn", "retake", "off"] = "warn"
    """What follows from the checks of its take: people are told, one further take is made, or it is not looked at."""
    place: Place | None = None
    notes: tuple[str, ...] = ()
    """What planning left out or assumed, for people."""
    takes: int = 1
    """How many takes of the shot are made, each by a step of its own."""
    further: bool = False
    """Whether this is one more take of a shot, which nothing depends on: the take that counts is made by the step of the shot's own key."""
    spare: bool = False
    """Whether it is a further take that the checks of another one asked for: the shot is whole without it."""
    pick: Literal["first", "best"] = "first"
    """Which of its takes counts: that which was planned, or the best by checks and continuity."""
    approve: bool = False
    """Whether what depends on it waits until a person has approved the take that counts."""
    locked: LockedTake | None = None
    """The lock that keeps its take. Nothing that a locked shot refers to is needed for it, so that it depends on nothing."""
    approve_within: float | None = None
    """Seconds that a person has for it; None: for ever."""
    on_timeout: Literal["stop", "first"] = "stop"
    """What follows when nobody has decided then: the run stops, or the take that counts goes on."""

    @property
    def numeral(self) -> str:
        """Its number as its file is named."""
        return numeral(self.number, self.among)

    @property
    def request(self) -> Request:
        """The declared request."""
        return self.requests[0]

    @property
    def makes(self) -> Yield:
        """What comes out of it, whichever of its requests is sent."""
        return self.request.makes

    @property
    def has_others(self) -> bool:
        """Whether other takes may lie beside that which counts, and take its place."""
        return self.takes > 1 or self.qc == "retake"

    @property
    def is_chosen(self) -> bool:
        """Whether its takes have to be looked at before it is known which of them counts."""
        return self.locked is None and (self.pick == "best" or self.qc == "retake")


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """One execution, resolved. ``steps`` are in an order in which every step comes after what it depends on."""

    pipeline: str
    description: str
    params: Mapping[str, Any]
    steps: tuple[Step, ...]
    cuts: tuple[Cut, ...]
    deliver: str
    """``s3://bucket/prefix`` or an absolute folder."""
    budget_usd: Decimal | None
    per_day_usd: Decimal | None
    per_month_usd: Decimal | None
    unknown_price: Literal["warn", "block", "allow"]
    concurrency: int | None
    on_failure: Literal["continue", "stop"]
    reuse: Reuse
    tags: tuple[str, ...]
    run_id: str
    source_file: str
    source_sha256: str
    warnings: tuple[Problem, ...] = ()
    c2pa: Literal["sign", "keep", "off"] = "keep"
    """Whether what is delivered is signed, keeps the credentials of its maker, or neither is looked at."""
    timestamp: str | None = None
    """Address of the service that stamps signatures with the time; None: they are not stamped."""
    left_out: tuple[str, ...] = ()
    """Keys of the shots that ``when`` leaves out."""
    profile: str | None = None
    """Name of the profile that it is made under; None: as the file is written."""
    title: str = ""
    """What people call the pipeline; empty: its name."""
    shows_money: bool = True
    """Whether page, index and sheet tell prices, models and paths."""

    @property
    def shots(self) -> tuple[Step, ...]:
        """The steps that make the takes that count: one for each shot and variant."""
        return tuple(step for step in self.steps if not step.further)

    @property
    def storyboard(self) -> tuple[Step, ...]:
        """The steps as the storyboard has them, variant by variant; ``steps`` has them as they depend on each other."""
        variants = {name: place for place, name in enumerate(dict.fromkeys(step.variant_name for step in self.steps))}
        return tuple(sorted(self.steps, key=lambda step: (variants[step.variant_name], step.number)))

    def step(self, key: str) -> Step:
        """Return the step of that key; KeyError if there is none."""
        for step in self.steps:
            if step.key == key:
                return step
        raise KeyError(key)

    @property
    def estimated_usd(self) -> Decimal:
        """What all takes cost if none but the locked ones can be reused; equal requests count once, unknown prices not at all."""
        return sum((price.usd for price in self._prices() if price.usd is not None), Decimal(0))

    @property
    def unpriced(self) -> int:
        """How many different takes that are not locked have no known price."""
        return sum(price.usd is None for price in self._prices())

    def critical_path(self, minutes_of: Callable[[Step], float]) -> tuple[tuple[str, ...], float]:
        """Return the keys of the chain of steps that takes longest, and its minutes: the least that the plan can last."""
        minutes = {step.key: minutes_of(step) for step in self.steps}
        return longest({step.key: step.depends_on for step in self.steps}, minutes.__getitem__)

    def _prices(self) -> list[Price]:
        return list({step.fingerprint: step.request.price for step in self.steps if step.locked is None}.values())


def new_run_id(now: datetime) -> str:
    """Return an id like ``20261121T104512Z-4f3a9c`` for an aware ``now``; ids of different seconds sort as the seconds do."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
