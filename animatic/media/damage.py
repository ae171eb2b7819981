"""Finds the frames of a clip that do not decode: what players leave out or smear, and nobody would pay for knowingly."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.video.frame import VideoFrame

from animatic.media.container import OpenClip, opened_clip, time_base


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """A stretch of a clip without frames that decode. Seconds, from the clip's first frame on."""

    at: float
    seconds: float


class Decoding:
    """Decodes a clip, and knows afterwards which of its frames did not: for whoever looks at the frames as well, so that once is enough."""

    def __init__(self) -> None:
        self._due: set[int] = set()
        self._seen: set[int] = set()
        self._longest = 0
        self._unit = Fraction(1)

    def frames(self, clip: OpenClip) -> Iterator[VideoFrame]:
        """Yield every frame that decodes."""
        self._unit = time_base(clip.video)
        for packet in clip.container.demux(clip.video):
            if packet.size and packet.pts is not None and not packet.is_discard:
                self._due.add(packet.pts)
                self._longest = max(self._longest, packet.duration or 0)
            with contextlib.suppress(av.error.InvalidDataError):
                for frame in clip.video.decode(packet if packet.size else None):
                    if frame.pts is not None:
                        self._seen.add(frame.pts)
                    yield frame

    def gaps(self) -> tuple[Gap, ...]:
        """Return the stretches whose frames did not decode, in order; empty for a whole clip, and for one that nobody decoded."""
        order = sorted(self._due)
        found: list[Gap] = []
        missing: list[int] = []
        for pts, following in zip(order, [*order[1:], None], strict=False):
            if pts not in self._seen:
                missing.append(pts)
            if missing and (following is None or following in self._seen):
                end = missing[-1] + self._longest if following is None else following
                found.append(Gap(at=self._seconds(missing[0] - order[0]), seconds=self._seconds(end - missing[0])))
                missing = []
        return tuple(found)

    def _seconds(self, units: int) -> float:
        return round(float(units * self._unit), 3)


def gaps(path: Path) -> tuple[Gap, ...]:
    """Return the stretches of a clip whose frames do not decode, in order; empty for a whole clip. Decodes all of it.

    Raises BadClipError where it cannot be opened.
    """
    decoding = Decoding()
    with opened_clip(path) as clip:
        for _ in decoding.frames(clip):
            pass
    return decoding.gaps()
