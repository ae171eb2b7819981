"""Exports the timelines of a run to this machine: as files that refer to the run's media, or as bundles that hold them."""

from __future__ import annotations

import asyncio
import os
import posixpath
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from animatic.cut.model import Cut, CutShot
from animatic.cut.timing import Footage, footage_of, lay_out, seconds_of
from animatic.engine.as_made import plan_as_made
from animatic.engine.handover import timeline_of
from animatic.engine.history import PastRun
from animatic.engine.reel_prepare import prepare
from animatic.errors import StorageError
from animatic.files import writing_whole
from animatic.ledger import Ledger, Take
from animatic.plan import Plan, Step
from animatic.plan.slates import seconds_of as planned_seconds

if TYPE_CHECKING:
    import opentimelineio as otio

USUAL_SECONDS = 5.0
"""Of a gap for a clip whose length nothing tells."""


async def export_timeline(run: PastRun, cut: Cut, target: Path, *, bundle: bool) -> int:
    """Write the timeline of a cut to ``target``, whole or not at all; returns how many of its shots are gaps, as they were not made.

    ``bundle``: an ``.otioz`` that holds all media. Raises StorageError, also where a file of the run is gone.
    """
    import opentimelineio as otio  # noqa: PLC0415

    storage, plan = run.destination.storage, await plan_as_made(run)
    found = await run.destination.ledger.takes.get_many(step.fingerprint for step in plan.steps)
    takes = {step.key: found[step.fingerprint] for step in plan.steps if step.fingerprint in found}
    timeline = otio.adapters.read_from_string(await _text(plan, run.destination.ledger, cut, takes), "otio_json")
    folder = f"{run.plan.pipeline}/{run.plan.run_id}/{cut.folder}"
    keys = {url: posixpath.normpath(folder + unquote(url)) for url in dict.fromkeys(media.target_url for media in _references(timeline))}
    if bundle:
        await _bundle(run, timeline, keys, target)
    else:
        for media in _references(timeline):
            media.target_url = _address(storage.url, keys[media.target_url], target.parent)
        with writing_whole(target) as part:
            part.write_text(timeline.to_json_string(indent=2), encoding="utf-8")
    return sum(key not in takes for key in cut.steps)


async def _text(plan: Plan, ledger: Ledger, cut: Cut, takes: Mapping[str, Take]) -> str:
    """Return the timeline as the run would deliver it; where shots are missing, with gaps as long as they were to be."""
    steps = {step.key: step for step in plan.steps}
    if all(key in takes for key in cut.needs):
        prepared = prepare(cut, takes, steps)
        record = await ledger.reels.get(prepared.fingerprint)
        heard = {cut.steps[at] for at in record.with_sound} if record else set()
        return await timeline_of(plan, cut, prepared.layout, takes, ledger, heard=heard, notes=prepared.notes)
    layout = lay_out(cut, [_footage(shot, takes.get(shot.step), steps) for shot in cut.shots], [steps[key].shot for key in cut.steps])
    return await timeline_of(plan, cut, layout, takes, ledger)


def _footage(shot: CutShot, take: Take | None, steps: Mapping[str, Step]) -> Footage:
    if take is not None:
        clip = take.clip
        return footage_of(width=clip.width or 16, height=clip.height or 9, fps=clip.fps, duration=clip.duration, frames=clip.frames)
    if shot.still:
        return Footage(width=16, height=9)
    seconds = planned_seconds(steps[shot.step], steps) or (shot.trim[1] if shot.trim else USUAL_SECONDS)
    return Footage(width=16, height=9, seconds=seconds_of(seconds))


def _address(home: str, key: str, folder: Path) -> str:
    """Return how a timeline in a folder of this machine refers to a file of the run: relative to it, or by its place in a bucket."""
    if "://" in home:
        return f"{home}/{key}"
    return quote(Path(os.path.relpath(f"{home}/{key}", folder)).as_posix())


def _references(timeline: otio.schema.Timeline) -> Iterator[otio.schema.ExternalReference]:
    for clip in timeline.find_clips():
        yield from clip.media_references().values()


async def _bundle(run: PastRun, timeline: otio.schema.Timeline, keys: Mapping[str, str], target: Path) -> None:
    """Write an ``.otioz``. By hand: the library's own adapter leaves alternative takes out, and refuses two files of one name."""
    names: dict[str, str] = {}
    for url, key in keys.items():
        name = _name_in_bundle(PurePosixPath(key))
        unique = name if name not in names.values() else f"{len(names)}-{name}"
        names[url] = unique
    for media in _references(timeline):
        media.target_url = f"media/{quote(names[media.target_url])}"
    with tempfile.TemporaryDirectory(prefix="animatic-") as folder:
        for url, key in keys.items():
            if not await run.destination.storage.fetch(key, Path(folder) / names[url]):
                where = run.destination.storage.location(key)
                raise StorageError(f"{where} is gone", hint=f"`animatic resume {run.plan.run_id}` delivers it again")
        text = timeline.to_json_string(indent=2)
        await asyncio.to_thread(_zip, Path(folder), text, target)


def _name_in_bundle(key: PurePosixPath) -> str:
    """Return ``01-dawn.take-2.mp4`` for a take that lies in ``01-dawn.takes/``; the file's own name for all else."""
    shot = key.parent.name.removesuffix(".takes")
    return key.name if shot == key.parent.name else f"{shot}.take-{key.name}"


def _zip(folder: Path, text: str, target: Path) -> None:
    with writing_whole(target) as part, zipfile.ZipFile(part, "w") as bundle:
        bundle.writestr("version.txt", "1.0.0", zipfile.ZIP_DEFLATED)
        bundle.writestr("content.otio", text, zipfile.ZIP_DEFLATED)
        for file in sorted(folder.iterdir()):  # media are compressed already
            bundle.write(file, f"media/{file.name}", zipfile.ZIP_STORED)
