"""Measures how long it takes until a run notices that a job has ended: by polling, and told by webhooks, from end to end.

What counts is the time from a job's end at Krea to the first request for its result. Krea is the stand-in of the crash tests, whose jobs
end at times of their own; here it calls back, as Krea does, whoever asked for it.
"""

from __future__ import annotations

import contextlib
import json
import random
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from benchmarks.declarations import write_declaration
from benchmarks.measure import CommandFailedError
from benchmarks.process import live, percentile
from benchmarks.tables import Cell, Grid
from benchmarks.validating import ANIMATIC
from benchmarks.ways import Prefect, environment
from tests.faults.krea_jobs import Answer, Course
from tests.faults.krea_server import StandIn, serve

SHOTS = 100
LEAST_SECONDS, MOST_SECONDS = 6.0, 15.0
SCAN_SECONDS = 0.005
CALLERS = 8


def noticing(folder: Path, rounds: int) -> Grid:
    """Make a hundred jobs that end one by one, three ways, once: each job is a round."""
    del rounds
    prefect = Prefect.up()
    rows: list[list[Cell]] = []
    for way, wanted in (("polling", 2.0), ("webhooks, `animatic webhook`", 0.3), ("webhooks, the run listens", 0.3)):
        with _listening(way) as more:
            delays, requests, called = _once(folder / f"way-{len(rows)}", prefect, more)
        p50, p95 = percentile(delays, 0.5), percentile(delays, 0.95)
        rows.append([way, p50, p95, max(delays), wanted, requests / SHOTS, called])
    return Grid(
        title=f"Noticed: {SHOTS} jobs that end {LEAST_SECONDS:g} to {MOST_SECONDS:g} s after their submission, one by one",
        note="seconds from a job's end at Krea to the first request for its result, and all requests to Krea for it",
        headings=("way", "p50 s", "p95 s", "longest s", "p95 wanted", "requests a job", "callbacks taken"),
        rows=rows,
    )


def _once(folder: Path, prefect: Prefect, more: Mapping[str, str]) -> tuple[list[float], int, int]:
    """Return the delay of each job, the requests to Krea, and how many callbacks were taken."""
    folder.mkdir()
    chance = random.Random(1)  # noqa: S311 (the same times in all three ways)
    courses = [Course(seconds=chance.uniform(LEAST_SECONDS, MOST_SECONDS)) for _ in range(SHOTS)]
    with serve(StandIn(answer=Answer(after=0.1, job_after=0.0), courses=courses)) as krea, calling_back(krea) as taken:
        file = write_declaration(folder / "pipelines.yaml", SHOTS, chain=1, seconds=4)
        command = [*ANIMATIC, "run", "storyboard", "--file", str(file)]
        live(command, cwd=folder, env={**environment(prefect, krea), **more})
        delays = [krea.fetched[job.id] - job.ends for job in krea.ours() if job.id in krea.fetched]
        if len(delays) != SHOTS:
            raise CommandFailedError(f"{len(delays)} results were asked for, of {SHOTS} jobs")
        return delays, krea.asked.total(), len(taken)


@contextlib.contextmanager
def _listening(way: str) -> Iterator[Mapping[str, str]]:
    """Yield what the environment of a run says of webhooks, with a receiver of its own process where there is to be one."""
    if "animatic webhook" in way:
        command = [*ANIMATIC, "webhook", "--port", "0", "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as receiver:
            assert receiver.stdout is not None
            try:
                yield {"ANIMATIC_WEBHOOK_URL": json.loads(receiver.stdout.readline())["url"]}
            finally:
                receiver.terminate()
    elif "listens" in way:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = str(probe.getsockname()[1])
        yield {"ANIMATIC_WEBHOOK_URL": f"http://127.0.0.1:{port}", "ANIMATIC_WEBHOOK_PORT": port}
    else:
        yield {}


@contextlib.contextmanager
def calling_back(krea: StandIn) -> Iterator[list[str]]:
    """Call the URL of each submission once its job has ended; yields the ids of the jobs whose callback was taken."""
    over = threading.Event()
    taken: list[str] = []

    def call(http: httpx.Client, url: str, job_id: str) -> None:
        with contextlib.suppress(httpx.HTTPError):
            if http.post(url, json={"job_id": job_id, "status": "completed"}).is_success:
                taken.append(job_id)

    def scan() -> None:
        called: set[str] = set()
        with httpx.Client(timeout=5, trust_env=False) as http, ThreadPoolExecutor(CALLERS) as pool:
            while not over.wait(SCAN_SECONDS):
                with krea.lock:
                    ended = [job for job in krea.jobs if job.id not in called and job.ends <= time.time()]
                for job in ended:
                    called.add(job.id)
                    if job.post is not None and job.post.callback is not None:
                        pool.submit(call, http, job.post.callback, job.id)

    thread = threading.Thread(target=scan, daemon=True)
    thread.start()
    try:
        yield taken
    finally:
        over.set()
        thread.join()
