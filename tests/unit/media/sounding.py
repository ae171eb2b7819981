"""Clips and sounds whose sound says where it is: clicks with a flash of the picture in the same frame, tones of a known level."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

Samples = npt.NDArray[np.float32]


def tone(seconds: float, *, level: float = 0.2, frequency: float = 440.0, rate: int = 48_000) -> Samples:
    """Return a tone, one row per channel."""
    wave = level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)
    return np.stack([wave, wave]).astype(np.float32)


def clicks(seconds: float, at: Sequence[float], *, rate: int = 48_000) -> Samples:
    """Return silence with bursts of 4 ms that begin at those seconds."""
    sound = np.zeros((2, round(seconds * rate)), dtype=np.float32)
    burst = 0.7 * np.sin(2 * np.pi * 3000 * np.arange(round(0.004 * rate)) / rate).astype(np.float32)
    for moment in at:
        begin = round(moment * rate)
        part = sound[:, begin : begin + len(burst)]
        part += burst[: part.shape[1]]
    return sound


def write_sound(path: Path, sound: Samples, *, rate: int = 48_000, codec: str = "pcm_s16le") -> Path:
    """Write sound alone; the container follows the suffix."""
    with av.open(str(path), "w") as output:
        _add_sound(output, sound, rate=rate, codec=codec)
    return path


def write_clip(
    path: Path,
    *,
    frames: int,
    fps: int | Fraction = 24,
    size: tuple[int, int] = (64, 48),
    flashes: Sequence[int] = (),
    sound: Samples | None = None,
    rate: int = 48_000,
    codec: str = "aac",
    layout: str = "stereo",
) -> Path:
    """Write a clip, dark but for the frames that flash, with that sound."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libvpx-vp9" if path.suffix == ".webm" else "libx264", rate=fps)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.time_base = stream.codec_context.time_base = 1 / Fraction(fps)
        packets = []
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), 230 if index in flashes else 40, dtype=np.uint8))
            frame.pts, frame.time_base = index, 1 / Fraction(fps)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        if sound is None:
            output.mux(packets)
        else:
            _add_sound(output, sound, rate=rate, codec=codec, layout=layout, before=packets)
    return path


def heard(path: Path) -> Samples:
    """Return the sound of a file at its own times, one row per channel, from its time 0 on."""
    pieces: list[Samples] = []
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            assert frame.sample_rate == 48_000
            if not pieces and frame.pts and frame.time_base:
                pieces.append(np.zeros((2, round(frame.pts * frame.time_base * 48_000)), dtype=np.float32))
            pieces.append(np.asarray(frame.to_ndarray(), dtype=np.float32))
    return np.concatenate(pieces, axis=1)


def level_of(sound: Samples, begin: float, end: float) -> float:
    """Return the level of a stretch, in seconds, in decibels of full scale (RMS)."""
    part = sound[:, round(begin * 48_000) : round(end * 48_000)]
    return float(10 * np.log10(np.square(part, dtype=np.float64).mean() + 1e-12))


def clicks_in(sound: Samples) -> list[float]:
    """Return the seconds at which bursts of `clicks` begin, found by correlating the sound with one of them."""
    burst = clicks(0.004, [0.0])[0]
    mono = sound.mean(axis=0)
    loud = np.flatnonzero(np.abs(mono) > np.abs(mono).max() / 4)
    starts = loud[np.concatenate([[True], np.diff(loud) > 4_800])]
    found: list[float] = []
    for start in starts.tolist():
        near = mono[max(0, start - 480) : start + 960]
        found.append((max(0, start - 480) + int(np.abs(np.correlate(near, burst, mode="valid")).argmax())) / 48_000)
    return found


def flashes_in(path: Path) -> list[int]:
    """Return the numbers of the bright frames."""
    with av.open(str(path)) as container:
        grays = [float(frame.to_ndarray(format="gray").mean()) for frame in container.decode(video=0)]
    return [number for number, gray in enumerate(grays) if gray > 130]


def _add_sound(
    output: av.container.OutputContainer,
    sound: Samples,
    *,
    rate: int,
    codec: str,
    layout: str = "stereo",
    before: Sequence[av.Packet[VideoStream]] = (),
) -> None:
    track = output.add_stream(codec, rate=rate, layout=layout)
    assert isinstance(track, AudioStream)
    output.mux(before)
    rows = sound if layout == "stereo" else sound[:1]
    for begin in range(0, rows.shape[1], rate):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(rows[:, begin : begin + rate]), format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, begin, Fraction(1, rate)
        output.mux(track.encode(frame))
    output.mux(track.encode(None))
