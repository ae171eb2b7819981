"""Measures waiting for two thousand jobs that run for minutes: a whole run, its watcher alone, and one GET a job and look."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from animatic.krea import KreaClient, Watcher
from animatic.settings import Patience, Secret
from benchmarks.measure import CommandFailedError, Cost
from benchmarks.process import Waiting, sample_of, waiting
from benchmarks.services import AUTHORIZED, krea
from benchmarks.tables import Results, Row
from benchmarks.ways import Prefect, Setting, run_until
from tests.faults.krea_server import StandIn

JOBS = 2000
JOB_SECONDS = 900.0
WINDOW = 20.0
POLL = 2.0
CALM_SECONDS = 5.0
"""After the last submission, before a run is looked at: until then it is still busy with it."""
MEGABYTE = 1e6


def thousands(folder: Path, rounds: int) -> Results:
    """Wait three ways. One round says enough: there is nothing in it that varies."""
    del rounds
    run = _run(folder / "run")
    with krea(folder / "krea", job_seconds=JOB_SECONDS, longest_side=64) as url:
        ids = folder / "ids"
        ids.write_text("\n".join(asyncio.run(_submit(url))))
        found = {way: _in_process(way, url, ids) for way in ("watcher", "each")}
    (watched, asked, memory), (polled, gets, more) = found["watcher"], found["each"]
    wished = round(JOBS * WINDOW / POLL)
    return Results(
        title=f"Waiting: {JOBS:,} running jobs for {WINDOW:g} s, a look every {POLL:g} s",
        limit="a GET for every job and look, 16 at once, in a process that does nothing else",
        rows=(
            Row(
                what="a whole run",
                cost=Cost(wall=run.seconds, cpu=run.core * run.seconds),
                limit=polled,
                target="300 MB, 10 % of a core",
                note=f"{run.memory / MEGABYTE:.0f} MB, {run.core:.1%} of a core",
            ),
            Row(
                what="  its watcher alone",
                cost=watched,
                limit=polled,
                note=f"{memory / MEGABYTE:.0f} MB; {asked:,} requests: more often only when jobs are due",
            ),
            Row(
                what="one GET a job",
                cost=polled,
                limit=polled,
                note=f"{more / MEGABYTE:.0f} MB; {gets:,} requests, of {wished:,} that were due",
            ),
        ),
    )


def _run(folder: Path) -> Waiting:
    """Let ``animatic run`` submit all its jobs, look at it while it waits for them, and interrupt it."""
    setting = Setting(shots=JOBS, job_seconds=JOB_SECONDS)

    def since_the_last(krea: StandIn) -> float:
        return time.time() - krea.posts[-1].at if len(krea.posts) == JOBS else 0.0

    life, stand_in = run_until(folder, setting, Prefect.up(), lambda krea: since_the_last(krea) > CALM_SECONDS + WINDOW)
    calm = stand_in.posts[-1].at + CALM_SECONDS
    found = waiting(life.samples, calm, calm + WINDOW)
    if found is None:
        raise CommandFailedError(f"the run ended before it had waited: {len(stand_in.posts)} submissions")
    return found


def _in_process(way: str, url: str, ids: Path) -> tuple[Cost, int, float]:
    """Wait in a fresh process, so that its CPU time is the waiting's alone; returns that, the requests, and its peak memory."""
    done = subprocess.run([sys.executable, "-m", "benchmarks.watching", way, url, str(ids)], capture_output=True, text=True, check=True)
    wall, cpu, requests, memory = done.stdout.split()
    return Cost(wall=float(wall), cpu=float(cpu)), int(requests), float(memory)


async def _submit(url: str) -> list[str]:
    gate = asyncio.Semaphore(16)
    async with httpx.AsyncClient(base_url=url, headers=AUTHORIZED, timeout=60) as client:

        async def one(number: int) -> str:
            async with gate:
                answer = await client.post("/generate/video/xai/grok-video", json={"prompt": f"job {number}", "duration": 1})
                return str(answer.raise_for_status().json()["job_id"])

        return list(await asyncio.gather(*(one(number) for number in range(JOBS))))


async def _watch(url: str, ids: list[str]) -> None:
    created = datetime.now(UTC) - timedelta(minutes=10)  # before the jobs were submitted
    client = KreaClient(url, Secret("bench"), patience=Patience())
    async with client, Watcher(client, poll=POLL) as watcher:
        await asyncio.gather(*(watcher.wait(job, deadline=JOB_SECONDS, created_at=created, model="xai/grok-video") for job in ids))


async def _poll_each(url: str, ids: list[str]) -> None:
    gate = asyncio.Semaphore(16)
    async with httpx.AsyncClient(base_url=url, headers=AUTHORIZED, timeout=60) as client:

        async def one(job: str) -> None:
            while True:
                async with gate:
                    status = (await client.get(f"/jobs/{job}")).raise_for_status().json()["status"]
                if status in {"completed", "failed", "cancelled"}:
                    return
                await asyncio.sleep(POLL)

        await asyncio.gather(*(one(job) for job in ids))


async def _main(way: str, url: str, ids: list[str]) -> None:
    before = _requests(url)
    wall, cpu = time.perf_counter(), time.process_time()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(WINDOW):
            await (_watch if way == "watcher" else _poll_each)(url, ids)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    sample = sample_of(os.getpid())
    assert sample is not None
    print(wall, cpu, _requests(url) - before, sample.peak)


def _requests(url: str) -> int:
    counted = httpx.get(f"{url}/_simulator/stats", headers=AUTHORIZED).raise_for_status().json()
    return int(counted.get("job", 0) + counted.get("list", 0))


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2], Path(sys.argv[3]).read_text().split()))
