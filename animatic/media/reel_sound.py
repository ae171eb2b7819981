"""Makes the sound of a reel: mixed, brought to its loudness with no peak above -1 dBTP, and encoded as AAC of the picture's very length.

What is promised of loudness and peaks is measured on the encoded sound, as players decode it, and made again where encoding moved it.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np

from animatic.media.loudness import CONTEXT, Loudness, Meter, frame_of, limited, ratio_of
from animatic.media.mix import Note, Scratch, mix_down, sample_at
from animatic.media.reel_source import Source
from animatic.media.sound_source import RATE, Samples, Sound
from animatic.media.timeline import Timeline

MAX_TRUE_PEAK = -1.0
"""dBTP: EBU R128 s2 and every platform's advice for lossy sound."""
_BIT_RATE = 192_000
_QUICK = {"aac_coder": "fast"}
"""FFmpeg's quicker search for quantizers, made for high bit rates: as near to most sounds at this one, in a half to a fifth of the time.
What is pressed against a ceiling comes out a quarter of an LU softer by it, so that it is encoded by the slower one."""
_BLOCK = 10 * RATE
_HEADROOM = 0.3
"""Decibels below the highest peak allowed at which the limiter starts: what AAC adds to most sounds."""
_MAX_GAIN = 30.0
"""Decibels: what would have to be raised further is noise."""
_CLOSE_ENOUGH, _HEARD = 0.2, 0.5
"""LU by which a loudness may miss its target before it is corrected, and before it is said."""
_MAX_TRIES = 4
_MIX_SHARE, _LEVEL_SHARE = 0.35, 0.15


@dataclass(frozen=True, kw_only=True, slots=True)
class _Setting:
    """``gain`` in decibels; ``ceiling``: the highest level in dBTP that is let through; ``peak``: that of the mix, before the gain."""

    gain: float
    ceiling: float
    peak: float | None

    @property
    def limits(self) -> bool:
        """Whether any peak reaches the ceiling."""
        return self.peak is not None and self.peak + self.gain > self.ceiling


def make_sound(timeline: Timeline, sources: Mapping[Path, Source], target: Path, note: Note, progress: Callable[[float], None]) -> Loudness:
    """Write the reel's sound to ``target`` (MP4, AAC) and return what was measured on it.

    Raises BadMediaError with the name of a sound that is none or does not decode.
    """
    length = sample_at(timeline.frames, timeline.rate)
    wanted = timeline.mix.loudness
    with tempfile.TemporaryFile(dir=target.parent) as file:
        scratch = Scratch(file, length)
        mix_down(timeline, sources, scratch, note, lambda done: progress(done * _MIX_SHARE))
        setting = _setting_for(scratch, wanted, note)
        begun = _MIX_SHARE + _LEVEL_SHARE
        for _ in range(_MAX_TRIES):
            _encode(scratch, setting, target, lambda done: progress(begun + done * (1 - begun)))
            made = _measured(_played(target, length))
            if wanted is None or (corrected := _corrected(setting, made, wanted)) == setting:
                break
            setting = corrected
    if wanted is not None and made.integrated is not None and abs(made.integrated - wanted) > _HEARD:
        note(f"the reel is at {made.integrated:.1f} LUFS instead of {wanted:g}: more would need peaks above {MAX_TRUE_PEAK:g} dBTP")
    return made


def _setting_for(scratch: Scratch, wanted: float | None, note: Note) -> _Setting:
    """Return the gain that brings the mix to a loudness, and what keeps its peaks; where they exclude each other, what comes nearest."""
    if wanted is None:
        return _Setting(gain=0.0, ceiling=0.0, peak=_measured(_levelled(scratch)).true_peak)
    found = _measured(_levelled(scratch))
    setting = _Setting(gain=0.0, ceiling=MAX_TRUE_PEAK - _HEADROOM, peak=found.true_peak)
    if found.integrated is None:
        note("the reel's sound is too short or too soft for a loudness to be measured: it is left as it is")
        return setting
    setting = replace(setting, gain=min(_MAX_GAIN, wanted - found.integrated))
    missed = math.inf
    for _ in range(_MAX_TRIES):
        if not setting.limits or (loudness := _measured(_levelled(scratch, setting)).integrated) is None:
            break
        before, missed = missed, wanted - loudness
        # Where the limiter takes away again what the gain adds, more of it would only press the sound flat.
        if not _CLOSE_ENOUGH < missed < before - _CLOSE_ENOUGH:
            break
        setting = replace(setting, gain=min(_MAX_GAIN, setting.gain + missed))
    return setting


def _corrected(setting: _Setting, made: Loudness, wanted: float) -> _Setting:
    """Return the setting less what encoding added to the peaks, and with what it took from the loudness."""
    if made.true_peak is not None and made.true_peak > MAX_TRUE_PEAK:
        return replace(setting, ceiling=setting.ceiling - (made.true_peak - MAX_TRUE_PEAK) - _CLOSE_ENOUGH)
    if made.integrated is None or setting.limits or abs(wanted - made.integrated) <= _CLOSE_ENOUGH:
        return setting
    return replace(setting, gain=min(_MAX_GAIN, setting.gain + wanted - made.integrated))


def _levelled(scratch: Scratch, setting: _Setting | None = None) -> Iterator[Samples]:
    """Yield the mix, with its gain and limited, in blocks."""
    for begin in range(0, scratch.length, _BLOCK):
        count = min(_BLOCK, scratch.length - begin)
        if setting is None or not setting.limits:
            yield scratch.read(begin, count) * np.float32(ratio_of(setting.gain if setting else 0.0))
        else:
            wide = scratch.read(begin - CONTEXT, count + 2 * CONTEXT) * np.float32(ratio_of(setting.gain))
            yield limited(wide, ratio_of(setting.ceiling))[CONTEXT : CONTEXT + count]


def _played(path: Path, length: int) -> Iterator[Samples]:
    """Yield what a player plays: the last frame of AAC is longer than the sound."""
    with Sound(path) as sound:
        for begin in range(0, length, _BLOCK):
            yield sound.read(min(_BLOCK, length - begin))


def _measured(pieces: Iterator[Samples]) -> Loudness:
    meter = Meter()
    for piece in pieces:
        meter.feed(piece)
    return meter.result()


def _encode(scratch: Scratch, setting: _Setting, target: Path, progress: Callable[[float], None]) -> None:
    with av.open(str(target), "w", format="mp4", options={"fflags": "+bitexact"}) as output:
        stream = output.add_stream("aac", rate=RATE, layout="stereo", options={} if setting.limits else _QUICK)
        stream.bit_rate = _BIT_RATE
        done = 0
        for samples in _levelled(scratch, setting):
            output.mux(stream.encode(frame_of(samples, done)))
            done += len(samples)
            progress(done / scratch.length)
        output.mux(stream.encode(None))
