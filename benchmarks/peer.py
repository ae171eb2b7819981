"""A storyboard by hand, as people write it for Prefect: what animatic is compared with. It keeps no books.

``python -m benchmarks.peer WAY URL COUNT SECONDS FOLDER``, with ``PREFECT_API_URL`` set. ``WAY``: ``hand``, a task for a shot that sends
the job and polls it as Krea's guide says; ``tasks``, a task each to send, to wait and to keep, that sleeps ``SECONDS`` and looks once;
``chain``, as ``hand``, each shot after the one before.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import httpx
from prefect import flow, task

from benchmarks.services import AUTHORIZED

POLL = 5.0
"""Seconds between two looks, as the guide has it."""
CHAIN_POLL = 0.5
"""For jobs of a second."""
ENDED = frozenset({"completed", "failed", "cancelled"})


async def _send(client: httpx.AsyncClient, number: int) -> dict[str, Any]:
    body = {"prompt": f"Shot {number} of Lisbon, slow push over the rooftops", "duration": 4, "resolution": "720p", "aspect_ratio": "16:9"}
    job: dict[str, Any] = (await client.post("/generate/video/xai/grok-video", json=body)).raise_for_status().json()
    return job


async def _look(client: httpx.AsyncClient, job: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(f"/jobs/{job['job_id']}")).raise_for_status().json()
    return found


async def _keep(client: httpx.AsyncClient, number: int, job: dict[str, Any], folder: Path) -> None:
    clip = (await client.get(job["result"]["urls"][0])).raise_for_status()
    (folder / f"{number:03}.mp4").write_bytes(clip.content)


@task(task_run_name="shot {number}")
async def shot(client: httpx.AsyncClient, number: int, folder: Path, poll: float) -> None:
    """Send one job, look at it until it has ended, and keep its clip."""
    job = await _send(client, number)
    while job["status"] not in ENDED:
        await asyncio.sleep(poll)
        job = await _look(client, job)
    await _keep(client, number, job, folder)


@task(task_run_name="generate {number}")
async def generate(client: httpx.AsyncClient, number: int) -> dict[str, Any]:
    """Send one job."""
    return await _send(client, number)


@task(task_run_name="wait {number}")
async def wait(client: httpx.AsyncClient, number: int, job: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Sleep for as long as the job takes, and look."""
    del number
    await asyncio.sleep(seconds)
    return await _look(client, job)


@task(task_run_name="keep {number}")
async def keep(client: httpx.AsyncClient, number: int, job: dict[str, Any], folder: Path) -> None:
    """Keep its clip."""
    await _keep(client, number, job, folder)


async def _in_tasks(client: httpx.AsyncClient, number: int, seconds: float, folder: Path) -> None:
    job = await generate(client, number)
    await keep(client, number, await wait(client, number, job, seconds), folder)


@flow
async def storyboard(way: str, url: str, count: int, seconds: float, folder: Path) -> None:
    """Make all shots at once, or one after the other."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, headers=AUTHORIZED, timeout=120, limits=limits) as client:
        if way == "chain":
            for number in range(count):
                await shot(client, number, folder, CHAIN_POLL)
        elif way == "tasks":
            await asyncio.gather(*(_in_tasks(client, number, seconds, folder) for number in range(count)))
        else:
            await asyncio.gather(*(shot(client, number, folder, POLL) for number in range(count)))


if __name__ == "__main__":
    asyncio.run(storyboard(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), Path(sys.argv[5])))
