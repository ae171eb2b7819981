"""Finds the frames of a clip that do not decode: what players leave out or smear, and nobody would pay for knowingly."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import av

from animatic.media.container import opened_clip, time_base


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """A stretch of a clip without frames that decode. Seconds, from the clip's first frame on."""

    at: float
    seconds: float


def gaps(path: Path) -> tuple[Gap, ...]:
    """Return the stretches of a clip whose frames do not decode, in order; empty for a whole clip. Decodes all of it.

    Raises BadClipError where it cannot be opened.
    """
    due: set[int] = set()
    seen: set[int] = set()
    longest = 0
    with opened_clip(path) as clip:
        for packet in clip.container.demux(clip.video):
            if packet.size and packet.pts is not None and not packet.is_discard:
                due.add(packet.pts)
                longest = max(longest, packet.duration or 0)
            with contextlib.suppress(av.error.InvalidDataError):
                seen.update(frame.pts for frame in clip.video.decode(packet if packet.size else None) if frame.pts is not None)
        unit = time_base(clip.video)
    order = sorted(due)
    found: list[Gap] = []
    missing: list[int] = []
    for pts, following in zip(order, [*order[1:], None], strict=True):
        if pts not in seen:
            missing.append(pts)
        if missing and (following is None or following in seen):
            end = missing[-1] + longest if following is None else following
            found.append(Gap(at=round(float((missing[0] - order[0]) * unit), 3), seconds=round(float((end - missing[0]) * unit), 3)))
            missing = []
    return tuple(found)
