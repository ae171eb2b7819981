"""A strict stand-in for Krea as a server on this machine: one job list for each token, answers as dictated, and a bill to read.

It shares nothing with the product or its simulator. The server lives in threads of the process that starts it, so that a test scripts it
and reads its bill directly; what it serves are processes of their own.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from tests.faults.krea_jobs import ENDED, ROUTES, Answer, Course, Job, Post, mistakes, now, thumbnail, timestamp

SENTENCES: Mapping[int, str] = {
    302: "",
    402: "Insufficient balance",
    429: "Maximum number of concurrent jobs reached",
    500: "Internal server error",
    502: "Bad gateway",
    504: "Gateway time-out",
}


@dataclass
class StandIn:
    """What a test dictates, and what has come in. The first of ``answers`` and ``courses`` are used up before the defaults hold."""

    answer: Answer = field(default_factory=Answer)
    course: Course = field(default_factory=Course)
    answers: list[Answer] = field(default_factory=list)
    courses: list[Course] = field(default_factory=list)
    decide: Callable[[Post], Answer | None] = lambda _post: None
    """Answers that depend on the POST; they go before all others."""
    types: Mapping[str, str] = field(default_factory=dict)
    """Krea's internal name for the jobs of a route, where it is not the usual one."""
    listed_after: float = 0.0
    """Seconds by which list and look-up lag behind."""
    url: str = ""
    posts: list[Post] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    by_id: dict[str, Job] = field(default_factory=dict)
    assets: dict[str, bytes] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    """How often what was asked for: ``POST``, ``job``, ``list``, ``file``, ``other``."""
    fetched: dict[str, float] = field(default_factory=dict)
    """When the result of a job was first asked for, by job id."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    _created: set[float] = field(default_factory=set)

    def take(self, token: str, path: str, body: Mapping[str, Any], *, callback: str | None = None) -> tuple[Post, Answer, Job | None]:
        """Note a POST, and the job that it makes or will make; ``callback`` is the URL that the POST wants called."""
        with self.lock:
            post = Post(number=len(self.posts) + 1, token=token, path=path, body=body, at=now(), callback=callback)
            self.posts.append(post)
            answer = self.decide(post) or (self.answers.pop(0) if self.answers else self.answer)
            if answer.job_after is None:
                return post, answer, None
            course = self.courses.pop(0) if self.courses else self.course
            job = self.add(Job(account=token, path=path, body=body, created=post.at + answer.job_after, course=course, post=post))
            job.type = self.types.get(path, job.type)
            return post, answer, job

    def make_foreign(
        self, *, token: str = "test", prompt: str = "another program's", named: str | None = "externalVideo", seconds: int = 2
    ) -> Job:
        """Make a job as another program of the same account does; ``named`` is its type."""
        body = {"prompt": prompt, "duration": seconds, "resolution": "480p"}
        with self.lock:
            return self.add(
                Job(account=token, path=next(iter(ROUTES)), body=body, created=now(), course=self.course, post=None, type=named)
            )

    @contextlib.contextmanager
    def neighbour(self, *, every: float, named: str | None = "externalVideo", token: str = "test") -> Iterator[None]:
        """Let another program make jobs all the time."""
        over = threading.Event()

        def work() -> None:
            while not over.wait(every):
                self.make_foreign(token=token, named=named)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def seen(self, token: str) -> list[Job]:
        """The jobs that the account's list shows, the newest first."""
        with self.lock:
            until = now() - self.listed_after
            found = [job for job in self.jobs if job.account == token and job.created <= until and not job.hidden]
        return sorted(found, key=lambda job: job.created, reverse=True)

    def ours(self) -> list[Job]:
        """The completed jobs that a POST has caused: what Krea bills whoever sends it. By time."""
        with self.lock:
            found = [job for job in self.jobs if job.post is not None and job.status(now()) == "completed"]
        return sorted(found, key=lambda job: job.created)

    def find(self, job_id: str) -> Job:
        with self.lock:
            return self.by_id[job_id]

    def noted(self, what: str, job_id: str | None = None) -> None:
        """Count a request."""
        with self.lock:
            self.asked[what] += 1
            if job_id is not None:
                self.fetched.setdefault(job_id, now())

    def await_idle(self, seconds: float = 150) -> None:
        """Wait until every job has ended, those that are still to come included: only then the bill is complete."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self.lock:
                if all(job.status(now()) in ENDED for job in self.jobs if job.post is not None):
                    return
            time.sleep(0.05)
        raise AssertionError("jobs of the stand-in did not end")

    def await_posts(self, count: int, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while len(self.posts) < count:
            assert time.monotonic() < deadline, f"{len(self.posts)} of {count} submissions came in time"
            time.sleep(0.01)

    def add(self, job: Job) -> Job:
        """List a job from its time on."""
        job.created = round(job.created, 3)  # as far as Krea tells it; the list is paged by it, so no two are the same
        while job.created in self._created:
            job.created = round(job.created + 0.001, 3)
        self._created.add(job.created)
        self.jobs.append(job)
        self.by_id[job.id] = job
        return job


class _Server(ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True
    stand_in: StandIn

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing is said of clients that were killed."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    @property
    def krea(self) -> StandIn:
        return cast("_Server", self.server).stand_in

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name in the standard library)
        pass

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path.startswith("/files/"):
            self._file(parts.path.removeprefix("/files/"))
        elif (token := self._token()) is not None:
            if parts.path == "/jobs":
                self.krea.noted("list")
                self._list(token, {key: values[0] for key, values in parse_qs(parts.query).items()})
            elif parts.path.startswith("/assets/"):
                self.krea.noted("other")
                name = parts.path.removeprefix("/assets/")
                self._say(200, self._asset(name)) if name in self.krea.assets else self._say(404, {"error": "not found"})
            else:
                self.krea.noted("job")
                job = self._job(token, parts.path)
                self._say(200, job.shown(now(), self.krea.url)) if job else self._say(404, {"error": "Job not found"})

    def do_DELETE(self) -> None:
        self.krea.noted("other")
        token = self._token()
        if token is None:
            return
        job = self._job(token, self.path)
        if job is None:
            self._say(404, {"error": "Job not found"})
            return
        with self.krea.lock:
            if job.status(now()) in ENDED:
                job.hidden = True
            elif job.course.cancels:
                job.cancelled = now()
        self._say(200, {"success": True})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        token = self._token()
        if token is None:
            return
        self.krea.noted("other" if self.path == "/assets" else "POST")
        if self.path == "/assets":
            name = f"asset-{len(self.krea.assets) + 1}"
            self.krea.assets[name] = _uploaded(raw)
            self._say(200, self._asset(name))
        elif self.path not in ROUTES:
            self._say(404, {"error": f"No such route: {self.path}"})
        else:
            self._submit(token, json.loads(raw))

    def _submit(self, token: str, body: Any) -> None:
        if problem := mistakes(self.path, body):
            self._say(400, {"error": f"Invalid request body: {problem}"})
            return
        post, answer, job = self.krea.take(token, self.path, body, callback=self.headers.get("X-Webhook-URL"))
        time.sleep(max(0.0, post.at + answer.after - now()))
        if answer.status == "dropped":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif answer.status == 200:
            assert job is not None, "an answer that names a job needs one"
            self._say(200, {**job.shown(job.created, self.krea.url), "result": None})
        else:
            self._say(answer.status, {"error": SENTENCES[answer.status]}, {"Location": answer.location} if answer.location else {})

    def _list(self, token: str, query: Mapping[str, str]) -> None:
        limit = int(query.get("limit", "100"))
        before = datetime.fromisoformat(query["cursor"]).timestamp() if query.get("cursor") else float("inf")
        jobs = [job for job in self.krea.seen(token) if job.created < round(before, 3)]
        jobs = [job for job in jobs if query.get("status") in {None, job.status(now())}]
        page = jobs[:limit]
        cursor = timestamp(page[-1].created) if len(jobs) > limit else None
        self._say(200, {"items": [job.shown(now(), self.krea.url) for job in page], "next_cursor": cursor})

    def _file(self, name: str) -> None:
        if data := self.krea.assets.get(name):
            self.krea.noted("file")
            self._send(200, data, "application/octet-stream")
            return
        if name.startswith("gone/"):
            self._say(404, {"error": "no such file"})
            return
        job = self.krea.find(name.partition(".")[0])
        self.krea.noted("file", job.id)
        dead = job.course.file_lives is not None and now() > job.ends + job.course.file_lives
        if dead or job.course.file != 200:
            self._say(403 if dead else job.course.file, {"error": "URL expired" if dead else "no such file"})
        elif name.endswith(".png"):
            self._send(200, thumbnail(), "image/png")
        elif "Range" in self.headers:
            self._send(206, job.file()[:1], "video/mp4", {"Content-Range": f"bytes 0-0/{len(job.file())}"})
        else:
            self._send(200, job.file(), "video/mp4")

    def _asset(self, name: str) -> dict[str, Any]:
        return {"id": name, "image_url": f"{self.krea.url}/files/{name}", "uploaded_at": timestamp(now())}

    def _job(self, token: str, path: str) -> Job | None:
        """The account's job of a path, if its list shows it: looked up by itself, as thousands of jobs may be asked for each second."""
        with self.krea.lock:
            job = self.krea.by_id.get(path.removeprefix("/jobs/"))
        seen = job is not None and job.account == token and job.created <= now() - self.krea.listed_after and not job.hidden
        return job if seen else None

    def _token(self) -> str | None:
        scheme, _, token = (self.headers.get("Authorization") or "").partition(" ")
        if scheme == "Bearer" and token:
            return token
        self._say(401, {"message": "Unauthorized"})
        return None

    def _say(self, status: int, data: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        self._send(status, json.dumps(data).encode(), "application/json", headers)

    def _send(self, status: int, data: bytes, mime: str, headers: Mapping[str, str] | None = None) -> None:
        self.send_response_only(status)
        for name, value in {"Date": formatdate(now(), usegmt=True), "Content-Type": mime, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _uploaded(raw: bytes) -> bytes:
    """The first file of a multipart body."""
    found = re.search(rb'filename="[^"]*".*?\r\n\r\n(.*?)\r\n--', raw, re.DOTALL)
    assert found is not None, "no file in the upload"
    return found.group(1)


@contextlib.contextmanager
def serve(stand_in: StandIn | None = None) -> Iterator[StandIn]:
    """Run a stand-in for as long as the block lasts."""
    krea = stand_in or StandIn()
    server = _Server(("127.0.0.1", 0), _Handler)
    server.stand_in = krea
    krea.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield krea
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
