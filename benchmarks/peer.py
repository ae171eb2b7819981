"""A storyboard by hand, as people write it for Prefect: a task for a shot, all of them gathered, httpx between. It keeps no books.

``python -m benchmarks.peer URL COUNT FOLDER``, with ``PREFECT_API_URL`` set. What animatic is compared with.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import httpx
from prefect import flow, task

from benchmarks.services import AUTHORIZED

POLL = 2.0


@task(task_run_name="shot {number}")
async def shot(client: httpx.AsyncClient, number: int, folder: Path) -> None:
    """Send one job, look at it until it has ended, and keep its clip."""
    body = {"prompt": f"Shot {number} of Lisbon, slow push over the rooftops", "duration": 4, "resolution": "720p", "aspect_ratio": "16:9"}
    job = (await client.post("/generate/video/xai/grok-video", json=body)).raise_for_status().json()
    while job["status"] not in {"completed", "failed", "cancelled"}:
        await asyncio.sleep(POLL)
        job = (await client.get(f"/jobs/{job['job_id']}")).raise_for_status().json()
    clip = (await client.get(job["result"]["urls"][0])).raise_for_status()
    (folder / f"{number:03}.mp4").write_bytes(clip.content)


@flow
async def storyboard(url: str, count: int, folder: Path) -> None:
    """Make all shots at once."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, headers=AUTHORIZED, timeout=120, limits=limits) as client:
        await asyncio.gather(*(shot(client, number, folder) for number in range(count)))


if __name__ == "__main__":
    asyncio.run(storyboard(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])))
