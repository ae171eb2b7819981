"""Makes the reels of a run and delivers them with what lies beside them: captions, the timeline for editors, a still. Idempotent.

A reel is data before it is made (`animatic.engine.reel_prepare`): its fingerprint says whether the same was made before. Only one that
was not is rendered; nothing of it is ever paid for.
"""

from __future__ import annotations

import asyncio
import logging
import os
from fractions import Fraction
from pathlib import Path
from typing import Literal

from animatic.cut.captions import written
from animatic.cut.model import Cut, SoundFile, SoundSource
from animatic.cut.timing import Layout, Placed, seconds_of
from animatic.engine.crashpoints import crashpoint
from animatic.engine.handover import sound_file, timeline_of
from animatic.engine.inputs import local_clip
from animatic.engine.origin import Part, deliver_marked, mark_of_reel
from animatic.engine.reel_prepare import Prepared, prepare
from animatic.engine.reel_render import render_reel
from animatic.engine.run import Run
from animatic.engine.workdir import on_disk
from animatic.errors import AnimaticError
from animatic.files import sha256_of
from animatic.ledger import ReelRecord
from animatic.manifest import Reel, ReelShot
from animatic.media import sniff, thumbnail
from animatic.media.sound_source import length_of

STILL_WIDTH = 1280
"""Pixels: a reel fills the width of its page."""
CAPTION_TYPES = {"srt": "application/x-subrip; charset=utf-8", "vtt": "text/vtt; charset=utf-8"}
log = logging.getLogger(__name__)


def missing_from(run: Run, cut: Cut) -> tuple[str, ...]:
    """Return the steps of a cut that were not made."""
    return tuple(key for key in cut.needs if key not in run.takes)


async def deliver_reel(run: Run, cut: Cut) -> Reel:
    """Make, or find, and deliver one reel; returns what the manifest says of it. Raises AnimaticError; clips are already delivered then."""
    with on_disk(run.workdir):
        prepared = prepare(cut, run.takes, run.steps)
        file = run.workdir / f"reel-{prepared.fingerprint}.mp4"
        record = await _found(run, prepared, file)
        if record is not None:
            return await _deliver(run, prepared, record, file, "reused")
        record = await _made(run, prepared, file)
        return await _deliver(run, prepared, record, file, "copied" if record.copied else "encoded")


async def _found(run: Run, prepared: Prepared, file: Path) -> ReelRecord | None:
    """Fetch the same reel of an earlier run; None where there is none, or it is not what its record says."""
    record = await run.ledger.reels.get(prepared.fingerprint)
    if record is None:
        return None
    async with run.gates.transfer:
        there = await run.storage.fetch(record.key, file)
    if there and await asyncio.to_thread(sha256_of, file) == record.sha256:
        return record
    log.warning("the reel at %s is %s: it is made again", run.storage.location(record.key), "not what was made" if there else "gone")
    return None


async def _made(run: Run, prepared: Prepared, file: Path) -> ReelRecord:
    """Render a reel, and keep it for later runs."""
    rendered, with_sound = await render_reel(run, prepared, file)
    digest = await asyncio.to_thread(sha256_of, file)
    key = run.ledger.reels.file_key(prepared.fingerprint, digest)
    async with run.gates.transfer:
        await run.storage.store(key, file, content_type="video/mp4", sha256=digest)
    record = ReelRecord(
        fingerprint=prepared.fingerprint,
        key=key,
        sha256=digest,
        size=await asyncio.to_thread(os.path.getsize, file),
        mime=rendered.facts.mime,
        width=rendered.facts.width,
        height=rendered.facts.height,
        fps=rendered.facts.fps,
        duration=rendered.facts.duration,
        frames=rendered.facts.frames,
        copied=rendered.copied,
        loudness=rendered.loudness,
        true_peak=rendered.true_peak,
        notes=rendered.notes,
        with_sound=with_sound,
        pipeline=run.plan.pipeline,
        run_id=run.plan.run_id,
        made_at=run.timing.now(),
    )
    await run.ledger.reels.record(record)
    return record


async def _deliver(run: Run, prepared: Prepared, record: ReelRecord, file: Path, how: Literal["copied", "encoded", "reused"]) -> Reel:
    cut, layout = prepared.cut, prepared.layout
    name = cut.file()
    crashpoint("before-reel")
    mark = mark_of_reel(run, cut.file(""), (run.takes[key].model for key in cut.needs))
    # A resumed run: the reel of the interrupted attempt may lack shots that are there now.
    marked = await deliver_marked(run, file, name, mark, record.mime, replaces=None, parts=await _parts(run, cut))
    crashpoint("after-reel")
    return Reel(
        key=run.storage.location(f"{run.prefix}/{name}"),
        sha256=marked.sha256,
        size=marked.size,
        mime=record.mime,
        width=record.width,
        height=record.height,
        fps=record.fps,
        duration=record.duration,
        frames=record.frames,
        file=name,
        origin=marked.how,
        time_stamped=marked.stamped,
        name=cut.name,
        variant=cut.variant,
        shots=tuple(_place(layout, placed) for placed in layout.placed),
        otio=await _deliver_timeline(run, prepared, record),
        captions=await _deliver_captions(run, prepared),
        fingerprint=prepared.fingerprint,
        how=how,
        loudness=record.loudness,
        true_peak=record.true_peak,
        notes=(*prepared.notes, *record.notes, *((f"signed without a time stamp: {marked.unstamped}",) if marked.unstamped else ())),
        thumbnail=await _deliver_still(run, file, cut),
    )


async def _parts(run: Run, cut: Cut) -> list[Part]:
    """Return what a reel was made of, for its signature."""
    if run.signer is None:
        return []
    return [Part(take=run.takes[key], path=await local_clip(run, run.takes[key]), relation="componentOf") for key in cut.needs]


def _place(layout: Layout, placed: Placed) -> ReelShot:
    """Return where a shot stands in the reel; its trim is what is seen of its clip, where that is not all of it."""
    trim = None
    if placed.footage.seconds is not None and placed.shot.trim is not None:
        there, asked = placed.footage.seconds, seconds_of(placed.shot.trim[1])
        end = min(there, asked) if placed.start < asked else there
        trim = (round(float(placed.start), 3), round(float(end), 3))
    return ReelShot(shot=placed.shot.step, begin=layout.seconds(placed.begin), end=layout.seconds(placed.end), trim=trim)


async def _deliver_timeline(run: Run, prepared: Prepared, record: ReelRecord) -> str:
    """Write the timeline for editors beside the reel, and the local sounds that it refers to; returns its key."""
    cut = prepared.cut
    lengths: dict[SoundSource, Fraction] = {}
    for source in dict.fromkeys(cut.sound.sources):
        if isinstance(source, SoundFile):
            path = Path(source.file)
            mime, _ = await asyncio.to_thread(sniff, path)
            await run.storage.store(f"{run.prefix}/{sound_file(source)}", path, content_type=mime, sha256=source.sha256)
            lengths[source] = await asyncio.to_thread(length_of, path)
    heard = {cut.steps[at] for at in record.with_sound}
    notes = (*prepared.notes, *record.notes)
    text = await timeline_of(
        run.plan,
        cut,
        prepared.layout,
        prepared.takes,
        run.ledger,
        heard=heard,
        lengths=lengths,
        notes=notes,
        for_client=not run.plan.shows_money,
    )
    key = f"{run.prefix}/{cut.file('.otio')}"
    await run.storage.write(key, text.encode(), content_type="application/json")
    return run.storage.location(key)


async def _deliver_captions(run: Run, prepared: Prepared) -> tuple[str, ...]:
    """Write the caption files beside the reel; returns their keys."""
    found: list[str] = []
    for form in prepared.forms:
        if form == "burn":
            continue
        key = f"{run.prefix}/{prepared.cut.file(f'.{form}')}"
        await run.storage.write(key, written(prepared.cues, form).encode(), content_type=CAPTION_TYPES[form])
        found.append(run.storage.location(key))
    return tuple(found)


async def _deliver_still(run: Run, reel: Path, cut: Cut) -> str | None:
    """Deliver a still of the reel beside it. A reel without one is a reel all the same."""
    target = reel.with_suffix(".jpg")
    try:
        async with run.gates.media:
            await asyncio.to_thread(thumbnail, reel, target, STILL_WIDTH)
        key = f"{run.prefix}/{cut.file('.thumbnail.jpg')}"
        await run.storage.write(key, await asyncio.to_thread(target.read_bytes), content_type="image/jpeg")
    except (AnimaticError, OSError) as error:
        log.warning("no still of %s: %s", cut.file(), error)
        return None
    return run.storage.location(key)
