"""What waiting costs: a thousand jobs that run for minutes, waited for during half a minute by the watcher and by one GET a job."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx

from animatic.krea import KreaClient, Watcher
from animatic.settings import Patience, Secret
from benchmarks.measure import Cost
from benchmarks.services import AUTHORIZED, krea
from benchmarks.tables import Results, Row

JOBS = 1000
JOB_SECONDS = 600.0
WINDOW = 30.0
POLL = 2.0


def thousand(folder: Path, rounds: int) -> Results:
    """Wait for half a minute both ways. One round says enough: there is nothing in it that varies."""
    del rounds
    found: dict[str, tuple[Cost, int]] = {}
    for way in ("watcher", "each"):
        with krea(folder / way, job_seconds=JOB_SECONDS, longest_side=64) as url:
            found[way] = _in_process(way, url)
    (watched, asked), (polled, gets) = found["watcher"], found["each"]
    wished = round(JOBS * WINDOW / POLL)
    return Results(
        title=f"Waiting: {JOBS:,} running jobs for {WINDOW:g} s, a look every {POLL:g} s",
        limit="a GET for every job and look, 16 at once",
        rows=(
            Row(what="watcher", cost=watched, limit=polled, note=f"{asked:,} requests; more often only when jobs are due"),
            Row(what="one GET a job", cost=polled, limit=polled, note=f"{gets:,} requests, of {wished:,} that were due"),
        ),
    )


def _in_process(way: str, url: str) -> tuple[Cost, int]:
    """Wait in a fresh process, so that its CPU time is the waiting's alone."""
    done = subprocess.run([sys.executable, "-m", "benchmarks.watching", way, url], capture_output=True, text=True, check=True)
    wall, cpu, requests = done.stdout.split()
    return Cost(wall=float(wall), cpu=float(cpu)), int(requests)


async def _submit(url: str) -> list[str]:
    gate = asyncio.Semaphore(16)
    async with httpx.AsyncClient(base_url=url, headers=AUTHORIZED, timeout=60) as client:

        async def one(number: int) -> str:
            async with gate:
                answer = await client.post("/generate/video/xai/grok-video", json={"prompt": f"job {number}", "duration": 1})
                return str(answer.raise_for_status().json()["job_id"])

        return list(await asyncio.gather(*(one(number) for number in range(JOBS))))


async def _watch(url: str, ids: list[str]) -> None:
    created = datetime.now(UTC)
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


async def _main(way: str, url: str) -> None:
    ids = await _submit(url)
    before = _requests(url)
    wall, cpu = time.perf_counter(), time.process_time()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(WINDOW):
            await (_watch if way == "watcher" else _poll_each)(url, ids)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(wall, cpu, _requests(url) - before)


def _requests(url: str) -> int:
    counted = httpx.get(f"{url}/_simulator/stats", headers=AUTHORIZED).raise_for_status().json()
    return int(counted.get("job", 0) + counted.get("list", 0))


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2]))
