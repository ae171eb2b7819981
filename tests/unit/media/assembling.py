"""The plainest timeline there is: whole clips, one after the other, in the size and at the rate that most of them have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from animatic.errors import BadClipError
from animatic.media import Facts, probe, render
from animatic.media.timeline import Segment, Timeline
from animatic.spec.cut import exact_rate

T = TypeVar("T")


def assemble_reel(clips: Sequence[Path], target: Path) -> Facts:
    """Join the clips in order into ``target`` (MP4, H.264, yuv420p, index first) and return its facts.

    Size and rate are those that most of the clips have (the first decides a tie); others are scaled to fit, padded with black, and
    resampled to the nearest frame. Raises BadClipError naming the first clip that is no clip or does not decode; ValueError without clips.
    """
    if not clips:
        raise ValueError("a reel needs at least one clip")
    facts = [probe(clip) for clip in clips]
    rate = exact_rate(_most_common([fact.fps or 24.0 for fact in facts]))
    width, height = _most_common([(fact.width + fact.width % 2, fact.height + fact.height % 2) for fact in facts])
    segments: list[Segment] = []
    shown, elapsed = 0, 0.0
    for clip, fact in zip(clips, facts, strict=True):
        if fact.duration is None:
            raise BadClipError(f"{clip.name} is {fact.mime}, not a clip", code="not_a_clip")
        elapsed += fact.duration
        frames = max(1, round(elapsed * rate) - shown)
        segments.append(Segment(source=clip, frames=frames))
        shown += frames
    return render(Timeline(width=width, height=height, rate=rate, segments=tuple(segments)), target).facts


def _most_common(values: Sequence[T]) -> T:
    return Counter(values).most_common(1)[0][0]
