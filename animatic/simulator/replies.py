"""What the simulator answers: the wire form of jobs and assets, and refusals in the spellings that Krea is known to use."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from animatic.simulator.jobs import TERMINAL, Job, Outcome, Status
from animatic.simulator.settings import ResultShape
from animatic.simulator.store import Asset

_ROTATION: tuple[ResultShape, ...] = ("urls", "video_url", "both")
_ERRORS: Mapping[Outcome, tuple[str, str]] = {
    "failed": ("generation_failed", "The provider could not generate this request."),
    "moderated": ("content_moderated", "The request was flagged by content moderation."),
}


@dataclass(slots=True)
class RefusedError(Exception):
    """A request that is answered with an error: status, JSON body (or HTML text), headers."""

    status: int
    body: dict[str, Any] | str
    headers: dict[str, str] = field(default_factory=dict)


class DroppedError(Exception):
    """The connection closes without an answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """Where a finished job's files are, and what is known of them."""

    url: str
    thumbnail_url: str
    facts: Mapping[str, float]


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
    reply: dict[str, Any] = {"job_id": job.id, "status": status, "type": "externalVideo" if job.kind == "video" else "externalImage"}
    reply |= {"created_at": timestamp(job.created_at), "result": {}}
    if status in TERMINAL:
        reply["completed_at"] = timestamp(ended_at)
    if status == "completed" and result is not None:
        reply["result"] = _result(job, result, shape)
    if status == "failed":
        code, message = _ERRORS.get(job.outcome, _ERRORS["failed"])
        holder = reply if _turn(job, 2) else reply["result"]  # both places occur
        holder["error"] = {"code": code, "message": message}
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


def _result(job: Job, result: Result, shape: ResultShape) -> dict[str, Any]:
    if job.kind != "video":
        return {"urls": [result.url]}
    if shape == "rotate":
        shape = _ROTATION[_turn(job, len(_ROTATION))]
    if shape == "urls":
        return {"urls": [result.url]}
    if shape == "objects":
        return {"urls": [{"type": "model", "url": result.url}, {"type": "preview", "url": result.thumbnail_url}]}
    named = {"video_url": result.url, "thumbnail_url": result.thumbnail_url, **result.facts}
    return {**named, "urls": [result.url]} if shape == "both" else named


def _turn(job: Job, count: int) -> int:
    return hashlib.sha256(job.id.encode()).digest()[0] % count
