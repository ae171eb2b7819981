"""Runs independent jobs with plain asyncio, as the limit to compare with: send them all, sleep, look once.

``python -m benchmarks.bare URL COUNT SECONDS``.
"""

from __future__ import annotations

import asyncio
import sys
import time

import httpx

from benchmarks.services import AUTHORIZED


async def main(url: str, count: int, seconds: float) -> None:
    """Send ``count`` jobs of ``seconds`` at once, and print how long it took from the first submission to the last look."""
    async with httpx.AsyncClient(base_url=url, headers=AUTHORIZED, timeout=60) as client:
        began = time.perf_counter()

        async def one(number: int) -> None:
            body = {"prompt": f"bare {number} of {began}", "duration": 4}
            job = (await client.post("/generate/video/xai/grok-video", json=body)).raise_for_status().json()
            await asyncio.sleep(seconds)
            (await client.get(f"/jobs/{job['job_id']}")).raise_for_status()

        await asyncio.gather(*(one(number) for number in range(count)))
        print(time.perf_counter() - began)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
