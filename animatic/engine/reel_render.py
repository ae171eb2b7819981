"""Gathers the files that a reel is made of, and has them rendered."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from animatic.cut.captions import Cue
from animatic.cut.model import SoundFile, SoundSource
from animatic.cut.timing import Placed, seconds_of
from animatic.engine.inputs import local_clip
from animatic.engine.reel_prepare import Prepared
from animatic.engine.run import Run
from animatic.errors import BadMediaError
from animatic.files import sha256_of
from animatic.media import Rendered, probe, render
from animatic.media.timeline import Bed, Caption, Entry, Mix, Segment, Timeline, Voice


async def render_reel(run: Run, prepared: Prepared, target: Path) -> tuple[Rendered, tuple[int, ...]]:
    """Write a reel; returns what became of it, and which of its shots have sound of their own. Raises AnimaticError."""
    shelf = run.workdir / f"sources-{secrets.token_hex(4)}"
    shelf.mkdir()
    clips = {key: await _named(run, shelf, key) for key in dict.fromkeys(prepared.cut.steps)}
    sounds = {source: await _sound(run, shelf, source) for source in prepared.cut.sound.sources}
    timeline = timeline_of(prepared, clips, sounds, simulated=run.simulated)
    name = prepared.cut.file()

    def progress(fraction: float) -> None:
        run.progress.reels[name] = fraction

    async with run.gates.media:
        heard = {key: await asyncio.to_thread(_is_heard, clip) for key, clip in clips.items()}
        progress(0.0)
        try:
            rendered = await asyncio.to_thread(render, timeline, target, progress)
        finally:
            run.progress.reels.pop(name, None)
    return rendered, tuple(at for at, key in enumerate(prepared.cut.steps) if heard[key])


def timeline_of(prepared: Prepared, clips: dict[str, Path], sounds: dict[SoundSource, Path], *, simulated: bool) -> Timeline:
    """Return a laid-out cut as the renderer takes it; ``clips`` are local files by step key, ``sounds`` by what they come from.

    ``simulated``: the shots are slates. A label lies where they say so themselves, and then says it for them.
    """
    layout, sound = prepared.layout, prepared.cut.sound
    bed = None
    if (below := sound.bed) is not None:
        fades = seconds_of(below.fade_in), seconds_of(below.fade_out)
        bed = Bed(source=sounds[below.source], gain_db=below.gain_db, fade_in=fades[0], fade_out=fades[1], duck=below.duck)
    begins = {placed.shot.step: placed.begin / layout.rate for placed in reversed(layout.placed)}
    voices = tuple(
        Voice(
            source=sounds[voice.source],
            at=begins[voice.at] if isinstance(voice.at, str) else seconds_of(voice.at),
            gain_db=voice.gain_db,
        )
        for voice in sound.voices
    )
    return Timeline(
        width=layout.width,
        height=layout.height,
        rate=layout.rate,
        fit=layout.fit,
        segments=tuple(_segment(placed, clips) for placed in layout.placed),
        mix=Mix(clips=sound.clips == "keep", bed=bed, voices=voices, loudness=sound.loudness),
        captions=_captions(prepared.burnt),
        text_track=_captions(prepared.track),
        label=f"SIMULATED · {prepared.cut.label}" if simulated and prepared.cut.label else prepared.cut.label,
    )


def _segment(placed: Placed, clips: dict[str, Path]) -> Segment:
    return Segment(
        source=clips[placed.shot.step],
        still=placed.footage.seconds is None,
        start=placed.start,
        frames=placed.frames,
        enter=Entry(kind=placed.enter, frames=placed.enter_frames),
    )


def _captions(cues: Sequence[Cue]) -> tuple[Caption, ...]:
    return tuple(Caption(start=cue.start, end=cue.end, text=cue.text) for cue in cues)


async def _named(run: Run, shelf: Path, key: str) -> Path:
    """Return a local copy of a step's take under the name of its shot, by which notes and errors call it."""
    clip = await local_clip(run, run.takes[key])
    named = shelf / f"{run.steps[key].shot}{clip.suffix}"
    with contextlib.suppress(FileExistsError):  # heard and seen
        os.link(clip, named)
    return named


async def _sound(run: Run, shelf: Path, source: SoundSource) -> Path:
    if not isinstance(source, SoundFile):
        return await _named(run, shelf, source.step)
    path = Path(source.file)
    try:
        same = await asyncio.to_thread(sha256_of, path) == source.sha256
    except OSError as error:
        raise BadMediaError(f"cannot read {source.written}: {error.strerror or error}", hint="put it back, then resume the run") from error
    if not same:
        hint = "run again: the plan is then made from the new file"
        raise BadMediaError(f"{source.written} changed since the run was planned", hint=hint, code="file_changed")
    return path


def _is_heard(clip: Path) -> bool:
    return probe(clip).has_audio
