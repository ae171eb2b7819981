"""Makes the storyboard sheet of a run: its real stills, what was asked for, and where each shot stands in the reel. Never fails a run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from animatic.engine.run import Run
from animatic.errors import AnimaticError
from animatic.ledger.records import each
from animatic.manifest import Manifest, Shot
from animatic.manifest.clients import shown
from animatic.plan import params_text
from animatic.plan.model import shot_of
from animatic.sheet import Sheet, SheetShot
from animatic.spec.shots import numeral

SHEET = "sheet.pdf"
log = logging.getLogger(__name__)


async def deliver_sheet(run: Run, manifest: Manifest) -> str | None:
    """Write the sheet into the run's folder; returns where it lies, None where it could not be made or nothing was delivered."""
    if not any(shot.clip for shot in manifest.shots):
        return None
    from animatic.sheet.write import write_sheet  # noqa: PLC0415 - fonts and PDF take a while to load, and are needed at the end only

    key, target = f"{run.prefix}/{SHEET}", run.workdir / SHEET
    try:
        pictures = await _pictures(run, manifest)
        async with run.gates.media:
            await asyncio.to_thread(write_sheet, sheet_of_manifest(manifest, pictures), target)
        await run.storage.write(key, await asyncio.to_thread(target.read_bytes), content_type="application/pdf")
    except (AnimaticError, OSError) as error:
        log.warning("no storyboard sheet: %s", error)
        return None
    return run.storage.location(key)


async def _pictures(run: Run, manifest: Manifest) -> dict[str, Path]:
    """Return a local still of every delivered shot that has one, by key."""

    async def fetched(shot: Shot) -> tuple[str, Path] | None:
        take = run.takes.get(shot.key)
        if take is None or take.thumbnail is None:
            return None
        target = run.workdir / f"still-{take.fingerprint}.jpg"
        if not target.exists():
            async with run.gates.transfer:
                data = await run.storage.read(take.thumbnail)
            if data is None:
                return None
            await asyncio.to_thread(target.write_bytes, data)
        return shot.key, target

    return dict(filter(None, await each(fetched, manifest.shots)))


def sheet_of_manifest(manifest: Manifest, pictures: Mapping[str, Path]) -> Sheet:
    """Return the sheet of a run; ``pictures`` are local stills by the shots' keys."""
    manifest = shown(manifest)
    named = str if manifest.page.money else shot_of  # the name of a variant may be that of a model
    places = {place.shot: (place.begin, place.end) for reel in reversed(manifest.reels) for place in reel.shots}
    highest = max((shot.number for shot in manifest.shots), default=0)
    return Sheet(
        title=manifest.title or manifest.description or manifest.pipeline,
        subtitle=params_text(manifest.params),
        footer=f"{manifest.pipeline} {manifest.run_id}",
        simulated=manifest.simulated,
        made_at=manifest.started_at,
        shots=tuple(
            _row(shot, numeral(shot.number, highest), named, pictures.get(shot.key), places.get(shot.key)) for shot in manifest.storyboard
        ),
    )


def _row(shot: Shot, number: str, named: Callable[[str], str], picture: Path | None, place: tuple[float, float] | None) -> SheetShot:
    asked = shot.request.get("duration")
    length = shot.clip.duration if shot.clip is not None else float(asked) if isinstance(asked, int | float) else None
    return SheetShot(
        number=number,
        name=named(shot.key) or shot.id,
        scene=shot.scene or "",
        title=shot.title or "",
        action=str(shot.request.get("prompt") or shot.request.get("text") or ""),
        line=shot.line or "",
        seconds=None if length is None else round(length, 1),
        begin=place[0] if place else None,
        end=place[1] if place else None,
        lineage=tuple(dict.fromkeys(origin_words(named(item.shot), item.frame) for item in shot.inputs if item.shot is not None)),
        cast=shot.cast,
        picture=picture,
        note=f"{shot.state.replace('_', ' ')}: {shot.error.message}" if shot.error is not None else "",
    )


def origin_words(shot: str, frame: Literal["first", "last"] | float | None) -> str:
    """Say what an input takes from another shot: ``from dawn, last frame``."""
    match frame:
        case None:
            return f"from {shot}"
        case "first" | "last":
            return f"from {shot}, {frame} frame"
        case _:
            return f"from {shot} at {frame:g} s"
