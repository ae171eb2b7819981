"""Joins clips without re-encoding: those that one decoder set-up can play, packet by packet, in milliseconds and without loss.

That holds for clips of one model with one setting: H.264 with the very same parameter sets, frames at exact steps, nothing to turn. A clip
may be trimmed where it can be entered afresh and left without anything that is shown later. Any other reel is encoded anew. Edit lists are
left out; time stamps are written anew.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from animatic.media.container import opened_clip, time_base
from animatic.media.timeline import Segment

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
    """The frames of a clip as they are to be copied: the place of each packet's frame in the clip, in decoding order.

    ``fresh``: the packets, by number, that need nothing from before them.
    """

    setup: Setup
    places: tuple[int, ...]
    fresh: frozenset[int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """Packets of a clip that can be copied: ``count`` from number ``begin`` on; ``place``: of the first frame that they show."""

    clip: Path
    footage: Footage
    begin: int
    count: int
    place: int

    @property
    def delay(self) -> int:
        """Frames by which decoding must be ahead of showing."""
        return max(number - place for number, place in enumerate(self.shown))

    @property
    def shown(self) -> tuple[int, ...]:
        """The place of each packet's frame within the stretch, in decoding order."""
        return tuple(place - self.place for place in self.footage.places[self.begin : self.begin + self.count])


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a packet says of its frame, in units of the stream's time base. ``afresh``: it needs nothing from before it."""

    pts: int | None
    duration: int | None
    hidden: bool
    afresh: bool


def stamp_of(packet: Packet[VideoStream]) -> Stamp:
    """Return a packet's stamp: all that has to be kept of it."""
    return Stamp(packet.pts, packet.duration, packet.is_discard, packet.is_keyframe and _starts_afresh(packet))


def footage_of(stream: VideoStream, first: VideoFrame | None, stamps: Sequence[Stamp], rate: Fraction) -> Footage | None:
    """Return a clip's footage if it can be copied into a reel of that rate, None if not. ``first``: its first frame, decoded."""
    setup = _setup(stream, first)
    places = _places(stamps, time_base(stream) * rate)
    if setup is None or places is None or not stamps[0].afresh:
        return None
    return Footage(setup=setup, places=places, fresh=frozenset(number for number, stamp in enumerate(stamps) if stamp.afresh))


def stretch_of(segment: Segment, footage: Footage, rate: Fraction) -> Stretch | None:
    """Return the packets that show exactly a segment's frames; None unless there are such."""
    place = math.floor(segment.start * rate + Fraction(1, 2))
    wanted = range(place, place + segment.frames)
    begin = next((number for number in footage.fresh if footage.places[number] == place), None)
    if begin is None or sorted(footage.places[begin : begin + segment.frames]) != list(wanted):
        return None
    return Stretch(clip=segment.source, footage=footage, begin=begin, count=segment.frames, place=place)


def copied_packets(track: VideoStream, stretches: Sequence[Stretch], rate: Fraction) -> Iterator[Packet[VideoStream]]:
    """Yield the packets of all stretches, stamped for one track in which one follows the other."""
    delay = max(each.delay for each in stretches)
    shown = 0
    for each in stretches:
        with opened_clip(each.clip) as source:
            packets = (packet for packet in source.container.demux(source.video) if packet.size)
            for number, (packet, place) in enumerate(zip(islice(packets, each.begin, each.begin + each.count), each.shown, strict=True)):
                packet.stream = track
                packet.time_base = 1 / rate
                # Decoding stamps only need to grow and to be no later than their frames: one a frame, ahead by the longest delay.
                packet.pts, packet.dts, packet.duration = shown + place, shown + number - delay, 1
                yield packet
        shown += each.count


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


def _places(stamps: Sequence[Stamp], frames_per_tick: Fraction) -> tuple[int, ...] | None:
    """Return the place of every frame if each stands, to the clip's own precision, at its step, with none left out, hidden or held."""
    times = [stamp.pts for stamp in stamps if stamp.pts is not None]
    if not times or len(times) < len(stamps) or frames_per_tick * 2 >= 1:
        return None
    start = min(times)
    places = tuple(round((time - start) * frames_per_tick) for time in times)
    exact = all(
        not stamp.hidden
        and abs(time - start - place / frames_per_tick) <= 1
        and abs((stamp.duration or 1 / frames_per_tick) - 1 / frames_per_tick) <= 1
        for stamp, time, place in zip(stamps, times, places, strict=True)
    )
    return places if exact and sorted(places) == list(range(len(places))) else None


def _starts_afresh(packet: Packet[VideoStream]) -> bool:
    """Whether a picture needs nothing from before it: a keyframe alone may be followed by frames that do."""
    sets = bytes(packet.stream.codec_context.extradata or b"")
    if packet.stream.codec.canonical_name != "h264" or sets[:1] != b"\x01":
        return False
    data = bytes(packet)
    width = (sets[_LENGTH_SIZE_AT] & 3) + 1
    position = 0
    while position + width < len(data):
        if data[position + width] & 31 == _IDR:
            return True
        position += width + int.from_bytes(data[position : position + width])
    return False
