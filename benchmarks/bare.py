"""Runs independent jobs with plain asyncio, as the limit to compare with: send them all, sleep, look once, keep the clip.

``python -m benchmarks.bare URL COUNT SECONDS [FOLDER]``; without a folder no clip is fetched.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import httpx

from benchmarks.services import AUTHORIZED


async def main(url: str, count: int, seconds: float, folder: Path | None) -> None:
    """Send ``count`` jobs of ``seconds`` at once, and print how long it took from the first submission to the last look."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, headers=AUTHORIZED, timeout=120, limits=limits) as client:
        began = time.perf_counter()

        async def one(number: int) -> None:
            body = {"prompt": f"bare {number} of {began}", "duration": 4}
            job = (await client.post("/generate/video/xai/grok-video", json=body)).raise_for_status().json()
            await asyncio.sleep(seconds)
            job = (await client.get(f"/jobs/{job['job_id']}")).raise_for_status().json()
            if folder is not None:
                clip = (await client.get(job["result"]["urls"][0])).raise_for_status()
                (folder / f"{number:03}.mp4").write_bytes(clip.content)

        await asyncio.gather(*(one(number) for number in range(count)))
        print(time.perf_counter() - began)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]) if len(sys.argv) > 4 else None))  # noqa: PLR2004
