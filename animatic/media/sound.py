"""Measures sound: length, channels, rate, codec, loudness. Counted from what decodes, not from what the container claims.

Also draws sound, as a waveform for people. Loudness is that of EBU R 128, as broadcasters and platforms ask for it.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.filter import Graph
from PIL import Image

from animatic.errors import BadClipError
from animatic.files import writing_whole
from animatic.media.container import identify, missing_bytes, moving_picture, opened

SILENCE_LUFS = -70.0
"""The gate of EBU R 128: what is not louder counts as silence, and has no loudness."""
_INTEGRATED = "lavfi.r128.I"
"""Under which the filter tells the loudness from the beginning up to a frame."""
_GROUND, _INK, _AXIS = (28, 27, 24), (245, 197, 24), (92, 88, 78)
_WAVE_SIZE = (480, 160)


@dataclass(frozen=True, kw_only=True, slots=True)
class SoundFacts:
    """A sound as it is heard. ``duration`` in seconds, ``sample_rate`` in Hz, ``loudness`` in LUFS (integrated; None for silence)."""

    mime: str
    duration: float
    channels: int
    sample_rate: int
    codec: str
    loudness: float | None


@dataclass(slots=True)
class _Heard:
    """What decoding a sound found."""

    samples: int = 0
    channels: int = 0
    rate: int = 0
    loudness: float | None = None


def probe_sound(path: Path) -> SoundFacts:
    """Return the facts of a sound, after decoding all of it.

    Raises BadClipError if it is empty, no media, cut (it names bytes that are not there), without sound, or does not decode.
    """
    mime = identify(path)
    if mime.startswith("image/"):
        raise BadClipError(f"{path.name} is {mime}, not sound", code="not_sound")
    if missing := missing_bytes(path, mime):
        hint = "its download or copy was cut short; fetch or copy it again"
        raise BadClipError(f"{path.name} is cut: at least {missing} bytes are missing at its end", hint=hint, code="cut")
    with _opened_sound(path, mime) as (container, stream):
        heard = _heard(container, stream)
        if not heard.samples:
            raise BadClipError(f"{path.name} holds no sound", code="no_sound")
        return SoundFacts(
            mime=mime if moving_picture(container) is not None else sound_mime(mime),
            duration=round(heard.samples / heard.rate, 3),
            channels=heard.channels,
            sample_rate=heard.rate,
            codec=stream.codec.canonical_name,
            loudness=heard.loudness,
        )


def sound_mime(mime: str) -> str:
    """Return the MIME type of a file of that container which holds sound alone."""
    return "audio/mp4" if mime in {"video/mp4", "video/quicktime"} else mime.replace("video/", "audio/")


def waveform(path: Path, target: Path, size: tuple[int, int] = _WAVE_SIZE) -> None:
    """Write a JPEG of a sound: how far it swings, from its beginning at the left to its end. Raises BadClipError if it does not decode."""
    width, height = size
    with _opened_sound(path, identify(path)) as (container, stream):
        blocks = [_mono(frame) for frame in _decoded(container, stream)]
    levels = _peaks(np.concatenate(blocks) if blocks else np.zeros(1, np.float32), width)
    rows = np.abs(np.arange(height) - (height - 1) / 2)[:, None]
    picture = np.full((height, width, 3), _GROUND, np.uint8)
    picture[height // 2] = _AXIS
    picture[rows <= np.maximum(levels * (height / 2 - 6), 0.0)[None, :]] = _INK
    with writing_whole(target) as part:
        Image.fromarray(picture).save(part, format="JPEG", quality=82, optimize=True)


@contextlib.contextmanager
def _opened_sound(path: Path, mime: str) -> Iterator[tuple[InputContainer, AudioStream]]:
    with opened(path, mime) as container:
        stream = next(iter(container.streams.audio), None)
        if stream is None:
            raise BadClipError(f"{path.name} holds no sound", code="no_sound")
        yield container, stream


def _decoded(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    """Yield what decodes; damaged packets are left out, as players do."""
    for packet in container.demux(stream):
        with contextlib.suppress(av.error.InvalidDataError):
            yield from stream.decode(packet if packet.size else None)


def _heard(container: InputContainer, stream: AudioStream) -> _Heard:
    heard = _Heard()
    graph: Graph | None = None
    for frame in _decoded(container, stream):
        if graph is None:
            heard.rate, heard.channels = frame.sample_rate, frame.layout.nb_channels
            graph = _meter(frame)
        heard.samples += frame.samples
        frame.pts = None
        graph.push(frame)
        _read(graph, heard)
    if graph is not None:
        graph.push(None)
        _read(graph, heard)
    return heard


def _meter(frame: AudioFrame) -> Graph:
    """Return a filter that measures sound of the form that the frame has."""
    graph = Graph()
    source = graph.add_abuffer(sample_rate=frame.sample_rate, format=frame.format.name, layout=frame.layout.name, time_base=frame.time_base)
    meter = graph.add("ebur128", "metadata=1:framelog=quiet")
    sink = graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    return graph


def _read(graph: Graph, heard: _Heard) -> None:
    """Take out what the filter has ready; its last word is about the whole."""
    with contextlib.suppress(av.error.BlockingIOError, av.error.EOFError):
        while True:
            said = graph.pull().metadata.get(_INTEGRATED)
            if said is not None:
                value = float(said)
                heard.loudness = round(value, 1) if math.isfinite(value) and value > SILENCE_LUFS else None


def _mono(frame: AudioFrame) -> npt.NDArray[np.float32]:
    """Return the samples of a frame, from -1 to 1, all channels as one."""
    samples = frame.to_ndarray()
    loose = samples.astype(np.float32)
    if samples.dtype.kind != "f":
        loose = loose / 2 ** (8 * samples.dtype.itemsize - 1) - (1.0 if samples.dtype.kind == "u" else 0.0)
    if not frame.format.is_planar:
        return np.asarray(loose.reshape(-1, frame.layout.nb_channels).mean(axis=1), dtype=np.float32)
    return np.asarray(loose.mean(axis=0), dtype=np.float32)


def _peaks(samples: npt.NDArray[np.float32], columns: int) -> npt.NDArray[np.float32]:
    """Return how far the sound swings in each column, its loudest place at 1."""
    edges = np.linspace(0, len(samples), columns + 1).astype(int)
    found = np.array([np.abs(samples[start : max(end, start + 1)]).max(initial=0.0) for start, end in pairwise(edges)])
    loudest = found.max(initial=0.0)
    return np.asarray(found / loudest if loudest > 0 else found, dtype=np.float32)
