"""What the job of a request should be and give: Krea's type of it, and kind, length, shape and first picture of its result.

Krea's list of jobs says nothing of their requests, so this is what tells the jobs of two requests apart. A model is held to its lengths
and shapes only where its answered submissions show that it keeps them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from animatic.catalog.model import KINDS, Kind, Yield, media_of
from animatic.catalog.price import LENGTH_FIELDS
from animatic.ledger import Intent, SentInput, Submission, Take

LENGTH_TOLERANCE = 0.15
LEAST_LENGTH_TOLERANCE = 0.75
"""Share and seconds by which a clip may be longer or shorter than was asked for: models round to whole frames and latents."""
SHAPE_TOLERANCE = 0.1
"""Share by which width to height may differ: sizes are rounded to multiples of 8 or 16."""
SAME_PICTURE = 0.95
OTHER_PICTURE = 0.7
"""From which likeness on two pictures are the same one, and up to which they are not; in between nobody can tell."""
_NAMED = ("video", "image", "audio", "3d")
"""Kinds as Krea's types of jobs may name them."""
_TOLD_BY_NAME = frozenset({"video", "image", "audio"})
"""Kinds whose jobs are not taken for those of others by name: a mesh is made of pictures, and nobody knows what such jobs are called."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Expectation:
    """What is known of the result before it is there; None: not said."""

    kind: Yield | None = None
    seconds: float | None = None
    shape: float | None = None
    """Width to height."""

    def differs(self, other: Expectation) -> bool:
        """Whether no result could be both."""
        return (
            (self.kind is not None and other.kind is not None and self.kind != other.kind)
            or _other_length(self.seconds, other.seconds)
            or _other_shape(self.shape, other.shape)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What a completed job gave."""

    mime: str
    kind: Yield
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    picture: bytes | None = None
    """Of its first frame, as `animatic.media.likeness` compares it; None for what shows nothing."""

    @property
    def expectation(self) -> Expectation:
        """The same in the terms of what was expected."""
        shape = self.width / self.height if self.width and self.height else None
        return Expectation(kind=self.kind, seconds=self.duration, shape=shape)


@dataclass(frozen=True, kw_only=True, slots=True)
class Learned:
    """What the answered submissions of a model show."""

    types: Mapping[frozenset[str], frozenset[str]]
    """Krea's types of its jobs, by the fields of the request that took media."""
    keeps_length: bool = False
    keeps_shape: bool = False


def expectation_of(endpoint: str, request: Mapping[str, Any], inputs: Iterable[SentInput]) -> Expectation:
    """Return what a request should give. The shape is not said where it may follow from media that were sent."""
    given = tuple(inputs)
    kind = next((kind for kind in KINDS if kind == _route_kind(endpoint)), None)
    return Expectation(
        kind=None if kind is None else _made(kind, given),
        seconds=_length(request),
        shape=None if given else _shape(request),
    )


def _route_kind(endpoint: str) -> str:
    return endpoint.removeprefix("/generate/").partition("/")[0]


def _made(kind: Kind, given: tuple[SentInput, ...]) -> Yield | None:
    """Return what comes out of a route of the kind; an enhancer gives back what it took, as far as its fields say so."""
    match kind:
        case "video" | "image" | "audio" | "3d":
            return kind
        case "enhance":
            media = {media_of(item.field) for item in given}
            return "video" if "video" in media else "image" if media == {"image"} else None
        case _:
            assert_never(kind)


def expected_of(intent: Intent) -> Expectation:
    """Return what a submission should give."""
    return expectation_of(intent.endpoint, intent.request, intent.inputs)


def learn(answered: Iterable[Submission], takes: Mapping[str, Take]) -> Learned:
    """Return what answered submissions of one model, and the takes that came of them, show."""
    types: dict[frozenset[str], frozenset[str]] = {}
    lengths: list[bool] = []
    shapes: list[bool] = []
    for submission in answered:
        intent, submitted = submission.intent, submission.submitted
        if submitted is None:
            continue
        if submitted.type:
            types[intent.media_fields] = types.get(intent.media_fields, frozenset()) | {submitted.type}
        take = takes.get(intent.fingerprint)
        if take is None or take.job_id != submitted.job_id:
            continue
        expected, clip = expected_of(intent), take.clip
        if expected.seconds is not None and clip.duration is not None:
            lengths.append(not _other_length(expected.seconds, clip.duration))
        if expected.shape is not None and clip.width and clip.height:
            shapes.append(not _other_shape(expected.shape, clip.width / clip.height))
    return Learned(types=types, keeps_length=bool(lengths) and all(lengths), keeps_shape=bool(shapes) and all(shapes))


def has_other_type(job_type: str | None, intent: Intent, learned: Learned) -> bool:
    """Whether Krea's type of a job says that it is for another kind of request."""
    if job_type is None:
        return False
    if types := learned.types.get(intent.media_fields):
        return job_type not in types
    kind = _route_kind(intent.endpoint)
    named = {name for name in _NAMED if name in job_type.lower()}
    return kind in _TOLD_BY_NAME and len(named) == 1 and kind not in named


def fitting(results: tuple[Result | None, ...], intent: Intent, learned: Learned) -> Result | None:
    """Return what lies at the first address of a result that may be what the request asked for; another may be a preview."""
    return next((result for result in results if result is not None and not _is_other(result, intent, learned)), None)


def gives_other(results: tuple[Result | None, ...], intent: Intent, learned: Learned) -> bool:
    """Whether the result of a job says that it is for another request: there is something, and nothing of it may be what was asked for."""
    return bool(results) and all(result is not None and _is_other(result, intent, learned) for result in results)


def _is_other(result: Result, intent: Intent, learned: Learned) -> bool:
    expected, seen = expected_of(intent), result.expectation
    return (
        (expected.kind is not None and seen.kind != expected.kind)
        or (learned.keeps_length and _other_length(expected.seconds, seen.seconds))
        or (learned.keeps_shape and _other_shape(expected.shape, seen.shape))
    )


def _other_length(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return False
    return abs(one - other) > max(LEAST_LENGTH_TOLERANCE, LENGTH_TOLERANCE * max(one, other))


def _other_shape(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and abs(one - other) > SHAPE_TOLERANCE * max(one, other)


def _length(request: Mapping[str, Any]) -> float | None:
    """Return the seconds that a request asks for, whichever field of its model says so."""
    found = ((_seconds(request.get(name)), unit) for name, unit in LENGTH_FIELDS.items())
    return next((seconds * float(unit) for seconds, unit in found if seconds is not None), None)


def _seconds(value: object) -> float | None:
    """Read a length as models take it: a number of seconds, or a text like ``8s``."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*s?\s*", str(value))
    return float(match[1]) if match else None


def _shape(request: Mapping[str, Any]) -> float | None:
    width, height = request.get("width"), request.get("height")
    if isinstance(width, int | float) and isinstance(height, int | float) and height > 0:
        return width / height
    match = re.fullmatch(r"(\d+):(\d+)", str(request.get("aspect_ratio")))
    return int(match[1]) / int(match[2]) if match and int(match[2]) else None
