"""Makes the sound of a reel: mixed, brought to its loudness with no peak above -1 dBTP, and encoded as AAC of the picture's very length.

What is promised of loudness and peaks is measured on the encoded sound, as players decode it, and made again where encoding moved it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from animatic.media.loudness import CONTEXT, Loudness, Meter, frame_of, limited, ratio_of
from animatic.media.mix import Note, Scratch, mix_down, sample_at
from animatic.media.reel_source import Source
from animatic.media.sound_source import RATE, Sound
from animatic.media.timeline import Timeline

MAX_TRUE_PEAK = -1.0
"""dBTP: EBU R128 s2 and every platform's advice for lossy sound."""
_BIT_RATE = 192_000
_BLOCK = 10 * RATE
_HEADROOM = 0.3
"""Decibels below the highest peak allowed at which the limiter starts: what AAC adds to most sounds."""
_MAX_GAIN = 30.0
"""Decibels: what would have to be raised further is noise."""
_CLOSE_ENOUGH = 0.2
"""LU by which the reel's loudness may miss its target before it is encoded again."""
_MAX_TRIES = 4
_MIX_SHARE, _MEASURE_SHARE = 0.35, 0.15


@dataclass(slots=True)
class _Setting:
    """Gain in decibels, and the highest level in dBTP that the limiter lets through."""

    gain: float
    ceiling: float


def make_sound(timeline: Timeline, sources: Mapping[Path, Source], target: Path, note: Note, progress: Callable[[float], None]) -> Loudness:
    """Write the reel's sound to ``target`` (MP4, AAC) and return what was measured on it.

    Raises BadMediaError with the name of a sound that is none or does not decode.
    """
    length = sample_at(timeline.frames, timeline.rate)
    wanted = timeline.mix.loudness
    with tempfile.TemporaryFile(dir=target.parent) as file:
        scratch = Scratch(file, length)
        mix_down(timeline, sources, scratch, note, lambda done: progress(done * _MIX_SHARE))
        found = _measured(scratch)
        progress(_MIX_SHARE + _MEASURE_SHARE)
        setting = _setting_for(wanted, found, note)
        for tried in range(1, _MAX_TRIES + 1):
            begun = _MIX_SHARE + _MEASURE_SHARE
            _encode(scratch, setting, target, lambda done, begun=begun: progress(begun + done * (1 - begun)))  # type: ignore[misc]
            made = _measured_file(target, length)
            if tried == _MAX_TRIES or not _corrected(setting, made, wanted):
                break
    if wanted is not None and made.integrated is not None and abs(made.integrated - wanted) > 0.5:  # noqa: PLR2004 - half a LU is heard
        note(f"the reel is at {made.integrated:.1f} LUFS instead of {wanted:g}: more would need peaks above {MAX_TRUE_PEAK:g} dBTP")
    return made


def _setting_for(wanted: float | None, found: Loudness, note: Note) -> _Setting:
    if wanted is None:
        return _Setting(gain=0.0, ceiling=0.0)
    ceiling = MAX_TRUE_PEAK - _HEADROOM
    if found.integrated is None:
        note("the reel's sound is too short or too soft for a loudness to be measured: it is left as it is")
        return _Setting(gain=0.0, ceiling=ceiling)
    return _Setting(gain=min(_MAX_GAIN, wanted - found.integrated), ceiling=ceiling)


def _corrected(setting: _Setting, made: Loudness, wanted: float | None) -> bool:
    """Correct a setting by what it led to; False where that is good, or cannot be had."""
    if wanted is None or made.integrated is None:
        return False
    changed = False
    if made.true_peak is not None and made.true_peak > MAX_TRUE_PEAK:
        setting.ceiling -= made.true_peak - MAX_TRUE_PEAK + 0.1
        changed = True
    if abs(wanted - made.integrated) > _CLOSE_ENOUGH:
        raised = min(_MAX_GAIN, setting.gain + wanted - made.integrated)
        changed = changed or raised != setting.gain
        setting.gain = raised
    return changed


def _measured(scratch: Scratch) -> Loudness:
    meter = Meter()
    for begin in range(0, scratch.length, RATE):
        meter.feed(scratch.read(begin, min(RATE, scratch.length - begin)))
    return meter.result()


def _measured_file(path: Path, length: int) -> Loudness:
    """Measure what a player plays: the last frame of AAC is longer than the sound."""
    meter = Meter()
    with Sound(path) as sound:
        for begin in range(0, length, RATE):
            meter.feed(sound.read(min(RATE, length - begin)))
    return meter.result()


def _encode(scratch: Scratch, setting: _Setting, target: Path, progress: Callable[[float], None]) -> None:
    gain, ceiling = ratio_of(setting.gain), ratio_of(setting.ceiling)
    with av.open(str(target), "w", format="mp4", options={"fflags": "+bitexact"}) as output:
        stream = output.add_stream("aac", rate=RATE, layout="stereo")
        stream.bit_rate = _BIT_RATE
        for begin in range(0, scratch.length, _BLOCK):
            count = min(_BLOCK, scratch.length - begin)
            wide = np.multiply(scratch.read(begin - CONTEXT, count + 2 * CONTEXT), np.float32(gain))
            output.mux(stream.encode(frame_of(limited(wide, ceiling)[CONTEXT : CONTEXT + count], begin)))
            progress((begin + count) / scratch.length)
        output.mux(stream.encode(None))
