"""Looks at what a reel is made of before anything is made: which sources are sound, where their pictures begin, what can be copied."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.video.frame import VideoFrame

from animatic.errors import BadClipError
from animatic.media.container import opened_clip, time_base
from animatic.media.facts import Facts, probe
from animatic.media.reel_copy import Footage, Stamp, footage_of, stamp_of
from animatic.media.timeline import Segment


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A clip or still of a reel. ``begins``: the clip's own time stamp of its first frame, in seconds, to which its sound is in step."""

    path: Path
    facts: Facts
    begins: Fraction = Fraction(0)
    comment: str = ""
    """What the file says of itself; a simulated clip says so."""
    footage: Footage | None = None
    """How its packets can be copied into a reel; None: it has to be encoded anew."""


def inspected(segment: Segment, rate: Fraction) -> Source:
    """Return what a segment's source is. Raises BadClipError if it is cut, empty, does not decode, or is a still where a clip is due."""
    facts = probe(segment.source)
    if segment.still:
        if facts.duration is not None:
            raise BadClipError(f"{segment.source.name} is {facts.mime}, not a still", code="not_a_still")
        return Source(path=segment.source, facts=facts)
    if facts.duration is None:
        raise BadClipError(f"{segment.source.name} is {facts.mime}, not a clip", code="not_a_clip")
    with opened_clip(segment.source) as clip:
        stream = clip.video
        first: VideoFrame | None = None
        stamps: list[Stamp] = []
        for packet in clip.container.demux(stream):
            if first is None:
                with contextlib.suppress(av.error.InvalidDataError):
                    first = next(iter(stream.decode(packet if packet.size else None)), None)
            if packet.size:
                stamps.append(stamp_of(packet))
        shown = [stamp.pts for stamp in stamps if stamp.pts is not None and not stamp.hidden]
        return Source(
            path=segment.source,
            facts=facts,
            begins=min(shown) * time_base(stream),
            comment=clip.container.metadata.get("comment", ""),
            footage=footage_of(stream, first, stamps, rate),
        )
