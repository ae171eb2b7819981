"""Measures loudness and true peak by EBU R128 (ITU-R BS.1770), and keeps peaks below a ceiling.

Measured by FFmpeg's own ebur128. The limiter looks ahead: its gain falls before a peak and rises after it, so that nothing is cut off.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.filter import Graph

from animatic.media.sound_source import CHANNELS, RATE, Samples

Levels = npt.NDArray[np.float32]

_STEP = RATE // 10
"""Samples after which the meter speaks."""
_SILENT = -70.0
"""LUFS from which on R128 counts a block; what is reported as that, or less, holds no sound that counts."""
_ATTACK = RATE // 50
"""Samples over which the limiter's gain falls before a peak, and rises after it."""
_OVERSAMPLED, _TAPS = 4, 12
"""True peaks lie between samples: as many points for each, found with that many neighbours on either side."""
CONTEXT = 2 * _ATTACK + _TAPS
"""Samples on either side of a stretch that the limiter has to see."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Loudness:
    """``integrated`` in LUFS, None where there is nothing to measure; ``true_peak`` in dBTP, None for digital silence."""

    integrated: float | None
    true_peak: float | None


class Meter:
    """Measures a sound that comes in pieces of 48 kHz stereo."""

    def __init__(self) -> None:
        self._graph = Graph()
        source = self._graph.add_abuffer(sample_rate=RATE, format="flt", layout="stereo", time_base=Fraction(1, RATE))
        self._graph.link_nodes(source, self._graph.add("ebur128", "metadata=1:peak=true"), self._graph.add("abuffersink")).configure()
        self._fed = 0
        self._last: dict[str, str] = {}

    def feed(self, samples: Samples) -> None:
        """Take the next piece."""
        if not len(samples):
            return
        self._graph.push(frame_of(samples, self._fed))
        self._fed += len(samples)
        while (said := self._pulled()) is not None:
            self._last = said

    def result(self) -> Loudness:
        """Return what was measured, at the end of the sound. Nothing is fed after it."""
        self.feed(np.zeros((-self._fed % _STEP, CHANNELS), dtype=np.float32))
        integrated = float(self._last.get("lavfi.r128.I", "-inf"))
        peak = float(self._last.get("lavfi.r128.true_peak", "0"))
        return Loudness(
            integrated=integrated if integrated > _SILENT else None,
            true_peak=round(decibels(peak), 2) if peak > 0 else None,
        )

    def _pulled(self) -> dict[str, str] | None:
        try:
            return self._graph.pull().metadata
        except (BlockingIOError, av.error.EOFError):
            return None


def frame_of(samples: Samples, position: int) -> AudioFrame:
    """Return samples as a frame that stands at that sample of a sound."""
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples).reshape(1, -1), format="flt", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = RATE, position, Fraction(1, RATE)
    return frame


def decibels(ratio: float) -> float:
    """Return a ratio of amplitudes in decibels; minus infinity for 0."""
    return 20 * math.log10(ratio) if ratio > 0 else -math.inf


def ratio_of(level: float) -> float:
    """Return decibels as a ratio of amplitudes."""
    return float(10 ** (level / 20))


def limited(samples: Samples, ceiling: float) -> Samples:
    """Return the samples with no true peak above the ceiling (a ratio of full scale). The first and last `CONTEXT` are not to be used.

    What lies `CONTEXT` inside depends on its neighbours alone, so that a sound may be limited in stretches.
    """
    peaks = _true_peaks(samples)
    if peaks.max(initial=0.0) <= ceiling:
        return samples
    wanted = np.minimum(1.0, ceiling / np.maximum(peaks, 1e-9)).astype(np.float32)
    # The least gain within reach, then its mean over the same reach: never more than wanted at a peak, and without corners.
    lowest = _lowest_around(wanted, _ATTACK)
    gain = _mean_around(_mean_around(lowest, _ATTACK // 2), _ATTACK // 2)
    made: Samples = np.multiply(samples, gain[:, None], dtype=np.float32)
    return made


def _mean_around(levels: Levels, reach: int) -> Levels:
    """Return the mean level within ``reach`` samples on either side."""
    sums = np.cumsum(np.pad(levels, (reach + 1, reach), mode="edge"), dtype=np.float64)
    return ((sums[2 * reach + 1 :] - sums[: -2 * reach - 1]) / (2 * reach + 1)).astype(np.float32)


def _true_peaks(samples: Samples) -> Levels:
    """Return the highest level at and around every sample, of both channels."""
    peaks: Levels = np.maximum(np.abs(samples[:, 0]), np.abs(samples[:, 1]))
    for kernel in _kernels():
        for channel in range(CHANNELS):
            between = np.abs(np.convolve(samples[:, channel], kernel, mode="same"))
            np.maximum(peaks, between, out=peaks)
            np.maximum(peaks[1:], between[:-1], out=peaks[1:])
    return peaks


def _kernels() -> Iterator[Levels]:
    """Yield the filters that find the points between two samples: windowed sinc."""
    places = np.arange(-_TAPS, _TAPS + 1)
    for step in range(1, _OVERSAMPLED):
        at = places - step / _OVERSAMPLED
        window = np.cos(np.pi * at / (2 * (_TAPS + 1))) ** 2
        yield (np.sinc(at) * window).astype(np.float32)


def _lowest_around(levels: Levels, reach: int) -> Levels:
    """Return the least level within ``reach`` samples on either side, by windows that double."""
    width = 2 * reach + 1
    padded = np.pad(levels, reach, mode="edge")
    lowest, covered = padded, 1
    while covered * 2 <= width:
        lowest, covered = np.minimum(lowest[:-covered], lowest[covered:]), covered * 2
    more = width - covered
    return np.minimum(lowest[: len(levels)], lowest[more : more + len(levels)])
