"""Defines the manifest, version 1: what a run was asked for, what came out, and what it cost.

Pydantic, because other programs read it. Every model is frozen, takes additional keys (a newer version may write them), and records no
secrets: URLs lose their query where they enter. Amounts are US dollars; JSON shows them as numbers of at most six decimals, unknown ones as
null.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from animatic.catalog.model import Kind
from animatic.manifest.parts import Attempt, Choice, Decision, Failure, LogEntry, Quality
from animatic.manifest.values import Json, Moment, Record, Text, Url, Usd

VERSION: Final = 1
RunState = Literal["completed", "failed", "partial", "waiting", "cancelled"]
ShotState = Literal["delivered", "reused", "failed", "skipped", "in_doubt", "waiting"]
Doing = Literal["not started", "preparing", "submitted", "running", "fetching", "cancelled", "waits for approval"]
"""What a waiting shot is doing: nothing was sent for it yet, or it was (then it may be billed), or its job runs, or was cancelled. One that
failed or is in doubt may have left something at Krea, too."""


class Input(Record):
    """A media field and what it took: a shot (or a frame of it), a local file, or a URL."""

    field: str
    origin: Literal["shot", "file", "url"] = Field(alias="from")
    shot: str | None = None
    path: str | None = None
    url: Url | None = None
    frame: Literal["first", "last"] | float | None = None
    sha256: str | None = None
    sent_as: Url | None = None
    """The URL that Krea was given."""
    member: str | None = None
    """Of the cast that it shows."""

    @model_serializer(mode="wrap")
    def _only_its_origin(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write one of ``shot``, ``path`` and ``url``, and a member where there is one."""
        return {key: value for key, value in handler(self).items() if key not in {"shot", "path", "url", "member"} or value is not None}


class Clip(Record):
    """A delivered file. ``sha256`` is that of the bytes at ``key``; ``size`` in bytes, ``duration`` in seconds."""

    key: str
    """``s3://...``, or a path relative to the destination."""
    sha256: str
    size: int
    mime: str
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    duration: float | None = None
    frames: int | None = None
    channels: int | None = None
    """Of sound, as are the three below."""
    sample_rate: int | None = None
    """Hz."""
    codec: str | None = None
    loudness: float | None = None
    """LUFS by EBU R 128 over the whole; None for silence."""
    triangles: int | None = None
    """Of a mesh."""
    file: str | None = None
    """Its name in the run's folder, for links."""
    original_sha256: str | None = None
    """Of the bytes that Krea sent, which the ledger keeps; ``sha256`` is that of the delivered file with its marks."""
    origin: Literal["signed", "marked", "credentials", "unmarked"] | None = None
    """Signed with marks of origin, marked alone, with credentials of its maker, or of a format that has no place for marks."""
    time_stamped: bool | None = None
    """Whether its signature has the time stamp that was asked for (false: the service did not answer); None where none was."""


class ReelShot(Record):
    """A shot's place in a reel: its key, seconds from the reel's beginning, and which seconds of its clip are seen."""

    shot: str
    begin: float = Field(alias="in")
    end: float = Field(alias="out")
    trim: tuple[float, float] | None = None
    """None for all of it, and for stills."""


class Reel(Clip):
    """The assembled result of one cut in one variant."""

    name: str = "reel"
    variant: Mapping[str, Any] = Field(default_factory=dict)
    shots: tuple[ReelShot, ...] = ()
    """Where each shot stands in it; empty in records of version 0.1."""
    otio: str | None = None
    """Key of its timeline for editors."""
    captions: tuple[str, ...] = ()
    """Keys of its caption files."""
    fingerprint: str | None = None
    """Hash of all that determines it: equal reels are made once."""
    how: Literal["copied", "encoded", "reused"] | None = None
    """Whether its picture was copied from the clips or encoded, or the whole taken from an earlier run."""
    loudness: float | None = None
    """Integrated, in LUFS, as it was measured; None where it is silent."""
    true_peak: float | None = None
    """dBTP."""
    notes: tuple[Text, ...] = ()
    """What was made to fit: trims beyond a clip, transitions shortened, sounds cut off."""
    thumbnail: str | None = None
    """Key of a still of it."""


class TakeEntry(Record):
    """One take of a shot, as this run has it."""

    take: int
    fingerprint: str
    state: ShotState
    job_id: str | None = None
    usd: Usd | None = None
    """What it cost, when it was made."""
    clip: Clip | None = None
    thumbnail: str | None = None
    picked: bool
    """Whether it goes on to what depends on the shot."""
    qc: Quality | None = None
    continuity: float | None = None
    """How well it goes with what it starts from, 0 to 1; None where nobody looked."""
    note: Text | None = None
    """Why it is not there, or what is to be known of it."""
    attempts: tuple[Attempt, ...] = ()


class Shot(Record):
    """One step of the run."""

    id: str
    key: str = ""
    """The shot id, behind its variant's name where there is a matrix: unique in the manifest."""
    number: int = 0
    kind: Kind = "video"
    variant: Mapping[str, Any] = Field(default_factory=dict)
    scene: str | None = None
    """The part of the storyboard that it belongs to, as people call it."""
    title: str | None = None
    line: str | None = None
    """What is spoken or written over it."""
    cast: tuple[str, ...] = ()
    """Members that it takes."""
    state: ShotState = "waiting"
    doing: Doing | None = None
    """While it is waiting: how far it is. The last word of a run that was interrupted, or that failed while a job of the shot goes on."""
    set_aside_usd: Usd | None = None
    """What its submission will be billed if its job completes, while that is not known."""
    note: Text | None = None
    """What it waits for, or why it was left out."""
    model: str
    request: Json = Field(default_factory=dict)
    """The body as it was sent."""
    fingerprint: str
    take: int
    attempts: tuple[Attempt, ...] = ()
    job_id: str | None = None
    submitted_at: Moment | None = None
    completed_at: Moment | None = None
    usd: Usd | None = None
    """What the take cost, when it was made; without one, what its job was billed that completed."""
    depends_on: tuple[str, ...] = ()
    inputs: tuple[Input, ...] = ()
    how: Literal["answer", "callback", "evidence", "person"] | None = None
    """How its job became known: Krea's answer or callback, what Krea's list of jobs tells, or somebody's decision."""
    evidence: Json | None = None
    """What spoke for the job, where it was taken for this shot's without Krea saying so."""
    clip: Clip | None = None
    thumbnail: str | None = None
    qc: Quality | None = None
    """What looking at its clip found; None of stills, and where nobody looked."""
    continuity: float | None = None
    """How alike the first frame of its clip is to the picture of another shot that it starts from, from 0 to 1; None where it starts from
    none, or the pictures are too plain to tell."""
    error: Failure | None = None
    takes: tuple[TakeEntry, ...] = ()
    """Its takes of this run, by number, where it has any."""
    decision: Decision | None = None
    """Who approved the take that counts."""
    choice: Choice | None = None
    """Why it counts, where the checks of its takes were compared (`pick: best`, `qc: retake`); None where they were not."""
    locked: bool = False
    """Whether its take stays, whatever changes in or above it."""
    log: tuple[LogEntry, ...] = ()
    """What was said and done about it so far, in this run and before, the first entry first; of a long log the last entries."""


class Cost(Record):
    """Money of the run: what its plan expected to pay, what was billed, and what reused takes had cost when they were made.

    ``unpriced`` counts the takes of this run whose cost is unknown and in no sum; a sum is None where nothing in it is known.
    """

    estimated_usd: Usd | None
    billed_usd: Usd | None
    reused_usd: Usd | None
    unpriced: int


class PrefectRun(Record):
    """The flow run, and its page in the Prefect UI."""

    flow_run_id: str | None = None
    url: Url | None = None
    deployment: str | None = None
    """Name of the deployment that made it; None: a terminal did."""


class Source(Record):
    """The pipelines file."""

    file: str
    sha256: str


class StrayJob(Record):
    """A job that was paid, or may be, and belongs to no take."""

    job_id: str
    usd: Usd | None
    why: Text


class Provenance(Record):
    """How the clips came to be, in IPTC's terms, and whether they carry signed content credentials."""

    digital_source_type: str = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    c2pa: Literal["signed", "unsigned"] = "unsigned"
    notes: tuple[Text, ...] = ()
    """What could not be found out about the certificates that sign."""


class PageRules(Record):
    """What page, index and sheet may tell. ``money``: prices, models, paths, jobs; the manifest has them either way."""

    money: bool = True


SIMULATED = Provenance(digital_source_type="http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia")


class Manifest(Record):
    """The record of one run."""

    version: Literal[1] = VERSION
    run_id: str
    pipeline: str
    title: str = ""
    """What people call the pipeline; empty: its name."""
    description: str = ""
    params: Json = Field(default_factory=dict)
    simulated: bool
    state: RunState
    started_at: Moment
    finished_at: Moment | None = None
    """None while the run goes on."""
    animatic: str
    prefect: PrefectRun = PrefectRun()
    source: Source
    cost: Cost
    shots: tuple[Shot, ...]
    reel: Reel | None = None
    """The only reel, or the first."""
    reels: tuple[Reel, ...] = ()
    profile: str | None = None
    """Name of the profile that the run was made under; None: as the file is written."""
    sheet: str | None = None
    """Key of the storyboard sheet, a PDF."""
    stray_jobs: tuple[StrayJob, ...] = ()
    provenance: Provenance = Provenance()
    page: PageRules = PageRules()

    @property
    def storyboard(self) -> tuple[Shot, ...]:
        """Its shots as the storyboard has them, variant by variant; ``shots`` has them as they depend on each other."""
        variants = {name: place for place, name in enumerate(dict.fromkeys(repr(dict(shot.variant)) for shot in self.shots))}
        return tuple(sorted(self.shots, key=lambda shot: (variants[repr(dict(shot.variant))], shot.number)))

    @property
    def made_nothing(self) -> bool:
        """Whether all shots, and all takes beside those that count, were made before."""
        states = [*(shot.state for shot in self.shots), *(take.state for shot in self.shots for take in shot.takes)]
        return set(states) == {"reused"}

    @property
    def heading(self) -> str:
        """What stands above the run wherever people read of it."""
        return self.title or self.pipeline
