"""Settings of the simulator: ordinary typed configuration, faults included. Read from JSON, changeable while it runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, assert_never, get_args

from animatic.catalog.model import Yield
from animatic.errors import UsageError

ResultShape = Literal["urls", "video_url", "both", "objects", "rotate"]

Fault = Literal[
    "rate_limited",
    "error_before",
    "error_after",
    "html_524",
    "lost_before",
    "lost_after",
    "failing_poll",
    "cut_download",
    "failed_job",
    "moderated",
    "empty_result",
    "webhook_lost",
    "webhook_doubled",
    "webhook_early",
]
"""Faults that strike with a probability; the other settings of `Faults` are seconds and the seed."""

_T = TypeVar("_T", "Faults", "SimulatorSettings")


@dataclass(frozen=True, kw_only=True, slots=True)
class Faults:
    """What goes wrong, and how often: probabilities from 0 to 1, apart from the three that are seconds."""

    rate_limited: float = 0.0
    """429 before acceptance."""
    retry_after: float = 0.0
    """Seconds that a 429 names in Retry-After; 0: no such header."""
    error_before: float = 0.0
    """503 to a POST that was not accepted."""
    error_after: float = 0.0
    """500 to a POST that was accepted (and will be billed)."""
    html_524: float = 0.0
    """A proxy's HTML page with status 524 to a POST that was accepted."""
    lost_before: float = 0.0
    """Connection closed without an answer; the POST was not accepted."""
    lost_after: float = 0.0
    """Connection closed without an answer; the POST was accepted."""
    slow_post: float = 0.0
    """Seconds before any POST is looked at."""
    late_listing: float = 0.0
    """Seconds for which a new job is missing from ``GET /jobs`` and ``GET /jobs/{id}``."""
    failing_poll: float = 0.0
    """503 to a GET of jobs."""
    cut_download: float = 0.0
    """A result's body ends half-way."""
    failed_job: float = 0.0
    moderated: float = 0.0
    empty_result: float = 0.0
    """A completed (and billed) job without a file."""
    webhook_lost: float = 0.0
    webhook_doubled: float = 0.0
    webhook_early: float = 0.0
    """A call while the job is still running, besides the one at its end."""
    seed: int = 0

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            _number(item.name, value)
            if item.name in get_args(Fault) and not 0 <= value <= 1:
                raise UsageError(f"fault {item.name} is a probability from 0 to 1, not {value!r}")

    def probability(self, fault: Fault) -> float:
        """Return how often the fault strikes, from 0 to 1."""
        return float(getattr(self, fault))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Faults:
        """Parse; UsageError names an unknown fault or a value that is none."""
        return _parsed(cls, data)


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulatorSettings:
    """Everything that can be set. Times are in seconds."""

    image_seconds: float = 1.0
    """How long a job for a still, a sound or a mesh takes."""
    video_seconds: float = 3.0
    job_seconds: float | None = None
    """Overrides both of the above."""
    jitter: float = 0.2
    """Share by which a job may take longer or shorter."""
    concurrency: int = 64
    """Jobs that run at once; further ones are backlogged."""
    backlog: int = 5000
    """Jobs that may wait; beyond that a POST is answered with 429."""
    tokens: tuple[str, ...] = ()
    """Bearer tokens that are accepted; empty: any that is not empty."""
    strict_media: bool = True
    """Media fields take own assets and results, and https addresses; anything else is refused with 422."""
    result_shape: ResultShape = "rotate"
    """Which of the known result shapes a video job shows; ``rotate`` goes through urls, video_url and both by job."""
    url_seconds: float | None = None
    """Result addresses carry a signature and expire after this time; None: plain and lasting."""
    clock_skew: float = 0.0
    """How far the simulator's clock is ahead of the machine's."""
    longest_side: int = 1920
    """Renders are no larger than this many pixels; small values make load tests cheap."""
    seed: int = 0
    anonymous: bool = False
    """Leave out the header that names the simulator. For the tests of animatic itself, in which it stands for the real Krea."""
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        for name in ("image_seconds", "video_seconds", "jitter", "concurrency", "backlog", "longest_side"):
            _number(name, getattr(self, name))
        if not isinstance(self.anonymous, bool):
            raise UsageError(f"simulator setting anonymous is true or false, not {self.anonymous!r}")
        if self.concurrency < 1:
            raise UsageError("the simulator needs a concurrency of at least 1")
        if self.longest_side < 64:  # noqa: PLR2004
            raise UsageError("longest_side is at least 64 pixels")
        if self.result_shape not in get_args(ResultShape):
            raise UsageError(f"result_shape is one of {', '.join(get_args(ResultShape))}, not {self.result_shape!r}")

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SimulatorSettings:
        """Parse; ``faults`` is an object of its own. UsageError names what is unknown or of the wrong type."""
        given = dict(data)
        if "faults" in given:
            given["faults"] = Faults.from_json(given["faults"])
        if "tokens" in given:
            given["tokens"] = tuple(given["tokens"])
        return _parsed(cls, given)

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` takes."""
        return dataclasses.asdict(self)

    def changed(self, data: Mapping[str, Any]) -> SimulatorSettings:
        """Return these settings with some changed; faults that are not named stay as they are."""
        merged = {**self.to_json(), **data}
        if isinstance(data.get("faults"), Mapping):
            merged["faults"] = {**dataclasses.asdict(self.faults), **data["faults"]}
        return SimulatorSettings.from_json(merged)

    def seconds_of(self, makes: Yield) -> float:
        """Return how long a job takes that makes this, before jitter: clips, and everything else."""
        if self.job_seconds is not None:
            return self.job_seconds
        match makes:
            case "video":
                return self.video_seconds
            case "image" | "audio" | "3d":
                return self.image_seconds
            case _:
                assert_never(makes)


def _parsed(cls: type[_T], data: Mapping[str, Any]) -> _T:
    known = {item.name for item in dataclasses.fields(cls)}
    if unknown := sorted(set(data) - known):
        raise UsageError(f"unknown simulator setting: {', '.join(unknown)}", hint=f"known are {', '.join(sorted(known))}")
    return cls(**data)


def _number(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:  # noqa: PLR2004
        raise UsageError(f"simulator setting {name} is a number from 0 on, not {value!r}")
