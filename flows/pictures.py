"""Makes the pictures of a run's artifacts: the plan's graph, small stills for the table of shots, the storyboard on one sheet.

All are data URIs: an artifact must show them to whoever may see the run, for as long as it exists.
"""

from __future__ import annotations

import asyncio
import base64
import io
from pathlib import Path

from PIL import Image

from animatic.engine.deliver import file_name
from animatic.engine.run import Run
from animatic.media import contact_sheet
from animatic.plan import as_svg

MAX_PICTURES = 48
MAX_STEPS_DRAWN = 150
SHEET_WIDTH = 1200
"""Pixels: a storyboard of twelve shots is then about 100 kB."""
STILL_SIDE = 132
"""Pixels of the longer side: about 3 kB each."""


def graph_picture(run: Run) -> str | None:
    """Return the plan's graph; None where it would be too large to read."""
    if len(run.plan.steps) > MAX_STEPS_DRAWN:
        return None
    return f"data:image/svg+xml;base64,{base64.b64encode(as_svg(run.plan).encode()).decode()}"


async def still_of(run: Run, key: str) -> str | None:
    """Return the small still of a step; None before it is there, and beyond the first shots of a long storyboard."""
    return None if len(run.plan.steps) > MAX_PICTURES else await picture_of(run, key, STILL_SIDE)


async def picture_of(run: Run, key: str, side: int) -> str | None:
    """Return the still of a step, of so many pixels at its longer side; None before it is there, and for what has none."""
    take = run.takes.get(key)
    if take is None or take.thumbnail is None:
        return None
    data = await run.storage.read(take.thumbnail)
    return None if data is None else await asyncio.to_thread(_small, data, side)


def _small(data: bytes, side: int) -> str | None:
    try:
        with Image.open(io.BytesIO(data)) as opened:
            image = opened.convert("RGB")
    except OSError:  # somebody else's file lies there
        return None
    image.thumbnail((side, side))
    return _jpeg(image, quality=72)


async def storyboard_picture(run: Run) -> str | None:
    """Return the stills of the first shots on one sheet, an empty frame with its state for each that is missing; None of no shots."""
    folder = run.workdir / "stills"
    paths: list[Path | None] = []
    captions: list[str] = []
    for step in run.plan.storyboard[:MAX_PICTURES]:
        take = run.takes.get(step.key)
        data = await run.storage.read(take.thumbnail) if take is not None and take.thumbnail is not None else None
        state = run.progress.shots[step.key].state
        captions.append(f"{step.numeral} {step.key}" + ("" if state in {"delivered", "reused"} else f": {state}"))
        paths.append(None if data is None else _kept(folder / file_name(step, ".jpg"), data))
    if not paths:
        return None
    async with run.gates.media:
        return await asyncio.to_thread(_sheet, paths, captions, run.workdir / "storyboard.jpg")


def _kept(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def _sheet(paths: list[Path | None], captions: list[str], target: Path) -> str:
    contact_sheet(paths, target, captions)
    with Image.open(target) as sheet:
        sheet.thumbnail((SHEET_WIDTH, SHEET_WIDTH * 4))
        return _jpeg(sheet, quality=80)


def _jpeg(image: Image.Image, *, quality: int) -> str:
    small = io.BytesIO()
    image.save(small, "JPEG", quality=quality, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(small.getvalue()).decode()}"
