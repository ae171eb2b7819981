"""Types of a declaration: the contents of a pipelines file before parameters, matrix and templates are filled in.

Values that may hold templates stay as they were written (plain data); ``path`` is their place in the document, so that whoever finds a
mistake in them can point at it: ``spec.document.place((*shot.path, "duration"))``. The closed sets of the language (`ParamType`,
`OnFailure`, ...) are spelled here alone, the kinds of shots in `animatic.catalog.model`; the tuple beside each is made from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, get_args

from animatic.catalog.model import Kind
from animatic.errors import KeyPath, Problem
from animatic.source import Document
from animatic.spec.cut_model import CutSpec

ParamType = Literal["string", "integer", "number", "boolean", "list"]
PARAM_TYPES: tuple[ParamType, ...] = get_args(ParamType)
UnknownPrice = Literal["warn", "block", "allow"]
UNKNOWN_PRICE: tuple[UnknownPrice, ...] = get_args(UnknownPrice)
OnFailure = Literal["continue", "stop"]
ON_FAILURE: tuple[OnFailure, ...] = get_args(OnFailure)
Reuse = Literal["always", "run", "never"]
REUSE: tuple[Reuse, ...] = get_args(Reuse)
Overlap = Literal["queue", "skip", "allow"]
OVERLAP: tuple[Overlap, ...] = get_args(Overlap)
C2pa = Literal["sign", "keep", "off"]
C2PA: tuple[C2pa, ...] = get_args(C2pa)
Late = Literal["skip", "run"]
LATE: tuple[Late, ...] = get_args(Late)
RuleKind = Literal["cron", "interval", "rrule"]
RULE_KINDS: tuple[RuleKind, ...] = get_args(RuleKind)
OnTimeout = Literal["stop", "first"]
ON_TIMEOUTS: tuple[OnTimeout, ...] = get_args(OnTimeout)
Qc = Literal["warn", "retake", "off"]
QC: tuple[Qc, ...] = get_args(Qc)
Pick = Literal["first", "best", "approve"]
PICKS: tuple[Pick, ...] = get_args(Pick)


@dataclass(frozen=True, kw_only=True, slots=True)
class ParamSpec:
    """A parameter of a pipeline; becomes a typed flow parameter."""

    name: str
    type: ParamType
    path: KeyPath
    required: bool
    """True where no default is declared."""
    items: ParamType = "string"
    """Type of what a list holds; ``enum`` then tells what its items may be."""
    default: Any = None
    """A text may hold a template."""
    enum: tuple[Any, ...] | None = None
    description: str = ""
    minimum: float | None = None
    maximum: float | None = None


CastList = tuple[str, ...] | str
"""The members that a shot takes, each perhaps a template, or one template for all of them. Nobody: an empty tuple."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MemberSpec:
    """Who or what must look the same in every shot; texts may hold templates."""

    name: str
    path: KeyPath
    images: tuple[tuple[Any, KeyPath], ...] = ()
    """References as they were written, each with its place."""
    prompt: str | None = None
    style: str | None = None
    """Id of a style of Krea's."""
    strength: float | str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FallbackSpec:
    """Another model for a shot, with the fields that differ; a field of None is dropped."""

    model: str
    fields: Mapping[str, Any]
    path: KeyPath
    cast: CastList | None = None
    """None: that of the shot."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShotSpec:
    """One shot as written; ``fields`` are the model's request fields, unchecked and with templates unrendered."""

    id: str
    path: KeyPath
    fields: Mapping[str, Any]
    scene: str | None = None
    """The part of the storyboard that it belongs to, as people call it; may hold templates, as may the next two."""
    title: str | None = None
    line: str | None = None
    """What is spoken or written over it."""
    kind: Kind | None = None
    model: str | None = None
    cast: CastList | None = None
    """None: that of the defaults of its kind."""
    qc: Qc | None = None
    """What follows from the checks of its take; None: what its pipeline says."""
    when: Any = None
    fallback: tuple[FallbackSpec, ...] = ()
    retries: int | None = None
    timeout: float | None = None
    """Seconds; written as a number of seconds or as ``10m``, ``1h30m``."""
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    takes: int = 1
    """Results that are made and paid for; one goes on to what depends on the shot."""
    pick: Pick | None = None
    """Which of them; None where nothing is said: the first."""
    approve: bool = False
    """Whether a person looks before anything that depends on the shot is paid for; with several takes, and picks one."""
    approve_within: float | None = None
    """Seconds that the person has; None: for ever."""
    on_timeout: OnTimeout = "stop"
    """What follows when nobody has decided then."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MatrixSpec:
    """Axes in order of declaration, and what is added or taken away."""

    path: KeyPath
    axes: Mapping[str, tuple[Any, ...] | str]
    """The values of each axis, or the template that yields them."""
    include: tuple[Mapping[str, Any], ...] = ()
    exclude: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Cron:
    """Runs at the times of a cron expression of five fields."""

    expression: str


@dataclass(frozen=True, slots=True)
class Interval:
    """Runs every so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class RecurrenceRule:
    """Runs at the times of a recurrence rule (RFC 5545)."""

    text: str


ScheduleRule = Cron | Interval | RecurrenceRule


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduleSpec:
    """A schedule by which a deployment of the pipeline runs. ``rule`` is None only where the declaration has a problem with it."""

    slug: str
    """As written, else by position: it stays the same whatever the schedule becomes."""
    path: KeyPath
    rule: ScheduleRule | None
    former_slug: str | None = None
    """The slug that this schedule had when slugs were made from content."""
    start: datetime | None = None
    """Where intervals and every-other-week rules begin to count; local to the zone."""
    timezone: str | None = None
    """Its own, else the file's."""
    params: Mapping[str, Any] = field(default_factory=dict)
    fresh: bool = False
    profile: str | None = None
    """Name of the profile that its runs are made under; None: as written."""
    active: bool = True
    late: Late = "skip"
    """What becomes of runs that were missed while server or worker were away."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Defaults:
    """Defaults by kind, with the place they were written at. ``model`` is kept among the fields."""

    path: KeyPath
    by_kind: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    cast: Mapping[str, CastList] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Overlay:
    """What a profile says of one kind of shots. A field of None drops what a shot or a default says."""

    path: KeyPath
    model: str | None
    """None: each shot keeps its own."""
    fields: Mapping[str, Any]
    fallback: tuple[FallbackSpec, ...] | None
    """None: each shot keeps its own; empty: none."""
    cast: CastList | None = None
    """None: each shot keeps its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfileSpec:
    """Values that win over defaults and shots while a run is made under this name, by kind."""

    name: str
    path: KeyPath
    by_kind: Mapping[Kind, Overlay] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class ProvenanceSpec:
    """Marks of origin beyond those that every file has. ``c2pa``: sign files, keep what providers signed, or look at neither."""

    path: KeyPath = ()
    c2pa: C2pa = "keep"
    label: str | None = None
    """Text for a corner of every reel; templates allowed."""
    timestamp: str | None = None
    """Address of the service (RFC 3161) that stamps signatures with the time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PipelineSpec:
    """One pipeline as written."""

    name: str
    document: Document
    path: KeyPath
    description: str = ""
    title: str = ""
    """What people call it; empty: its name."""
    params: Mapping[str, ParamSpec] = field(default_factory=dict)
    matrix: MatrixSpec | None = None
    cast: Mapping[str, MemberSpec] = field(default_factory=dict)
    """The file's, and its own, which win by name."""
    defaults: tuple[Defaults, ...] = ()
    """The file's first, then the pipeline's own: later ones win."""
    profiles: Mapping[str, ProfileSpec] = field(default_factory=dict)
    """The file's."""
    deliver: str | None = None
    """The pipeline's, else the file's; as written."""
    budget_usd: Decimal | None = None
    per_day_usd: Decimal | None = None
    per_month_usd: Decimal | None = None
    unknown_price: UnknownPrice | None = None
    concurrency: int | None = None
    on_failure: OnFailure = "continue"
    reuse: Reuse = "always"
    retries: int | None = None
    """Of shots that set none of their own."""
    timeout: float | None = None
    """Seconds; the same."""
    qc: Qc | None = None
    """Of shots that say nothing themselves."""
    schedules: tuple[ScheduleSpec, ...] = ()
    timezone: str | None = None
    """The file's: where days begin for runs without a schedule."""
    overlap: Overlap = "queue"
    """What becomes of a deployed run that is due while another of the pipeline goes on."""
    tags: tuple[str, ...] = ()
    shots: tuple[ShotSpec, ...] = ()
    cuts: tuple[CutSpec, ...] = ()
    shows_money: bool = True
    """Whether pages, which anybody with a link may read, tell prices, models and paths."""
    provenance: ProvenanceSpec = field(default_factory=ProvenanceSpec)


@dataclass(frozen=True, kw_only=True, slots=True)
class Declaration:
    """All pipelines of one or several files, and every structural problem found in them."""

    documents: tuple[Document, ...]
    pipelines: Mapping[str, PipelineSpec]
    problems: tuple[Problem, ...] = ()
