"""Reads the sound of a file, from any moment on, as 48 kHz stereo whose place in time is exact to the sample.

Time stamps decide where a sound is, sample counts only between them: encoders' priming and edit lists are taken off by the demuxer and the
decoder, gaps are filled with silence, and rounded stamps (Matroska's milliseconds) do not add up.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer

from animatic.errors import BadClipError, BadMediaError
from animatic.media.container import identify, opened

Samples = npt.NDArray[np.float32]
"""One row per sample: left and right, 1.0 is full scale."""
RATE = 48_000
CHANNELS = 2

_TOLERANCE = Fraction(1, 100)
"""Seconds by which stamps and counted samples may differ before the stamps win: less than half a frame, more than rounding."""
_WORTH_SEEKING, _PREROLL = 10, 1
"""Seconds before a start that are decoded rather than skipped; how much before it decoding begins then, so that decoders settle."""


class Sound:
    """The first sound of a file, from ``start`` on, in seconds after ``origin``.

    ``origin``: a time stamp of the file, in seconds, such as that of a clip's first frame; None: where the sound itself begins. To be used
    as a context, at whose end the file is closed. BadMediaError, with the file's name, where there is no sound or it does not decode.
    """

    def __init__(self, path: Path, *, start: Fraction = Fraction(0), origin: Fraction | None = None) -> None:
        self._path = path
        self._start = start
        self._origin = origin
        self._open = contextlib.ExitStack()
        self._pieces: Iterator[Samples] | None = None
        self._rest = np.empty((0, CHANNELS), dtype=np.float32)

    def __enter__(self) -> Self:
        with _naming(self._path):
            container = self._open.enter_context(opened(self._path, identify(self._path)))
            if not container.streams.audio:
                raise BadMediaError(f"{self._path.name} holds no sound", hint="use a file with sound")
            self._pieces = self._placed(container, container.streams.audio[0])
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open.close()

    def read(self, count: int) -> Samples:
        """Return the next ``count`` samples; fewer, or none, where the sound ends."""
        assert self._pieces is not None, "a sound is read within its context"
        found, missing = [self._rest[:count]], count - len(self._rest)
        self._rest = self._rest[count:]
        with _naming(self._path):
            while missing > 0 and (piece := next(self._pieces, None)) is not None:
                found.append(piece[:missing])
                self._rest = piece[missing:]
                missing -= len(piece)
        return np.concatenate(found)

    def _placed(self, container: InputContainer, stream: AudioStream) -> Iterator[Samples]:
        """Yield the sound from the start on: each unbroken run of frames at the place that its first stamp gives it."""
        if self._start > _WORTH_SEEKING:
            at = (self._origin or 0) + self._start - _PREROLL
            container.seek(int(at / (stream.time_base or Fraction(1, RATE))), stream=stream)
        position = 0  # of the next sample to be yielded, from the start on
        for place, pieces in self._runs(_decoded(container, stream)):
            if place > position:
                yield from _silence(place - position)
                position = place
            skipped = position - place
            for piece in pieces:
                yield piece[skipped:]
                position += len(piece[skipped:])
                skipped = max(0, skipped - len(piece))

    def _runs(self, frames: Iterator[AudioFrame]) -> Iterator[tuple[int, Iterator[Samples]]]:
        """Yield runs of frames that follow each other without a gap: the place of the first sample, and the resampled sound."""
        ahead = next(frames, None)
        while ahead is not None:
            first = ahead
            begin = _time(first)
            if self._origin is None:
                self._origin = begin if begin is not None else Fraction(0)
            rest: list[AudioFrame] = []
            place = round(((begin if begin is not None else self._origin) - self._origin - self._start) * RATE)
            yield place, _resampled(_unbroken(first, begin, frames, rest))
            ahead = rest[0] if rest else None


def levels_in(container: InputContainer) -> Iterator[tuple[float, float, Samples]]:
    """Yield a file's first sound as it is, frame by frame: second, length in seconds, and absolute levels, one row per channel."""
    done = 0
    for frame in _decoded(container, container.streams.audio[0]):
        samples = frame.to_ndarray()
        whole = {"u": 128, "i": 2.0 ** (8 * samples.itemsize - 1), "f": 1}[samples.dtype.kind]
        middle = 128 if samples.dtype.kind == "u" else 0
        levels = np.abs((samples.astype(np.float64) - middle) / whole).astype(np.float32)
        rows = levels if frame.format.is_planar else levels.reshape(-1, frame.layout.nb_channels).T
        yield done / frame.sample_rate, frame.samples / frame.sample_rate, rows
        done += frame.samples


def length_of(path: Path) -> Fraction:
    """Return how long a file's sound lasts, in seconds. Raises BadMediaError where it has none."""
    samples = 0
    with Sound(path) as sound:
        while len(block := sound.read(RATE)):
            samples += len(block)
    return Fraction(samples, RATE)


def _unbroken(first: AudioFrame, begin: Fraction | None, frames: Iterator[AudioFrame], rest: list[AudioFrame]) -> Iterator[AudioFrame]:
    """Yield frames as long as each begins where the one before ended and is of its kind; leave the first other one in ``rest``."""
    counted = Fraction(0)
    frame: AudioFrame | None = first
    kind = _kind(first)
    while frame is not None:
        time = _time(frame)
        apart = time is not None and begin is not None and abs(time - begin - counted) > _TOLERANCE
        if apart or _kind(frame) != kind:
            rest.append(frame)
            return
        counted += Fraction(frame.samples, frame.sample_rate)
        yield frame
        frame = next(frames, None)


def _resampled(frames: Iterator[AudioFrame]) -> Iterator[Samples]:
    resampler = AudioResampler(format="flt", layout="stereo", rate=RATE)
    for frame in frames:
        frame.pts = None
        for made in resampler.resample(frame):
            yield _samples(made)
    for made in resampler.resample(None):
        yield _samples(made)


def _samples(frame: AudioFrame) -> Samples:
    return np.asarray(frame.to_ndarray(), dtype=np.float32).reshape(-1, CHANNELS)


def _decoded(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    """Yield every frame that decodes; damaged ones are left out, and their time is silent."""
    for packet in container.demux(stream):
        with contextlib.suppress(av.error.InvalidDataError):
            yield from stream.decode(packet if packet.size else None)


def _time(frame: AudioFrame) -> Fraction | None:
    return None if frame.pts is None or frame.time_base is None else frame.pts * frame.time_base


def _kind(frame: AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _silence(count: int) -> Iterator[Samples]:
    """Yield that many silent samples, a second at a time."""
    for done in range(0, count, RATE):
        yield np.zeros((min(RATE, count - done), CHANNELS), dtype=np.float32)


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Turn what is wrong with the file into BadMediaError."""
    try:
        yield
    except BadClipError as error:
        raise BadMediaError(error.message, hint=error.hint, code="bad_media") from error
    except av.FFmpegError as error:
        hint = "the file is damaged; export it again"
        raise BadMediaError(f"the sound of {path.name} does not decode: {error.strerror}", hint=hint) from error
