"""The services that benchmarks run against, on this machine: a simulator with jobs of a known length, an S3, the clips themselves."""

from __future__ import annotations

import contextlib
import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from animatic.simulator import launch
from animatic.simulator.settings import SimulatorSettings

AUTHORIZED = {"Authorization": "Bearer bench"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Jobs:
    """When the simulator took the first and the last job in, and finished the last; seconds since the epoch."""

    count: int
    first: float
    last: float
    finished: float


@contextlib.contextmanager
def krea(state: Path, *, job_seconds: float, longest_side: int = 256) -> Iterator[str]:
    """Run a simulator, in the place of the real Krea, whose jobs take exactly that long.

    Small pictures keep its renders off the cores that are measured.
    """
    settings = SimulatorSettings(job_seconds=job_seconds, jitter=0, longest_side=longest_side, concurrency=2000, anonymous=True)
    with launch.start(state, settings=settings) as running:
        yield running.url


def jobs_of(url: str) -> Jobs:
    """Read what a simulator has done."""
    items: list[dict[str, Any]] = httpx.get(f"{url}/jobs", params={"limit": 1000}, headers=AUTHORIZED).raise_for_status().json()["items"]
    created = sorted(_seconds(item["created_at"]) for item in items)
    return Jobs(count=len(items), first=created[0], last=created[-1], finished=max(_seconds(item["completed_at"]) for item in items))


@contextlib.contextmanager
def s3() -> Iterator[str]:
    """Run moto in a process of its own; yields its endpoint."""
    process = subprocess.Popen(
        [sys.executable, "-c", _MOTO], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


_MOTO = """
import json, threading
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server
class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    def log(self, *args): pass
lock = threading.Lock()
app = DomainDispatcherApplication(create_backend_app)
def one_at_a_time(environ, start_response):
    with lock:
        return list(app(environ, start_response))
server = make_server("127.0.0.1", 0, one_at_a_time, threaded=True, request_handler=Quiet)
print(json.dumps(f"http://127.0.0.1:{server.server_port}"), flush=True)
server.serve_forever()
"""
"""One request at a time: without that, two conditional writes may both win in moto."""


def random_files(folder: Path, count: int, size: int) -> list[Path]:
    """Write files that do not compress."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:03}.mp4" for number in range(count)]
    for path in paths:
        path.write_bytes(secrets.token_bytes(size))
    return paths


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
