"""What travels beside the picture in a reel's file: the sound, which is encoded already, and the words as a text track.

Packets are written as the picture goes on, so that a player finds sound and words near their frames, and nothing piles up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream

from animatic.media.container import identify, opened
from animatic.media.timeline import Caption

_MILLISECONDS = 1000
_MAX_TEXT_BYTES = 0xFFFF
_STYLE = (
    b"[Script Info]\nScriptType: v4.00+\nPlayResX: 384\nPlayResY: 288\n\n[V4+ Styles]\n"
    b"Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, "
    b"ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding\n"
    b"Style: Default,Sans,18,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1\n\n[Events]\n"
    b"Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
)
"""What the text track's description is made from: white letters, low in the middle."""


class BesidePicture:
    """The tracks beside the picture. Used as a context; `add_to` comes after the picture's own track and before the first packet."""

    def __init__(self, sound: Path | None, captions: Sequence[Caption]) -> None:
        self._sound = sound
        self._captions = captions
        self._open = ExitStack()
        self._coming: list[tuple[Iterator[Packet[Any]], Packet[Any]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open.close()

    def add_to(self, output: OutputContainer) -> None:
        """Add the tracks to a file."""
        self._output = output
        if self._sound is not None:
            container = self._open.enter_context(opened(self._sound, identify(self._sound)))
            source = container.streams.audio[0]
            track = output.add_stream_from_template(source)
            self._begin(_of(track, (packet for packet in container.demux(source) if packet.size)))
        if self._captions:
            self._begin(_text_packets(output, self._captions))

    def write_until(self, seconds: Fraction | None) -> None:
        """Write all that begins before that moment of the reel; None: all that is left."""
        coming, self._coming = self._coming, []
        for packets, packet in coming:
            ahead: Packet[Any] | None = packet
            while ahead is not None and (seconds is None or _time(ahead) < seconds):
                self._output.mux_one(ahead)
                ahead = next(packets, None)
            if ahead is not None:
                self._coming.append((packets, ahead))

    def _begin(self, packets: Iterator[Packet[Any]]) -> None:
        if (first := next(packets, None)) is not None:
            self._coming.append((packets, first))


def _of(track: AudioStream, packets: Iterator[Packet[AudioStream]]) -> Iterator[Packet[Any]]:
    for packet in packets:
        packet.stream = track
        yield packet


def _text_packets(output: OutputContainer, captions: Sequence[Caption]) -> Iterator[Packet[Any]]:
    """Add a text track and return its packets. Players show one text at a time: one that another interrupts ends there."""
    track = output.add_stream("mov_text")
    track.time_base = track.codec_context.time_base = Fraction(1, _MILLISECONDS)
    track.codec_context.subtitle_header = _STYLE
    track.codec_context.open()
    cues = [cue for cue in sorted(captions, key=lambda cue: cue.start) if cue.end > cue.start and cue.text.strip()]
    ends = [min(cue.end, following.start) for cue, following in pairwise(cues)] + [cue.end for cue in cues[-1:]]
    return _stamped(track, [(cue, end) for cue, end in zip(cues, ends, strict=True) if end > cue.start])


def _stamped(track: Stream, cues: Sequence[tuple[Caption, Fraction]]) -> Iterator[Packet[Any]]:
    for cue, end in cues:
        text = cue.text.strip().encode()[:_MAX_TEXT_BYTES].decode(errors="ignore").encode()
        packet: Packet[Any] = Packet(len(text).to_bytes(2) + text)
        begin = round(cue.start * _MILLISECONDS)
        packet.stream, packet.time_base = track, Fraction(1, _MILLISECONDS)
        packet.pts = packet.dts = begin
        packet.duration = max(1, round(end * _MILLISECONDS) - begin)
        yield packet


def _time(packet: Packet[Any]) -> Fraction:
    return (packet.dts or 0) * packet.time_base
