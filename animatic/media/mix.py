"""Mixes what a reel lets be heard into one sound: clips in step with their pictures, voices at their times, a bed under both.

Everything is 48 kHz stereo in blocks of a second, read as it is needed and written to a scratch file, so that memory stays flat however
long the reel is. Places are whole samples, each derived from the frame it belongs to, so that nothing drifts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from animatic.media.loudness import decibels, ratio_of
from animatic.media.reel_source import Source
from animatic.media.sound_source import CHANNELS, RATE, Samples, Sound, length_of
from animatic.media.timeline import Bed, Timeline, entry_frames, spans_of

Note = Callable[[str], None]
Progress = Callable[[float], None]
Gains = npt.NDArray[np.float32]

_BLOCK = RATE
_SAMPLE_BYTES = 4 * CHANNELS
_MOMENT = RATE // 100
"""Samples whose loudness is looked at together, to tell whether anything is to be heard that a bed makes way for."""
_HEARD_DB = -45.0
"""Level (RMS, of full scale) above which somebody speaks, or a clip sounds; room tone lies below."""
_DUCKED_DB = -12.0
"""How much softer a bed is meanwhile."""
_AHEAD, _AFTER, _GLIDE = 25, 60, 30
"""Moments that a bed is soft before and after what is heard (pauses between words do not lift it), and that the change takes."""
_AUDIBLE_DB = -70.0
"""Peak below which a sound is silent for those who asked for it."""


class Scratch:
    """A sound on disk, of samples at known places; what was never written, or lies outside, is silence."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file = file
        self.length = length
        file.truncate(length * _SAMPLE_BYTES)

    def read(self, begin: int, count: int) -> Samples:
        """Return exactly ``count`` samples from ``begin`` on, which may lie before the first."""
        samples = np.zeros((count, CHANNELS), dtype=np.float32)
        inside = max(begin, 0)
        self._file.seek(inside * _SAMPLE_BYTES)
        data = self._file.read(max(0, min(begin + count, self.length) - inside) * _SAMPLE_BYTES)
        found = np.frombuffer(data, dtype=np.float32).reshape(-1, CHANNELS)
        samples[inside - begin : inside - begin + len(found)] = found
        return samples

    def write(self, begin: int, samples: Samples) -> None:
        """Write samples at their place."""
        self._file.seek(begin * _SAMPLE_BYTES)
        self._file.write(np.ascontiguousarray(samples, dtype=np.float32).tobytes())


@dataclass(frozen=True, kw_only=True, slots=True)
class _Strand:
    """A stretch of one sound on the reel, in samples; ``rises`` and ``falls``: how many of them it takes to come and to go."""

    path: Path
    begin: int
    end: int
    start: Fraction = Fraction(0)
    origin: Fraction | None = None
    gain: float = 1.0
    rises: int = 0
    falls: int = 0
    voice: bool = False

    def gains(self, begin: int, count: int) -> Gains | float:
        """Return the gain of every sample from one of the reel's on."""
        if begin >= self.begin + self.rises and begin + count <= self.end - self.falls:
            return self.gain
        places = np.arange(begin, begin + count)
        coming = (places - self.begin) / self.rises if self.rises else np.ones(count)
        going = (self.end - places) / self.falls if self.falls else np.ones(count)
        return (self.gain * np.clip(np.minimum(coming, going), 0.0, 1.0)).astype(np.float32)


def is_heard(timeline: Timeline, sources: Mapping[Path, Source]) -> bool:
    """Whether the reel has any sound: a bed, a voice, or a clip with sound that is kept."""
    clips = timeline.mix.clips and any(source.facts.has_audio for source in sources.values())
    return clips or timeline.mix.bed is not None or bool(timeline.mix.voices)


def mix_down(timeline: Timeline, sources: Mapping[Path, Source], scratch: Scratch, note: Note, progress: Progress) -> None:
    """Write the mix, as loud as it comes, into ``scratch``, whose length is the reel's.

    ``note`` is told what is cut off, ends early or is silent. BadMediaError with its name for a sound that does not decode.
    """
    strands = [*_clips(timeline, sources), *_voices(timeline, scratch.length, note)]
    bed = timeline.mix.bed
    share = 0.7 if bed else 1.0
    powers = _foreground(strands, scratch, note, lambda done: progress(done * share))
    if bed is not None:
        _lay_bed(bed, scratch, _duck(powers) if bed.duck else None, note, lambda done: progress(share + done * (1 - share)))


def sample_at(frame: int, rate: Fraction) -> int:
    """Return the sample at which a frame of the reel begins."""
    return round(frame * RATE / rate)


def _clips(timeline: Timeline, sources: Mapping[Path, Source]) -> list[_Strand]:
    """Return the clips' own sound, coming and going as their pictures do."""
    strands: list[_Strand] = []
    spans = spans_of(timeline.segments)
    for number, (segment, span) in enumerate(zip(timeline.segments, spans, strict=True)):
        source = sources[segment.source]
        if not timeline.mix.clips or segment.still or not source.facts.has_audio:
            continue
        following = timeline.segments[number + 1].enter if number + 1 < len(spans) else None
        way_in = entry_frames(segment.enter, first=not number)[1]
        way_out = entry_frames(following, first=False)[0] if following else 0
        begin, end = sample_at(span.start, timeline.rate), sample_at(span.end, timeline.rate)
        strands.append(
            _Strand(
                path=segment.source,
                begin=begin,
                end=end,
                start=segment.start,
                origin=source.begins,
                rises=sample_at(span.start + way_in, timeline.rate) - begin,
                falls=end - sample_at(span.end - way_out, timeline.rate),
            )
        )
    return strands


def _voices(timeline: Timeline, length: int, note: Note) -> list[_Strand]:
    strands: list[_Strand] = []
    for voice in timeline.mix.voices:
        begin = round(voice.at * RATE)
        if begin >= length:
            note(f"{voice.source.name} would begin at {float(voice.at):.2f} s, after the reel's end: it is not heard")
            continue
        strands.append(_Strand(path=voice.source, begin=max(0, begin), end=length, gain=ratio_of(voice.gain_db), voice=True))
    return strands


def _foreground(strands: Sequence[_Strand], scratch: Scratch, note: Note, progress: Progress) -> list[float]:
    """Write clips and voices, and return the power of every moment of them."""
    waiting = sorted(strands, key=lambda strand: strand.begin)
    playing: list[_Player] = []
    powers: list[float] = []
    for begin in range(0, scratch.length, _BLOCK):
        count = min(_BLOCK, scratch.length - begin)
        block = np.zeros((count, CHANNELS), dtype=np.float32)
        while waiting and waiting[0].begin < begin + count:
            playing.append(_Player(waiting.pop(0)))
        for player in playing:
            player.add_to(block, begin)
        for player in [player for player in playing if player.strand.end <= begin + count]:
            player.close(note)
            playing.remove(player)
        scratch.write(begin, block)
        squares = np.pad(np.square(block).mean(axis=1), (0, -count % _MOMENT))
        powers += squares.reshape(-1, _MOMENT).mean(axis=1).tolist()
        progress((begin + count) / scratch.length)
    return powers


class _Player:
    """A strand that is being read."""

    def __init__(self, strand: _Strand) -> None:
        self.strand = strand
        self._sound = Sound(strand.path, start=strand.start, origin=strand.origin).__enter__()
        self._peak = 0.0

    def add_to(self, block: Samples, begin: int) -> None:
        """Add what is heard of it during a block of the reel that begins there."""
        first, last = max(begin, self.strand.begin), min(begin + len(block), self.strand.end)
        if last <= first:
            return
        samples = self._sound.read(last - first)
        if len(samples):
            self._peak = max(self._peak, float(np.abs(samples).max()))
            gains = self.strand.gains(first, len(samples))
            block[first - begin : first - begin + len(samples)] += samples * (gains if isinstance(gains, float) else gains[:, None])

    def close(self, note: Note) -> None:
        """Close the file, and say of a voice what was not heard of it."""
        if self.strand.voice:
            if len(self._sound.read(_MOMENT)) == _MOMENT:
                note(f"{self.strand.path.name} goes on after the reel's end: it is cut off")
            elif decibels(self._peak) < _AUDIBLE_DB:
                note(f"{self.strand.path.name} is silent")
        self._sound.__exit__(None, None, None)


def _lay_bed(bed: Bed, scratch: Scratch, ducked: Gains | None, note: Note, progress: Progress) -> None:
    """Add the bed to what is there; ``ducked``: its gain at every moment."""
    seconds = length_of(bed.source)
    own, length = round(seconds * RATE), scratch.length
    if own > length + _MOMENT:
        note(f"{bed.source.name} is {float(seconds):.2f} s long and is cut off at the reel's end, {length / RATE:.2f} s")
    elif own < length - _MOMENT:
        note(f"{bed.source.name} is {float(seconds):.2f} s long and ends before the reel does, {length / RATE:.2f} s")
    end = min(own, length)
    strand = _Strand(
        path=bed.source,
        begin=0,
        end=end,
        gain=ratio_of(bed.gain_db),
        rises=min(end, round(bed.fade_in * RATE)),
        falls=min(end, round(bed.fade_out * RATE)),
    )
    peak = 0.0
    with Sound(bed.source) as sound:
        for begin in range(0, end, _BLOCK):
            samples = sound.read(min(_BLOCK, end - begin))
            gains = strand.gains(begin, len(samples)) * np.ones(len(samples), dtype=np.float32)
            if ducked is not None:
                at = (np.arange(begin, begin + len(samples)) - _MOMENT / 2) / _MOMENT
                gains *= np.interp(at, np.arange(len(ducked)), ducked).astype(np.float32)
            peak = max(peak, float(np.abs(samples).max(initial=0.0)))
            scratch.write(begin, scratch.read(begin, len(samples)) + samples * gains[:, None])
            progress((begin + len(samples)) / length)
    if decibels(peak) < _AUDIBLE_DB:
        note(f"{bed.source.name} is silent")


def _duck(powers: Sequence[float]) -> Gains:
    """Return the gain of a bed at every moment: lower around those at which something is heard, gliding there and back."""
    heard = np.asarray(powers) > ratio_of(_HEARD_DB) ** 2
    near = np.convolve(heard, np.ones(_AHEAD + _AFTER + 1))[_AHEAD : _AHEAD + len(heard)] > 0.5  # noqa: PLR2004 - one or more of them
    padded = np.pad(near.astype(float), _GLIDE // 2, mode="edge")
    share = np.convolve(padded, np.ones(_GLIDE + 1) / (_GLIDE + 1), mode="valid")
    return (10 ** (share * _DUCKED_DB / 20)).astype(np.float32)
