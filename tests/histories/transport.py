"""The network between a process and the model of Krea: requests arrive, answers are lost, late, torn, or wrong."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Any

import httpx

from tests.histories.krea import FILES, Job, Krea, Post
from tests.histories.loop import HistoryLoop, Process
from tests.histories.scenario import Scenario, job_fate, post_fault

LOST = float("inf")
Reply = httpx.Response | Exception
STATUSES = {"error": (500, 502, 503), "gateway": (504, 524, 408)}
REFUSALS: dict[str, tuple[int, dict[str, Any]]] = {
    "429": (429, {"error": "Maximum concurrent jobs"}),
    "402": (402, {"error": "Insufficient balance"}),
    "400": (400, {"error": "Invalid request body"}),
    "410": (410, {"error": "model_unavailable", "message": "the model is gone"}),
    "302": (302, {}),
}


@dataclass(kw_only=True)
class Network:
    """What all processes of a history have in common: Krea, and what is done to requests."""

    loop: HistoryLoop
    krea: Krea
    scenario: Scenario
    rng: random.Random
    types: dict[str, str | None]
    """Krea's type of the jobs of each route; None: it tells none."""
    quiet: bool = False
    closed: bool = False
    last_creation: float = 0.0
    """When the last job is created that is known to come."""
    on_post: Callable[[Post, Process], object] = lambda _post, _process: None
    on_answer: Callable[[Post, Process], object] = lambda _post, _process: None
    tell: Callable[[str, str], None] = lambda _who, _text: None


@dataclass(kw_only=True)
class Transport(httpx.AsyncBaseTransport):
    """What one run of one process sends through."""

    network: Network
    process: Process
    run_id: str
    account: str

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        network, loop = self.network, self.network.loop
        if network.closed:
            raise httpx.ConnectError("the history is over")
        reply: asyncio.Future[httpx.Response] = loop.create_future()
        seconds = request.extensions.get("timeout", {}).get("read") or LOST
        loop.later(seconds, _fail, reply, httpx.ReadTimeout("no answer"))
        path = request.url.path
        if request.method == "POST" and path.startswith("/generate/"):
            loop.later(network.rng.uniform(0.01, 0.3), self._post, path, json.loads(request.content), reply)
        else:
            self._read(request.method, path, request, reply)
        return await reply

    def _read(self, method: str, path: str, request: httpx.Request, reply: asyncio.Future[httpx.Response]) -> None:
        network = self.network
        rng, scenario = network.rng, network.scenario
        seconds = rng.uniform(0.02, 0.2)
        if not network.quiet:
            if "reads-slow" in scenario.faults and rng.random() < scenario.intensity / 3:
                seconds = rng.choice([1.0, 5.0, 45.0])
            if "reads-fail" in scenario.faults and rng.random() < scenario.intensity / 3:
                failures: list[Reply] = [httpx.ReadError("reset"), httpx.ConnectError("refused"), httpx.Response(502, text="bad")]
                failure = rng.choice(failures)
                network.loop.later(seconds, self._reply, reply, failure)
                return
        # What is shown is what is there when the request arrives.
        network.loop.later(seconds / 2, lambda: network.loop.later(seconds / 2, self._reply, reply, self._looked(method, path, request)))

    def _looked(self, method: str, path: str, request: httpx.Request) -> httpx.Response:
        krea, now = self.network.krea, self.network.loop.time()
        if request.url.host.startswith("files."):
            name, kind = path.split("/")[1:3]
            maker = next(made for made in krea.jobs if made.id == name)
            begins = maker.post.starts_from if maker.post else ""
            content = f"{kind} of {name} begins as {begins or name}".encode()
            return httpx.Response(206 if "range" in request.headers else 200, content=content)
        if path == "/jobs":
            return httpx.Response(200, json=self._page(request))
        job = krea.find(now, self.account, path.rpartition("/")[2])
        if job is None:
            return httpx.Response(404, json={"error": "Job not found"})
        if method == "DELETE":
            krea.cancel(now, job)
            self.network.tell(self.process.name, f"cancels {job.id} ({job.fate.cancelling})")
            return httpx.Response(200, json={"success": True})
        return httpx.Response(200, json=krea.shown(now, self._mixed_up(job)))

    def _mixed_up(self, job: Job) -> Job:
        """Return the job that an answer is about; another one's where answers are mixed up."""
        network = self.network
        others = [other for other in network.krea.visible(network.loop.time(), self.account) if other is not job]
        if "reads-swapped" not in network.scenario.faults or network.quiet or not others:
            return job
        return network.rng.choice(others) if network.rng.random() < network.scenario.intensity / 2 else job

    def _page(self, request: httpx.Request) -> dict[str, Any]:
        now = self.network.loop.time()
        limit, first = int(request.url.params.get("limit", "100")), int(request.url.params.get("cursor", "0"))
        jobs = self.network.krea.visible(now, self.account)
        shown = [self.network.krea.shown(now, job) for job in jobs[first : first + limit]]
        return {"items": shown, "next_cursor": str(first + limit) if len(jobs) > first + limit else None}

    def _post(self, endpoint: str, body: dict[str, Any], reply: asyncio.Future[httpx.Response]) -> None:
        """Receive a POST: from here on it happens whatever becomes of its sender."""
        network = self.network
        fault = post_fault(network.rng, network.scenario, quiet=network.quiet)
        post = Post(
            number=len(network.krea.posts) + 1,
            at=network.loop.time(),
            process=self.process.name,
            run_id=self.run_id,
            account=self.account,
            endpoint=endpoint,
            prompt=body["prompt"],
            fault=fault,
            starts_from=str(body.get("start_image", "")).removeprefix(f"{FILES}/").partition("/")[0],
        )
        post.lost_at = post.at + network.scenario.patience.post
        network.krea.posts.append(post)
        network.on_post(post, self.process)
        what, _, when = fault.partition("-")
        rng = network.rng
        answered, created = rng.uniform(0.05, 1.5), 0.0
        match fault:
            case "slow":
                created, answered = rng.choice([(0.0, 1.0), (1.0, 0.1)])
                scale = rng.uniform(5, 110)
                created, answered = created * scale, scale * answered + created * scale
            case "torn" | "no-id" | "":
                created = rng.uniform(0, answered)
            case _:
                answered = rng.uniform(60, 100) if what == "gateway" else LOST if what == "timeout" else answered
                delay = rng.choice([rng.uniform(0.1, 5), rng.uniform(5, 30), rng.uniform(30, 100)])
                lost = min(answered, network.scenario.patience.post)
                created = {"after": rng.uniform(0, min(lost, 20)), "late": lost + delay}.get(when, LOST)
        if created < LOST:
            network.last_creation = max(network.last_creation, network.loop.time() + created)
            network.loop.later(created, self._create, post)
        if answered < LOST:
            network.loop.later(answered, self._answer, post, reply)

    def _create(self, post: Post) -> None:
        network = self.network
        fate = job_fate(network.rng, network.scenario, quiet=network.quiet)
        job = network.krea.create(network.loop.time(), post.account, post.endpoint, network.types[post.endpoint], fate, post)
        network.tell("krea", f"makes {job.id} of POST {post.number}: {_said(job)}")

    def _answer(self, post: Post, reply: asyncio.Future[httpx.Response]) -> None:
        network = self.network
        match post.fault.partition("-")[0]:
            case "" | "slow":
                assert post.job is not None
                answer: Reply = httpx.Response(200, json={**network.krea.shown(post.job.created, post.job), "status": "queued"})
                post.verdict = "accepted"
            case "torn":
                answer, post.verdict = httpx.Response(200, text='{"job_id": "job'), "lost"
            case "no":
                answer, post.verdict = httpx.Response(202, json={"accepted": True}), "lost"
            case "drop":
                answer, post.verdict = httpx.ReadError("connection reset"), "lost"
            case "connect":
                answer, post.verdict = httpx.ConnectError("connection refused"), "refused"
            case "error" | "gateway" as what:
                status = network.rng.choice(STATUSES[what])
                answer, post.verdict = httpx.Response(status, json={"error": "an error of ours"}), "lost"
            case what:
                status, said = REFUSALS[what]
                answer, post.verdict = httpx.Response(status, json=said), "refused"
        network.tell("krea", f"answers POST {post.number}: {post.verdict} ({post.fault or 'as it should'})")
        if post.verdict != "accepted":
            post.lost_at = min(post.lost_at, network.loop.time())
        self._reply(reply, answer)
        network.on_answer(post, self.process)

    def _reply(self, reply: asyncio.Future[httpx.Response], answer: Reply) -> None:
        if reply.done():
            return
        if isinstance(answer, Exception):
            reply.set_exception(answer)
            return
        krea = self.network.krea
        answer.headers["Date"] = format_datetime(krea.clock(self.network.loop.time()), usegmt=True)
        reply.set_result(answer)


def _fail(reply: asyncio.Future[httpx.Response], error: Exception) -> None:
    if not reply.done():
        reply.set_exception(error)


def _said(job: Job) -> str:
    fate = job.fate
    listed = f", listed after {fate.listed_after:.1f} s" if fate.listed_after else ""
    shape = "" if fate.shape == "urls" else f", result {fate.shape}"
    cancelling = "" if fate.cancelling == "works" else f", cancelling {fate.cancelling}"
    return f"{fate.end} after {fate.duration:.1f} s{listed}{shape}{cancelling}, type {job.type}"
