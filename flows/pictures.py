"""Pictures for artifacts, inside the artifact itself: an address may expire or ask who is there, these bytes do neither."""

from __future__ import annotations

import asyncio
import base64
import io
from pathlib import Path

from PIL import Image

from animatic.media import contact_sheet
from animatic.plan import as_svg
from animatic.takes.delivery import file_name
from animatic.takes.run import Run

MOST_PICTURES = 48
WIDTH = 1200
"""Pixels: a storyboard of twelve shots is then about 100 kB."""
MOST_STEPS_DRAWN = 150


def graph_picture(run: Run) -> str | None:
    """Return the plan's graph as a data URI; None where it would be too large to read."""
    if len(run.plan.steps) > MOST_STEPS_DRAWN:
        return None
    return f"data:image/svg+xml;base64,{base64.b64encode(as_svg(run.plan).encode()).decode()}"


async def storyboard_picture(run: Run) -> str | None:
    """Return the stills of all delivered shots on one sheet as a data URI; None where nothing was delivered."""
    folder = run.workdir / "stills"
    paths: list[Path] = []
    for step in run.plan.steps:
        take = run.takes.get(step.key)
        if take is None or take.thumbnail is None or len(paths) == MOST_PICTURES:
            continue
        path = folder / file_name(step, ".jpg")
        path.parent.mkdir(parents=True, exist_ok=True)
        data = await run.storage.read(take.thumbnail)
        if data is not None:
            path.write_bytes(data)
            paths.append(path)
    if not paths:
        return None
    async with run.media_gate:
        return await asyncio.to_thread(_sheet, paths, run.workdir / "storyboard.jpg")


def _sheet(paths: list[Path], target: Path) -> str:
    contact_sheet(paths, target)
    with Image.open(target) as sheet:
        sheet.thumbnail((WIDTH, WIDTH * 4))
        small = io.BytesIO()
        sheet.save(small, "JPEG", quality=80, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(small.getvalue()).decode()}"
