"""What is recorded of a result, and its picture: a frame of a clip, the still itself, a sound's waveform, Krea's picture of a mesh."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import assert_never

from animatic.engine.run import Run
from animatic.errors import AnimaticError, BadClipError
from animatic.krea import Download
from animatic.ledger import ClipRecord
from animatic.media import AnyFacts, Facts, MeshFacts, SoundFacts, thumbnail, waveform

log = logging.getLogger(__name__)


def clip_record(key: str, download: Download, facts: AnyFacts) -> ClipRecord:
    """Return the record of a stored file."""
    width = height = fps = duration = frames = channels = sample_rate = codec = loudness = triangles = None
    match facts:
        case Facts():
            width, height, fps, duration, frames = facts.width, facts.height, facts.fps, facts.duration, facts.frames
        case SoundFacts():
            duration, channels, sample_rate = facts.duration, facts.channels, facts.sample_rate
            codec, loudness = facts.codec, facts.loudness
        case MeshFacts():
            triangles = facts.triangles
        case _:
            assert_never(facts)
    return ClipRecord(
        key=key,
        sha256=download.sha256,
        size=download.size,
        mime=facts.mime,
        width=width,
        height=height,
        fps=fps,
        duration=duration,
        frames=frames,
        channels=channels,
        sample_rate=sample_rate,
        codec=codec,
        loudness=loudness,
        triangles=triangles,
    )


def picture_of(clip: Path) -> Path:
    """Return where the picture of a result is drawn, beside it."""
    return clip.with_name(f"{clip.stem}.thumbnail.jpg")


async def store_picture(run: Run, others: Iterable[str], clip: Path, facts: AnyFacts, key: str) -> str | None:
    """Store the picture of a result, made if need be; returns its key, None where nothing is to be seen: it is delivered without one.

    ``others`` are the further addresses of the result: one may be that of a picture.
    """
    small = picture_of(clip)
    try:
        match facts:
            case Facts():
                if not small.exists():  # nobody has looked through the clip
                    async with run.gates.media:
                        await asyncio.to_thread(thumbnail, clip, small)
            case SoundFacts():
                async with run.gates.media:
                    await asyncio.to_thread(waveform, clip, small)
            case MeshFacts():
                await _krea_picture(run, others, small)
            case _:
                assert_never(facts)
    except BadClipError as error:
        log.warning("no thumbnail: %s", error.message)
        return None
    await run.storage.write(key, await asyncio.to_thread(small.read_bytes), content_type="image/jpeg")
    return key


async def _krea_picture(run: Run, addresses: Iterable[str], small: Path) -> None:
    """Make the thumbnail of the first picture among the addresses of a result. BadClipError where there is none."""
    found = small.with_suffix(".found")
    for url in addresses:
        try:
            await run.client.download(url, found)
            async with run.gates.media:
                await asyncio.to_thread(thumbnail, found, small)
        except AnimaticError as error:  # no picture, or one that is not to be had: the mesh is delivered all the same
            log.debug("no picture of the mesh: %s", error.message)
        else:
            return
        finally:
            found.unlink(missing_ok=True)
    raise BadClipError("Krea delivered no picture of the mesh", code="no_picture")
