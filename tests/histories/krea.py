"""A model of Krea and of the account: what jobs there are, who made them, what is shown of them when. Knows nothing of the product.

Times are virtual seconds since the history began; Krea's own clock may be ahead of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

BASE = "https://krea.test"
FILES = "https://files.krea.test"
BEGAN = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
"""When every history begins, by a right clock."""

End = Literal["completed", "failed", "moderated", "cancelled"]
Shape = Literal["urls", "video_url", "nested", "several", "late", "none", "odd"]
Cancelling = Literal["works", "ignored", "loses", "slow"]


@dataclass(kw_only=True)
class JobFate:
    """What becomes of a job: seconds count from its creation."""

    listed_after: float = 0.0
    """Until then neither the list nor its own address shows it."""
    duration: float = 5.0
    end: End = "completed"
    shape: Shape = "urls"
    shape_after: float = 0.0
    """Seconds after its end until its result is complete, where the shape is ``late``."""
    cancelling: Cancelling = "works"
    called_failed: bool = False
    """Whether it is said to have failed for as long as it goes on."""


@dataclass(kw_only=True)
class Post:
    """A POST of ours that has reached Krea."""

    number: int
    at: float
    process: str
    run_id: str
    account: str
    endpoint: str
    prompt: str
    fault: str
    """What was done to it; empty: nothing."""
    starts_from: str = ""
    """The job whose picture it was given as the start image."""
    attempt: tuple[str, int] = ("", 0)
    """Fingerprint and number of the submission in the ledger that it was sent for."""
    verdict: Literal["", "accepted", "refused", "lost"] = ""
    """What its sender was told; empty while nothing was."""
    lost_at: float = math.inf
    """When its answer was lost."""
    job: Job | None = None


@dataclass(kw_only=True, eq=False)
class Job:
    """A job of either account. ``post`` None: another program made it."""

    id: str
    account: str
    endpoint: str
    type: str | None
    created: float
    fate: JobFate
    post: Post | None
    cancelled_at: float = math.inf

    @property
    def ends(self) -> float:
        return min(self.created + self.fate.duration, self.cancelled_at)

    @property
    def listed(self) -> float:
        return self.created + self.fate.listed_after

    @property
    def end(self) -> End:
        return "cancelled" if self.cancelled_at < self.created + self.fate.duration else self.fate.end

    @property
    def billed(self) -> bool:
        """Whether it is paid for, once it has ended."""
        return self.end == "completed"

    @property
    def ours(self) -> bool:
        return self.post is not None


@dataclass(kw_only=True)
class Krea:
    """The service; ``skew``: seconds that its clock is ahead."""

    skew: float = 0.0
    jobs: list[Job] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)

    def clock(self, now: float) -> datetime:
        return BEGAN + timedelta(seconds=now + self.skew)

    def create(self, now: float, account: str, endpoint: str, type_: str | None, fate: JobFate, post: Post | None) -> Job:
        job = Job(id=f"job-{len(self.jobs) + 1}", account=account, endpoint=endpoint, type=type_, created=now, fate=fate, post=post)
        self.jobs.append(job)
        if post is not None:
            post.job = job
        return job

    def visible(self, now: float, account: str) -> list[Job]:
        """Return the jobs that the list of an account shows, newest first."""
        return sorted((job for job in self.jobs if job.account == account and job.listed <= now), key=lambda job: -job.created)

    def find(self, now: float, account: str, job_id: str) -> Job | None:
        return next((job for job in self.visible(now, account) if job.id == job_id), None)

    def cancel(self, now: float, job: Job) -> None:
        if now >= job.ends:
            return
        match job.fate.cancelling:
            case "works":
                job.cancelled_at = now
            case "slow":
                job.cancelled_at = now + 6.0
            case "loses":
                job.fate.duration, job.fate.end = now - job.created, "completed"
            case "ignored":
                pass

    def shown(self, now: float, job: Job) -> dict[str, Any]:
        """Return the JSON of a job."""
        ended = now >= job.ends
        shown: dict[str, Any] = {"job_id": job.id, "created_at": self.clock(job.created).isoformat(), "completed_at": None, "result": None}
        if job.type is not None:
            shown["type"] = job.type
        if not ended:
            going = "failed" if job.fate.called_failed else "processing"
            return {**shown, "status": going if now > job.created + 1 else "queued"}
        shown["completed_at"] = self.clock(job.ends).isoformat()
        match job.end:
            case "completed":
                return {**shown, "status": "completed", "result": self._result(now, job)}
            case "failed":
                return {**shown, "status": "failed", "error": {"code": "worker_lost", "message": "the worker was lost"}}
            case "moderated":
                return {**shown, "status": "failed", "error": {"code": "content_moderated", "message": "flagged by moderation"}}
            case "cancelled":
                return {**shown, "status": "cancelled"}

    def _result(self, now: float, job: Job) -> dict[str, Any]:
        suffix = "png" if "/image/" in job.endpoint else "mp4"
        address = f"{FILES}/{job.id}/result.{suffix}?sig=1"
        match job.fate.shape:
            case "late" if now < job.ends + job.fate.shape_after:
                return {}
            case "urls" | "late":
                return {"urls": [address]}
            case "video_url":
                return {"video_url": address}
            case "nested":
                return {"outputs": [{"file": {"href": address, "seconds": 5}}]}
            case "several":
                return {"urls": [f"{FILES}/{job.id}/cover.{'mp4' if suffix == 'png' else 'png'}?sig=1", address]}
            case "none":
                return {}
            case "odd":
                return {"files": [{"name": "clip", "storage": "bucket-7", "path": "a b c"}]}
