"""Reads requests and writes answers: the wire form of jobs and assets, in the spellings that Krea is known to use."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, assert_never

from starlette.requests import Request
from starlette.responses import JSONResponse

from animatic.simulator.jobs import TERMINAL, Job, Outcome, RefusedError, Status, Suffix
from animatic.simulator.settings import ResultShape
from animatic.simulator.simulation import Simulation
from animatic.simulator.store import Asset

_TYPES: Mapping[Suffix, str] = {
    "mp4": "externalVideo",
    "png": "externalImage",
    "mp3": "externalAudio",
    "wav": "externalAudio",
    "glb": "external3d",
}
"""What Krea calls jobs, by what they give. Of sound and meshes nobody knows it."""
_ROTATION: tuple[ResultShape, ...] = ("urls", "video_url", "both")
"""Shapes that videos take in turn where the setting is ``rotate``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """Where a finished job's files are, and what is known of them."""

    url: str
    thumbnail_url: str
    facts: Mapping[str, float]


class JsonReply(JSONResponse):
    """JSON without spaces; NaN is an error, as it is to every reader."""

    def render(self, content: Any) -> bytes:
        """Encode the body."""
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def simulation_of(request: Request) -> Simulation:
    """Return the simulation that the application was made for."""
    simulation = request.app.state.simulation
    assert isinstance(simulation, Simulation)
    return simulation


def base_of(request: Request) -> str:
    """Return scheme and host as the client wrote them: addresses in answers work from where it asked."""
    return f"{request.url.scheme}://{request.url.netloc}"


def bounded_int(text: str | None, *, default: int, maximum: int) -> int:
    """Read a number from 1 to ``maximum``; refuses with 400 what is none."""
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= maximum:
        raise RefusedError(400, {"error": f"Invalid limit: expected 1 to {maximum}"})
    return int(text)


def timestamp(seconds: float) -> str:
    """Return ISO 8601 in UTC with milliseconds, as Krea writes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_timestamp(text: str) -> float:
    """Read ISO 8601. ValueError if it is none."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def submitted(job: Job, status: Status) -> dict[str, Any]:
    """Return the answer to a POST."""
    return {"job_id": job.id, "status": status, "created_at": timestamp(job.created_at), "completed_at": None, "result": None}


def job_reply(job: Job, status: Status, *, ended_at: float, result: Result | None, shape: ResultShape) -> dict[str, Any]:
    """Return a job as ``GET /jobs/{id}`` shows it."""
    reply: dict[str, Any] = {"job_id": job.id, "status": status, "type": _TYPES[job.suffix]}
    reply |= {"created_at": timestamp(job.created_at), "result": {}}
    if status in TERMINAL:
        reply["completed_at"] = timestamp(ended_at)
    if status == "completed" and result is not None:
        reply["result"] = _result(job, result, shape)
    if status == "failed":
        holder = reply if _turn(job, 2) else reply["result"]  # both places occur
        holder["error"] = _reason(job.outcome)
    return reply


def asset_reply(asset: Asset, base: str) -> dict[str, Any]:
    """Return an asset as ``GET /assets/{id}`` shows it."""
    return {
        "id": asset.id,
        "image_url": f"{base}/files/assets/{asset.file}",
        "uploaded_at": timestamp(asset.uploaded_at),
        "width": asset.width,
        "height": asset.height,
        "size_bytes": asset.size,
        "mime_type": asset.mime,
        "description": asset.description or "",
    }


def full_reply(simulation: Simulation, job: Job, base: str) -> dict[str, Any]:
    """Return the job as ``GET /jobs/{id}`` shows it now, at the server with that base address."""
    status = simulation.status(job)
    ended_at = simulation.ended_at(job) if status in TERMINAL else 0.0
    result = None
    if status == "completed" and job.outcome == "completed":
        seconds = simulation.settings.url_seconds
        library = simulation.library
        result = Result(
            url=library.result_url(job, base, ended_at=ended_at, url_seconds=seconds),
            thumbnail_url=library.result_url(job, base, ended_at=ended_at, url_seconds=seconds, name="thumbnail.jpg"),
            facts=_facts(job),
        )
    return job_reply(job, status, ended_at=ended_at, result=result, shape=simulation.settings.result_shape)


def _reason(outcome: Outcome) -> dict[str, str]:
    """Return why a job has failed; one that was to complete fails where its render cannot be made."""
    match outcome:
        case "moderated":
            return {"code": "content_moderated", "message": "The request was flagged by content moderation."}
        case "failed" | "completed" | "empty":
            return {"code": "generation_failed", "message": "The provider could not generate this request."}
        case _:
            assert_never(outcome)


def _result(job: Job, result: Result, shape: ResultShape) -> dict[str, Any]:
    """Return the result in that shape."""
    match job.suffix:
        case "mp4":
            return _clip_result(job, result, shape)
        case "png":
            return {"urls": [result.url]}
        case "mp3" | "wav":
            return _sound_result(job, result, shape)
        case "glb":
            return _mesh_result(job, result, shape)
        case _:
            assert_never(job.suffix)


def _sound_result(job: Job, result: Result, shape: ResultShape) -> dict[str, Any]:
    """Return one of the forms that ``urls`` is known to have; no other form is known of sound."""
    forms: tuple[dict[str, Any], ...] = (
        {"urls": [result.url]},
        {"urls": [{"type": "model", "url": result.url}]},
        {"urls": {"audio": result.url}},
    )
    match shape:
        case "urls" | "video_url" | "both":
            return forms[0]
        case "objects":
            return forms[1]
        case "rotate":
            return forms[_turn(job, len(forms))]
        case _:
            assert_never(shape)


def _mesh_result(job: Job, result: Result, shape: ResultShape) -> dict[str, Any]:
    """Return a mesh alone, or with a picture of it beside."""
    both = {"urls": [{"type": "preview", "url": result.thumbnail_url}, {"type": "model", "url": result.url}]}
    alone = {"urls": [result.url]}
    match shape:
        case "urls" | "video_url" | "both":
            return alone
        case "objects":
            return both
        case "rotate":
            return alone if _turn(job, 4) == 0 else both
        case _:
            assert_never(shape)


def _clip_result(job: Job, result: Result, shape: ResultShape) -> dict[str, Any]:
    named = {"video_url": result.url, "thumbnail_url": result.thumbnail_url, **result.facts}
    match shape:
        case "urls":
            return {"urls": [result.url]}
        case "objects":
            return {"urls": [{"type": "model", "url": result.url}, {"type": "preview", "url": result.thumbnail_url}]}
        case "video_url":
            return named
        case "both":
            return {**named, "urls": [result.url]}
        case "rotate":
            return _clip_result(job, result, _ROTATION[_turn(job, len(_ROTATION))])
        case _:
            assert_never(shape)


def _facts(job: Job) -> dict[str, float]:
    """Return what the older result form tells of a clip, as far as the request says it."""
    names = ("duration", "width", "height", "fps")
    return {name: job.body[name] for name in names if isinstance(job.body.get(name), int | float)}


def _turn(job: Job, count: int) -> int:
    return hashlib.sha256(job.id.encode()).digest()[0] % count
