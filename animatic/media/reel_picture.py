"""Yields the picture of a reel, frame by frame: clips resampled to its rate, stills held, transitions made.

Each output frame shows what its clip shows in the middle of that frame's own time, so that errors of rounding never add up. One decoder is
open at a time, two during a crossfade, and nothing is kept that was shown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Mapping
from fractions import Fraction
from pathlib import Path

from av.codec.context import ThreadType
from av.video.frame import VideoFrame

from animatic.errors import BadClipError
from animatic.media.conform import Conformer, black_frame, conformed_still, mixed
from animatic.media.container import OpenClip, opened_clip, time_base
from animatic.media.frames import decoded_frames
from animatic.media.reel_source import Source
from animatic.media.timeline import Segment, Timeline, entry_frames

Note = Callable[[str], None]
Frames = Generator[VideoFrame, None, None]

_HDR = frozenset({16, 18})
"""Transfer functions of H.273: PQ and HLG."""
_WORTH_SEEKING = 4
"""Seconds of a clip before a trim that are decoded rather than skipped."""


def picture(timeline: Timeline, sources: Mapping[Path, Source], note: Note) -> Frames:
    """Yield exactly ``timeline.frames`` frames. ``note`` is told of clips that are shorter than asked, or damaged.

    A frame may be yielded several times, one after the other; whoever writes into one copies it before. Raises BadClipError.
    """
    black = black_frame(timeline.width, timeline.height)
    leaving = _repeated(black)
    for number, segment in enumerate(timeline.segments):
        following = timeline.segments[number + 1].enter if number + 1 < len(timeline.segments) else None
        way_out = entry_frames(following, first=False)[0] if following else 0
        way_in = entry_frames(segment.enter, first=not number)[1]
        coming = _frames_of(segment, sources[segment.source], timeline, note)
        before = leaving if segment.enter.kind == "crossfade" else _repeated(black)
        for step in range(way_in):
            yield mixed(next(before), next(coming), step, way_in)
        leaving.close()
        for _ in range(segment.frames - way_in - way_out):
            yield next(coming)
        leaving = coming
        if following is not None and following.kind == "crossfade":
            continue
        for step in range(way_out):
            yield mixed(next(coming), black, step, way_out)
        coming.close()


def _frames_of(segment: Segment, source: Source, timeline: Timeline, note: Note) -> Frames:
    conformer = Conformer(timeline.width, timeline.height, timeline.fit)
    if segment.still:
        return _repeated(conformed_still(segment.source, conformer))
    return _clip_frames(segment, source, timeline.rate, conformer, note)


def _clip_frames(segment: Segment, source: Source, rate: Fraction, conformer: Conformer, note: Note) -> Frames:
    """Yield the segment's frames, and no more."""
    made, end = 0, Fraction(0)
    waiting: VideoFrame | None = None
    shown: VideoFrame | None = None
    with opened_clip(segment.source) as clip:
        clip.video.thread_type = ThreadType.AUTO
        unit = time_base(clip.video)
        first = segment.start + Fraction(1, 2) / rate
        for frame in _from(clip, source, segment.start, note):
            assert frame.pts is not None
            # The output frames whose middle lies before this one: counted at once, so that a comparison is all that a frame costs.
            time = frame.pts * unit - source.begins
            due = min(segment.frames, math.ceil((time - first) * rate))
            while made < due and (waiting or shown):
                if waiting is not None:
                    shown, waiting = conformer.conformed(waiting, clip.pixel_shape), None
                assert shown is not None
                yield shown
                made += 1
            if made >= segment.frames:
                return
            waiting, end = frame, time + ((frame.duration or 0) * unit or 1 / rate)
        if waiting is not None:
            shown = conformer.conformed(waiting, clip.pixel_shape)
    if shown is None:
        raise BadClipError(f"{segment.source.name} holds no frames", code="no_frames")
    missing = segment.frames - max(made, round((end - segment.start) * rate))
    if missing > 0:
        note(
            f"{segment.source.name} ends {missing} {'frame' if missing == 1 else 'frames'} before it is done with on the reel: "
            "its last frame is held"
        )
    for _ in range(segment.frames - made):
        yield shown


def _from(clip: OpenClip, source: Source, start: Fraction, note: Note) -> Iterator[VideoFrame]:
    """Yield the clip's frames that have a time, from a key frame some way before ``start`` on if that spares much."""
    if clip.video.codec_context.color_trc in _HDR:
        note(f"{source.path.name} is HDR, which is not brought down to the reel's range: it looks flat")
    if start > _WORTH_SEEKING:
        clip.container.seek(int((source.begins + start - 1) / time_base(clip.video)), stream=clip.video)
    return (frame for frame in decoded_frames(clip) if frame.pts is not None)


def _repeated(frame: VideoFrame) -> Frames:
    while True:
        yield frame
