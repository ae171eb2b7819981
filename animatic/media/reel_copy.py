"""Joins clips without re-encoding: those that one decoder set-up can play, packet by packet, in milliseconds and without loss.

That holds for clips of one model with one setting: H.264 with the very same parameter sets, frames at exact steps, nothing to turn. For any
other clip `footage` returns None, and the reel is encoded anew. Sound and edit lists are left out; time stamps are written anew.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from animatic.media.container import opened_clip, time_base

_IDR = 5
"""The kind of H.264 unit that a decoder can start at without anything from before."""
_LENGTH_SIZE_AT = 4
"""Where an avcC record says how many bytes (less one) state the length of a unit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Setup:
    """What a player sets up once for a whole track; equal for clips that can follow each other in one."""

    parameter_sets: bytes
    colors: tuple[int, int, int, int]
    shape: Fraction | None
    """Width of a pixel by its height, None: square."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Footage:
    """The frames of a clip as they are to be copied: the place of each packet's frame in the clip, in decoding order."""

    setup: Setup
    places: tuple[int, ...]

    @property
    def delay(self) -> int:
        """Frames by which decoding must be ahead of showing."""
        return max(number - place for number, place in enumerate(self.places))


def footage(clip: Path, rate: Fraction) -> Footage | None:
    """Return the clip's footage if it can be copied into a reel of that rate, None if it has to be encoded anew.

    Raises BadClipError if it is no clip.
    """
    with opened_clip(clip) as source:
        stream = source.video
        first: VideoFrame | None = None
        packets: list[Packet[VideoStream]] = []
        for packet in source.container.demux(stream):
            if first is None:
                with contextlib.suppress(av.error.InvalidDataError):
                    first = next(iter(stream.decode(packet if packet.size else None)), None)
            if packet.size:
                packets.append(packet)
        setup = _setup(stream, first)
        places = _places(packets, time_base(stream) * rate)
        if setup is None or places is None or not _starts_afresh(packets[0], setup):
            return None
        return Footage(setup=setup, places=places)


def copy_clips(output: OutputContainer, clips: Sequence[Path], found: Sequence[Footage], rate: Fraction) -> None:
    """Copy the packets of all clips into one video track, one after the other."""
    delay = max(each.delay for each in found)
    track: VideoStream | None = None
    shown = 0
    for clip, each in zip(clips, found, strict=True):
        with opened_clip(clip) as source:
            if track is None:
                track = output.add_stream_from_template(source.video)
                track.time_base = 1 / rate
            packets = (packet for packet in source.container.demux(source.video) if packet.size)
            for number, (packet, place) in enumerate(zip(packets, each.places, strict=True)):
                packet.stream = track
                packet.time_base = 1 / rate
                # Decoding stamps only need to grow and to be no later than their frames: one a frame, ahead by the longest delay.
                packet.pts, packet.dts, packet.duration = shown + place, shown + number - delay, 1
                output.mux_one(packet)
            shown += len(each.places)


def _setup(stream: VideoStream, first: VideoFrame | None) -> Setup | None:
    context = stream.codec_context
    sets = bytes(context.extradata or b"")
    # A record that starts with 1 is an avcC; without one the parameter sets travel in the packets.
    if (
        first is None
        or first.rotation % 360
        or stream.codec.canonical_name != "h264"
        or sets[:1] != b"\x01"
        or context.pix_fmt != "yuv420p"
    ):
        return None
    return Setup(
        parameter_sets=sets,
        colors=(context.color_range, context.colorspace, context.color_primaries, context.color_trc),
        shape=stream.sample_aspect_ratio or None,
    )


def _places(packets: Sequence[Packet[VideoStream]], frames_per_tick: Fraction) -> tuple[int, ...] | None:
    """Return the place of every frame if each stands, to the clip's own precision, at its step, with none left out, hidden or held."""
    stamps = [packet.pts for packet in packets if packet.pts is not None]
    if not stamps or len(stamps) < len(packets) or frames_per_tick * 2 >= 1:
        return None
    start = min(stamps)
    places = tuple(round((stamp - start) * frames_per_tick) for stamp in stamps)
    exact = all(
        not packet.is_discard
        and abs(stamp - start - place / frames_per_tick) <= 1
        and abs((packet.duration or 1 / frames_per_tick) - 1 / frames_per_tick) <= 1
        for packet, stamp, place in zip(packets, stamps, places, strict=True)
    )
    return places if exact and sorted(places) == list(range(len(places))) else None


def _starts_afresh(packet: Packet[VideoStream], setup: Setup) -> bool:
    """Whether the first picture needs nothing from before it: a keyframe alone may be followed by frames that do."""
    data = bytes(packet)
    width = (setup.parameter_sets[_LENGTH_SIZE_AT] & 3) + 1
    position = 0
    while position + width < len(data):
        if data[position + width] & 31 == _IDR:
            return True
        position += width + int.from_bytes(data[position : position + width])
    return False
