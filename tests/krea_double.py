"""A small Krea at the transport: jobs that end when they are told to, POSTs that are answered as scripted, and a bill.

Nothing is patched: the product's own client speaks to it through ``httpx.MockTransport``.
"""

from __future__ import annotations

import asyncio
import io
import json
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from fractions import Fraction
from functools import cache
from typing import Any, Literal

import av
import httpx
import numpy as np
from av.video.frame import VideoFrame
from PIL import Image

from animatic.krea import KreaClient
from animatic.settings import SIMULATOR_HEADER, Patience, Secret
from tests import virtual_time

BASE = "https://krea.test"

Answer = Literal[
    "accept",
    "lost-before",
    "lost-after",
    "500-before",
    "500-after",
    "524-after",
    "429",
    "401",
    "402",
    "403",
    "403-input",
    "plan",
    "410",
    "400",
    "400-content",
    "torn",
]


REFUSALS: dict[Answer, tuple[int, dict[str, str]]] = {
    "500-before": (500, {"error": "Internal server error"}),
    "429": (429, {"error": "Maximum concurrent jobs"}),
    "401": (401, {"message": "Unauthorized"}),
    "402": (402, {"error": "Insufficient balance"}),
    "plan": (402, {"error": "This model requires a higher plan: upgrade your plan"}),
    "410": (410, {"error": "model_unavailable", "message": "the model is gone"}),
    "400": (400, {"error": "Invalid request body"}),
    "400-content": (400, {"error": "content policy: the input video was flagged"}),
    "403": (403, {"error": "Forbidden"}),
    "403-input": (403, {"error": "could not fetch the input video: 403"}),
}
"""Answers that say that nothing was accepted."""


@cache
def clip_bytes(shade: int = 90, frames: int = 6) -> bytes:
    """A tiny real MP4."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=12)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(frames):
            frame = VideoFrame.from_ndarray(np.full((48, 64, 3), (shade + index * 8) % 255, dtype=np.uint8))
            frame.pts, frame.time_base = index, Fraction(1, 12)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return target.getvalue()


@cache
def damaged_clip(shade: int = 90) -> bytes:
    """Return a clip of two seconds with a hole in the middle: the bytes of its 13th frame in the file are zeros."""
    data = bytearray(clip_bytes(shade, frames=24))
    with av.open(io.BytesIO(bytes(data)), "r") as container:
        packets = [packet for packet in container.demux(video=0) if packet.size and packet.pos is not None]
    at, size = packets[12].pos, packets[12].size
    assert at is not None
    data[at : at + size] = bytes(size)
    return bytes(data)


def clip_from(picture: bytes, frames: int) -> bytes:
    """A real MP4 that begins with a picture and grows brighter."""
    with Image.open(io.BytesIO(picture)) as image:
        pixels = np.asarray(image.convert("RGB").resize((64, 48)), dtype=int)
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=12)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(frames):
            frame = VideoFrame.from_ndarray(np.clip(pixels + index * 2, 0, 255).astype(np.uint8))
            frame.pts, frame.time_base = index, Fraction(1, 12)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return target.getvalue()


Look = Literal["good", "black", "frozen", "short"]
LOOKING_SIZE = 854, 480


def clip_looking(look: Look, seconds: int, *, seed: int, picture: bytes | None = None) -> bytes:
    """A real MP4 of 480p that checks find nothing in, or that of its name. It begins with a picture where there is one."""
    width, height = LOOKING_SIZE
    if picture is None:
        blocks = np.random.default_rng(seed).integers(40, 200, (6, 10, 3), dtype=np.uint8)
        opened = Image.fromarray(blocks).resize((width, height), Image.Resampling.BICUBIC)
    else:
        opened = Image.open(io.BytesIO(picture)).convert("RGB").resize((width, height))
    pixels, frames = np.asarray(opened), 12 * (1 if look == "short" else seconds)
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=12, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(frames):
            shown = np.zeros_like(pixels) if look == "black" and index >= frames // 2 else np.roll(pixels, 4 * index, axis=1)
            frame = VideoFrame.from_ndarray(np.ascontiguousarray(pixels if look == "frozen" else shown))
            frame.pts, frame.time_base = index, Fraction(1, 12)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return target.getvalue()


@cache
def still_bytes(shade: int = 90) -> bytes:
    """A tiny real PNG."""
    target = io.BytesIO()
    Image.new("RGB", (64, 48), (shade, shade, shade)).save(target, "PNG")
    return target.getvalue()


@cache
def sound_bytes(seconds: float = 2.0, form: str = "wav") -> bytes:
    """A real sound: a tone of 440 Hz."""
    target, rate = io.BytesIO(), 44_100
    tone = (np.sin(np.arange(int(seconds * rate)) * 2 * np.pi * 440 / rate) * 8000).astype(np.int16)
    with av.open(target, "w", format=form) as output:
        stream = output.add_stream("pcm_s16le" if form == "wav" else "libmp3lame", rate=rate, layout="mono")
        for begin in range(0, len(tone), 1152):
            frame = av.AudioFrame.from_ndarray(tone[begin : begin + 1152].reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate, frame.pts = rate, begin
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return target.getvalue()


@cache
def mesh_bytes() -> bytes:
    """A real glTF binary: one triangle."""
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], "<f4").tobytes()
    scene = {
        "asset": {"version": "2.0"},
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3", "min": [0, 0, 0], "max": [1, 1, 0]}],
        "bufferViews": [{"buffer": 0, "byteLength": len(corners)}],
        "buffers": [{"byteLength": len(corners)}],
    }
    text = json.dumps(scene).encode()
    text += b" " * (-len(text) % 4)
    body = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(corners), 0x004E4942) + corners
    return b"glTF" + struct.pack("<II", 2, 12 + len(body)) + body


Cancelling = Literal["cancels", "completes", "ignores"]
DeadFile = Literal["403", "500", "refused"]
CANCELLING: dict[str, Cancelling] = {"running": "cancels", "uncancellable": "ignores", "finishes-on-cancel": "completes"}


@dataclass
class DoubleJob:
    id: str
    endpoint: str
    body: dict[str, Any]
    created_at: datetime
    webhook: str | None
    status: str = "completed"
    outcome: dict[str, Any] = field(default_factory=dict)
    visible_at: datetime | None = None
    polls: int = 0
    cancel: Cancelling = "cancels"
    type: str | None = None
    look: Look | None = None
    follows: bool = True
    """Whether a clip that looks like something begins with its start image."""


def _gives(job: DoubleJob) -> Literal["still", "clip", "sound", "mesh"]:
    kind = job.endpoint.removeprefix("/generate/").partition("/")[0]
    if kind == "enhance":
        return "clip" if "video_url" in job.body else "still"
    return "still" if kind == "image" else "sound" if kind == "audio" else "mesh" if kind == "3d" else "clip"


class KreaDouble:
    """``answers`` holds one entry per POST to come (then: accept); ``ends`` one per accepted job (then: completed)."""

    def __init__(self, clock: Callable[[], datetime] = virtual_time.now) -> None:
        self.clock = clock
        self.skew = timedelta(0)
        self.answers: list[Answer] = []
        self.always: dict[str, Answer] = {}
        """How POSTs with a certain prompt are answered, whatever ``answers`` says."""
        self.ends: list[str] = []
        self.looks: list[Look] = []
        """What the clips of the jobs to come look like, in the order in which they are accepted; then: good, once any was named."""
        self.looking = False
        self.jumping: set[int] = set()
        """Numbers of jobs whose clips do not begin with their start image."""
        self.jobs: dict[str, DoubleJob] = {}
        self.assets: dict[str, bytes] = {}
        self.counts: Counter[str] = Counter()
        self.posts: list[dict[str, Any]] = []
        self.retry_after: str | None = None
        self.echo: str | None = None
        """What POSTs that are turned away are answered with, as the message and as the code; and what stands in addresses of files."""
        self.late_listing = 0.0
        self.answer_delay = 0.0
        """Seconds between the acceptance of a POST and its answer, or the loss of it."""
        self.polls_until_end = 1
        self.types: dict[str, str] = {}
        """Krea's type of the jobs of a route, by its path; none is told of the others."""
        self.downloads: list[Literal["cut", "expired", "html", "still", "clip", "sound", "mesh", "damaged"]] = []
        self.dead_files: dict[str, DeadFile] = {}
        """Jobs whose files cannot be had, and how: expired (403), an error of the host, or no connection."""
        self.elsewhere: dict[str, httpx.Response] = {}
        """What lies at addresses of others, without their query."""
        self.hidden: set[str] = set()
        self.honest = False
        """Whether clips are as long as was asked for, and begin with the start image."""
        self.is_simulator = False
        """Whether it says in its answers that it is the simulator."""
        self.listed: Callable[[dict[str, Any]], Any] = lambda shown: shown
        """How the list shows a job."""
        self.doubled = False
        """Whether it shows each twice."""
        self.on_post: Callable[[dict[str, Any]], object] = lambda _body: None
        self.on_one: Callable[[str, DoubleJob], httpx.Response | None] = lambda _method, _job: None
        """What a job that is read (GET) or cancelled (DELETE) by itself is answered with instead."""

    @property
    def billed(self) -> list[DoubleJob]:
        """Jobs that Krea charges for."""
        return [job for job in self.jobs.values() if job.status == "completed" and job.outcome.get("status", "completed") == "completed"]

    def client(self, base_url: str, token: Secret | None, patience: Patience, simulator: bool) -> KreaClient:
        """What `animatic.engine.run.open_run` takes as ``connect``."""
        return KreaClient(
            base_url,
            token,
            patience=patience,
            simulator=simulator,
            transport=httpx.MockTransport(self),
            clock=self.clock,
            monotonic=virtual_time.monotonic,
        )

    def now(self) -> datetime:
        return self.clock() + self.skew

    def add(self, endpoint: str, body: dict[str, Any], *, webhook: str | None = None) -> DoubleJob:
        number = len(self.jobs) + 1
        end = self.ends.pop(0) if self.ends else "completed"
        now = self.now()
        before = [job.created_at for job in self.jobs.values() if job.created_at <= now]
        created = max(now, *(moment + timedelta(milliseconds=1) for moment in before)) if before else now
        job = DoubleJob(f"job-{number}", endpoint, body, created, webhook, visible_at=now + timedelta(seconds=self.late_listing))
        job.type = self.types.get(endpoint)
        self.looking = self.looking or bool(self.looks)
        job.look = self.looks.pop(0) if self.looks else "good" if self.looking else None
        job.follows = number not in self.jumping
        match end:
            case "completed":
                job.outcome = {"status": "completed", "result": {"urls": [f"{BASE}/files/{self.echo or 'of'}/{job.id}?sig=secret"]}}
            case "empty":
                job.outcome = {"status": "completed", "result": {}}
            case "nested":
                job.outcome = {"status": "completed", "result": {"video": {"url": f"/files/{job.id}?sig=secret"}}}
            case "several":
                urls = [f"{BASE}/files/first/{job.id}?sig=secret", f"{BASE}/files/{job.id}?sig=secret"]
                job.outcome = {"status": "completed", "result": {"urls": urls}}
            case "failed":
                job.status, job.outcome = "failed", {"status": "failed", "error": {"code": "worker_lost", "message": "the worker was lost"}}
            case "moderated":
                error = {"code": "content_moderated", "message": "flagged by moderation"}
                job.status, job.outcome = "failed", {"status": "failed", "error": error}
            case "output-refused":
                error = {"code": "OutputVideoSensitiveContentDetected", "message": "the output video may contain sensitive information"}
                job.status, job.outcome = "failed", {"status": "failed", "error": error}
            case "cancelled":
                job.status, job.outcome = "cancelled", {"status": "cancelled"}
            case "running" | "uncancellable" | "finishes-on-cancel":
                job.status, job.outcome = "processing", {"status": "processing"}
                job.cancel = CANCELLING[end]
            case _:
                raise AssertionError(end)
        self.jobs[job.id] = job
        return job

    def complete(self, job: DoubleJob) -> None:
        job.status = "completed"
        job.outcome = {"status": "completed", "result": {"urls": [f"{BASE}/files/{job.id}?sig=secret"]}}

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        there = self.elsewhere.get(str(request.url.copy_with(query=None)))
        response = await self._answer(request) if there is None else httpx.Response(there.status_code, content=there.content)
        if self.is_simulator:
            response.headers[SIMULATOR_HEADER] = "1"
        response.headers["Date"] = format_datetime(self.now(), usegmt=True)
        return response

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if request.method == "POST" and path.startswith("/generate/"):
            self.counts["post"] += 1
            return await self._post(path, json.loads(request.content), request.headers.get("X-Webhook-URL"))
        if path == "/jobs":
            self.counts["list"] += 1
            return self._list(request)
        if path.startswith("/jobs/"):
            return self._one(request.method, path.rpartition("/")[2])
        if path.startswith("/assets"):
            return self._asset(request)
        if path.startswith("/files/") and "Range" in request.headers:
            self.counts["probe"] += 1
            return httpx.Response(403 if path.rpartition("/")[2] in self.dead_files else 206, content=b"x")
        if path.startswith("/files/"):
            self.counts["download"] += 1
            return self._file(path.rpartition("/")[2])
        raise AssertionError(f"unexpected request: {request.method} {path}")

    async def _post(self, endpoint: str, body: dict[str, Any], webhook: str | None) -> httpx.Response:
        self.posts.append(body)
        self.on_post(body)
        answer: Answer = self.always.get(body.get("prompt", "")) or (self.answers.pop(0) if self.answers else "accept")
        if answer == "lost-before":
            raise httpx.ReadError("connection reset")
        if answer in REFUSALS:
            status, said = REFUSALS[answer]
            if self.echo:
                said = {"code": self.echo, "message": f"key {self.echo} is not allowed"}
            headers = {"Retry-After": self.retry_after} if answer == "429" and self.retry_after else {}
            return httpx.Response(status, json=said, headers=headers)
        job = self.add(endpoint, body, webhook=webhook)
        await asyncio.sleep(self.answer_delay)
        match answer:
            case "lost-after":
                raise httpx.ReadError("connection reset")
            case "500-after":
                return httpx.Response(500, json={"error": "Internal server error"})
            case "524-after":
                return httpx.Response(524, html="<html><title>524: A timeout occurred</title></html>")
            case "torn":
                return httpx.Response(200, text='{"job_id": "job')
        return httpx.Response(200, json={**self._shown(job), "status": "queued", "completed_at": None, "result": None})

    def _shown(self, job: DoubleJob) -> dict[str, Any]:
        ended = job.polls > self.polls_until_end
        state = job.outcome if ended else {"status": "processing"}
        done = self.now().isoformat() if ended and state["status"] in {"completed", "failed", "cancelled"} else None
        said = {} if job.type is None else {"type": job.type}
        return {"job_id": job.id, **said, "created_at": job.created_at.isoformat(), "completed_at": done, "result": None, **state}

    def _visible(self) -> Iterator[DoubleJob]:
        for job in sorted(self.jobs.values(), key=lambda job: job.created_at, reverse=True):
            if job.id not in self.hidden and (job.visible_at is None or job.visible_at <= self.now()):
                yield job

    def _list(self, request: httpx.Request) -> httpx.Response:
        limit = int(request.url.params.get("limit", "100"))
        cursor = request.url.params.get("cursor")
        before = datetime.fromisoformat(cursor) if cursor else datetime.max.replace(tzinfo=UTC)
        jobs = [job for job in self._visible() if job.created_at < before]
        for job in jobs[:limit]:
            job.polls += 1
        more = jobs[limit - 1].created_at.isoformat() if len(jobs) > limit else None
        items = [self.listed(self._shown(job)) for job in jobs[:limit]]
        return httpx.Response(200, json={"items": items * (2 if self.doubled else 1), "next_cursor": more})

    def _one(self, method: str, job_id: str) -> httpx.Response:
        job = next((job for job in self._visible() if job.id == job_id), None)
        if job is None:
            return httpx.Response(404, json={"error": "Job not found"})
        if method == "DELETE":
            self.counts["cancel"] += 1
        if (instead := self.on_one(method, job)) is not None:
            return instead
        if method == "DELETE":
            if job.cancel == "cancels":
                job.status, job.outcome = "cancelled", {"status": "cancelled"}
            elif job.cancel == "completes":
                self.complete(job)
            return httpx.Response(200, json={"success": True})
        self.counts["job"] += 1
        job.polls += 1
        return httpx.Response(200, json=self._shown(job))

    def _asset(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            self.counts["upload"] += 1
            name = f"asset-{self.counts['upload']}"
            self.assets[name] = request.content
            return httpx.Response(
                200,
                json={
                    "id": name,
                    "image_url": f"{BASE}/files/{self.echo or 'of'}/{name}?sig=secret",
                    "uploaded_at": self.now().isoformat(),
                },
            )
        name = request.url.path.rpartition("/")[2]
        if name not in self.assets:
            return httpx.Response(404, json={"error": "not found"})
        return httpx.Response(200, json={"id": name, "image_url": f"{BASE}/files/{self.echo or 'of'}/{name}?sig=secret"})

    def _file(self, name: str) -> httpx.Response:
        match self.dead_files.get(name):
            case "403":
                return httpx.Response(403, text="URL expired")
            case "500":
                return httpx.Response(500, text="no such bucket")
            case "refused":
                raise httpx.ConnectError("connection refused")
            case None:
                pass
        job = self.jobs[name]
        how = self.downloads.pop(0) if self.downloads else _gives(job)
        shade = int(name.rpartition("-")[2]) * 20 % 200
        match how:
            case "expired":
                return httpx.Response(403, text="expired")
            case "html":
                return httpx.Response(200, html="<html>sorry</html>")
            case "cut":
                whole = clip_bytes(shade)
                return httpx.Response(200, content=whole[: len(whole) // 2], headers={"Content-Length": str(len(whole))})
            case "sound" | "mesh" | "still":
                return httpx.Response(200, content={"sound": sound_bytes(), "mesh": mesh_bytes(), "still": still_bytes(shade)}[how])
            case "damaged":
                return httpx.Response(200, content=damaged_clip(shade), headers={"Content-Type": "video/mp4"})
        return httpx.Response(200, content=self._clip(job, shade), headers={"Content-Type": "video/mp4"})

    def _clip(self, job: DoubleJob, shade: int) -> bytes:
        if job.look is None:
            return self._honest_clip(job.body, shade) if self.honest else clip_bytes(shade)
        picture = self._start(job.body) if job.follows else None
        return clip_looking(job.look, int(job.body.get("duration", 4)), seed=int(job.id.rpartition("-")[2]), picture=picture)

    def _honest_clip(self, body: dict[str, Any], shade: int) -> bytes:
        frames, start = int(body.get("duration", 4)) * 12, self._start(body)
        return clip_bytes(shade, frames) if start is None else clip_from(start, frames)

    def _start(self, body: dict[str, Any]) -> bytes | None:
        """Return the picture that a request starts from, if it is an asset."""
        name = str(body.get("start_image", "")).partition("?")[0].rpartition("/")[2]
        upload = self.assets.get(name)
        return None if upload is None else upload[upload.index(b"\x89PNG") :]
