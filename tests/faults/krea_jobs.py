"""The jobs of a Krea that tests dictate: when one comes to be, how it goes on, what comes out, and who is billed for it.

Written from Krea's documents and not from the product: nothing here imports it. A job is a function of time, so that one whose answer was
lost comes to be whether or not anybody still listens.
"""

from __future__ import annotations

import io
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from functools import cache
from typing import Any, Literal

import av
import numpy as np
from av.video.frame import VideoFrame
from PIL import Image

Result = Literal["urls", "nested", "empty", "thumbnail-first", "gone-first", "objects"]
ROUTES: dict[str, dict[str, type | tuple[type, ...]]] = {
    "/generate/video/xai/grok-video": {
        "prompt": str,
        "start_image": (str, type(None)),
        "start_video": (str, type(None)),
        "duration": (int, float),
        "resolution": str,
        "aspect_ratio": str,
        "reference_images": list,
        "edit_video": str,
    },
    "/generate/video/kling/kling-2.5": {
        "prompt": str,
        "start_image": str,
        "end_image": str,
        "aspect_ratio": str,
        "duration": (int, float),
    },
}
"""The fields that Krea's document allows; every other one is an error there (``additionalProperties: false``)."""
USD_PER_SECOND = {"480p": 0.05, "720p": 0.07}
SIZES = {"480p": (854, 480), "720p": (1280, 720)}
ENDED = frozenset({"completed", "failed", "cancelled"})


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a POST is answered with, and whether there is a job behind it. Seconds count from its arrival."""

    status: int | Literal["dropped"] = 200
    after: float = 0.5
    job_after: float | None = 0.25
    """When the job comes to be, be the answer sent by then or not. None: never."""
    location: str | None = None


@dataclass(frozen=True, kw_only=True)
class Course:
    """How a job goes on."""

    seconds: float = 0.6
    ending: Literal["completed", "failed"] = "completed"
    result: Result = "urls"
    result_after: float = 0.0
    """Seconds after its completion until the result is there; ``{}`` before."""
    cancels: bool = True
    """False: DELETE is answered with 200 and changes nothing."""
    file: int = 200
    """With what its result file is answered."""
    file_lives: float | None = None
    """Seconds after its completion for which the file can be had; 403 afterwards."""


@dataclass(frozen=True, kw_only=True)
class Post:
    """One submission as it arrived. ``number`` counts from 1."""

    number: int
    token: str
    path: str
    body: Mapping[str, Any]
    at: float
    callback: str | None = None
    """The URL that is to be called when its job has ended. This Krea calls nobody: who scripts it does."""

    @property
    def prompt(self) -> str:
        return str(self.body["prompt"])


@dataclass(kw_only=True)
class Job:
    """One job of one account. Times are seconds since 1970."""

    account: str
    path: str
    body: Mapping[str, Any]
    created: float
    course: Course
    post: Post | None
    """What made it; None: another program did."""
    type: str | None = "externalVideo"
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    cancelled: float | None = None
    hidden: bool = False

    @property
    def ends(self) -> float:
        return self.created + self.course.seconds if self.cancelled is None else self.cancelled

    @property
    def prompt(self) -> str:
        return str(self.body["prompt"])

    @property
    def usd(self) -> float:
        price = USD_PER_SECOND[self.body.get("resolution", "720p")] if "grok" in self.path else 0.07
        return float(price * self.body.get("duration", 6))

    def status(self, now: float) -> str:
        if now >= self.ends:
            return "cancelled" if self.cancelled is not None else self.course.ending
        return "queued" if now < self.created + self.course.seconds / 4 else "processing"

    def shown(self, now: float, base: str) -> dict[str, Any]:
        """The job as ``GET /jobs/{id}`` tells of it."""
        status = self.status(now)
        found: dict[str, Any] = {
            "job_id": self.id,
            "status": status,
            "created_at": timestamp(self.created),
            "completed_at": None,
            "result": {},
        }
        if self.type is not None:
            found["type"] = self.type
        if status in ENDED:
            found["completed_at"] = timestamp(self.ends)
        if status == "failed":
            found["error"] = {"code": "generation_failed", "message": "The provider could not generate this request."}
        if status == "completed" and now >= self.ends + self.course.result_after:
            found["result"] = self._result(f"{base}/files/{self.id}.mp4?sig=secret")
        return found

    def _result(self, url: str) -> dict[str, Any]:
        match self.course.result:
            case "urls":
                return {"urls": [url]}
            case "nested":
                return {"video": {"url": url}}
            case "thumbnail-first":
                return {"urls": [url.replace(".mp4", ".png"), url]}
            case "gone-first":
                return {"urls": [url.replace("/files/", "/files/gone/"), url]}
            case "objects":
                return {"urls": [{"type": "model", "url": url}]}
            case "empty":
                return {}

    def file(self) -> bytes:
        """Its clip: as long and as large as asked for, and no other job's."""
        size = SIZES[self.body.get("resolution", "720p")]
        mark = self.id.encode()
        return clip(float(self.body.get("duration", 5)), *size) + (len(mark) + 8).to_bytes(4, "big") + b"free" + mark


@cache
def thumbnail() -> bytes:
    """A real PNG."""
    target = io.BytesIO()
    Image.new("RGB", (64, 36), (110, 110, 110)).save(target, "PNG")
    return target.getvalue()


@cache
def clip(seconds: float, width: int, height: int) -> bytes:
    """A real MP4 of one grey, so that every clip continues every other one."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=8, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        picture = np.full((height, width, 3), 110, dtype=np.uint8)
        for index in range(max(1, round(seconds * 8))):
            frame = VideoFrame.from_ndarray(picture)
            frame.pts, frame.time_base = index, Fraction(1, 8)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return target.getvalue()


def timestamp(seconds: float) -> str:
    """ISO 8601 in UTC with milliseconds, as Krea writes it."""
    return datetime.fromtimestamp(round(seconds, 3), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def mistakes(path: str, body: Any) -> str | None:
    """What Krea's document has against a request."""
    fields = ROUTES[path]
    if not isinstance(body, dict):
        return "expected object"
    if unknown := sorted(set(body) - set(fields)):
        return f"unrecognized keys: {', '.join(unknown)}"
    if wrong := sorted(name for name, value in body.items() if not isinstance(value, fields[name])):
        return f"wrong type: {', '.join(wrong)}"
    return None if body.get("prompt") else "prompt is required"


def now() -> float:
    """This Krea's clock."""
    return time.time()
