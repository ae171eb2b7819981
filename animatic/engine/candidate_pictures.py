"""Saves a picture of what an unclaimed job gave, so that a person can see whose it is."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from pathlib import Path

from animatic.errors import AnimaticError
from animatic.krea import Job, KreaClient
from animatic.media import draw

log = logging.getLogger(__name__)


async def save_picture(client: KreaClient, job: Job, folder: Path) -> Path | None:
    """Write a JPEG of a completed job's result into the folder, if it is not there; None where there is nothing to be seen."""
    if job.status != "completed":
        return None
    # The id is Krea's word, and no file name.
    picture = folder / f"{hashlib.sha256(job.id.encode()).hexdigest()[:16]}.jpg"
    if picture.exists():
        return picture
    await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True, exist_ok=True)
    for url in job.urls:
        result = picture.with_suffix(".result")
        try:
            await client.download(url, result)
            await asyncio.to_thread(draw, result, picture)
        except AnimaticError as error:
            log.info("no picture of job %s: %s", job.id, error.message)
        else:
            return picture
        finally:
            result.unlink(missing_ok=True)
    return None
