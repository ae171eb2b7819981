"""The reel: clips of different models joined by hard cuts into one file, without sound.

Every output frame has its exact place: frame ``n`` of the reel is shown at ``n / rate``, and a clip occupies the frames nearest to its
own length, so that errors of rounding never add up. The result depends on the clips alone, not on the machine.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import av
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from animatic.errors import BadClipError
from animatic.media.container import decoding, opened_clip
from animatic.media.facts import Facts, probe
from animatic.media.frames import shown_frames
from animatic.media.picture import fit

Progress = Callable[[float], None]
"""Called with the share done, 0 to 1, in growing order."""

_ENCODER = {"preset": "veryfast", "crf": "18", "threads": "4"}  # fixed threads: x264's output depends on their number
_KEYFRAME_SECONDS = 2
_MOST_DENOMINATOR = 1001
_SAME_RATE = Fraction(1, 1000)
_DEFAULT_RATE = 24.0
_T = TypeVar("_T")


def assemble_reel(clips: Sequence[Path], target: Path, *, progress: Progress | None = None) -> Facts:
    """Join the clips in order into ``target`` (MP4, H.264, yuv420p, index first) and return its facts.

    Size and rate are those that most of the clips have (the first decides a tie); others are scaled to fit, padded with black, and
    resampled to the nearest frame. Raises BadClipError naming the first clip that is no clip or does not decode; ValueError without clips.
    """
    if not clips:
        raise ValueError("a reel needs at least one clip")
    facts = [probe(clip) for clip in clips]
    for clip, fact in zip(clips, facts, strict=True):
        if fact.duration is None:
            raise BadClipError(f"{clip.name} is {fact.mime}, not a clip", code="not_a_clip")
    width, height = _most_common([(fact.width + fact.width % 2, fact.height + fact.height % 2) for fact in facts])
    rate = _exact(_most_common([fact.fps or _DEFAULT_RATE for fact in facts]))
    total = sum(fact.duration or 0.0 for fact in facts)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with decoding(target), av.open(str(part), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}) as output:
            if comments := _comments(clips):
                output.metadata["comment"] = comments
            stream = _video_stream(output, rate, width, height)
            shown = 0
            elapsed = 0.0
            for clip, fact in zip(clips, facts, strict=True):
                elapsed += fact.duration or 0.0
                end = max(shown + 1, round(elapsed * rate))
                for frame in _resampled(clip, end - shown, rate, width, height):
                    frame.pts, frame.time_base = shown, 1 / rate
                    output.mux(stream.encode(frame))
                    shown += 1
                    if progress is not None:
                        progress(min(1.0, shown / float(rate) / total))
            output.mux(stream.encode(None))
        result = probe(part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    if progress is not None:
        progress(1.0)
    return result


def _resampled(clip: Path, count: int, rate: Fraction, width: int, height: int) -> Iterator[VideoFrame]:
    """Yield exactly ``count`` frames: each time the frame that is shown in the middle of the output frame's own time."""
    made = 0
    current: VideoFrame | None = None
    with opened_clip(clip) as source:
        for time, frame in shown_frames(source):
            while current is not None and made < count and (made + 0.5) / rate < time:
                yield current
                made += 1
            if made >= count:
                return
            current = fit(frame, width, height)
    if current is None:
        raise BadClipError(f"{clip.name} holds no frames", code="no_frames")
    for _ in range(count - made):
        yield current


def _video_stream(output: OutputContainer, rate: Fraction, width: int, height: int) -> VideoStream:
    stream = output.add_stream("libx264", rate=rate, options=_ENCODER)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.gop_size = round(rate * _KEYFRAME_SECONDS)
    stream.color_range = ColorRange.MPEG
    stream.colorspace = stream.color_primaries = stream.color_trc = Colorspace.ITU709
    stream.time_base = stream.codec_context.time_base = 1 / rate
    return stream


def _comments(clips: Sequence[Path]) -> str:
    """Keep what the clips say of themselves (a simulated clip says so): a reel of them must say it too."""
    found: dict[str, None] = {}
    for clip in clips:
        with opened_clip(clip) as source:
            if comment := source.container.metadata.get("comment"):
                found[comment] = None
    return "; ".join(found)


def _exact(fps: float) -> Fraction:
    """Return the rate that a rounded number of frames per second stands for: 29.97 is 30000/1001."""
    for candidate in (Fraction(round(fps)), Fraction(round(fps * 1.001) * 1000, 1001)):
        if abs(candidate - Fraction(fps)) < _SAME_RATE:
            return candidate
    return Fraction(fps).limit_denominator(_MOST_DENOMINATOR)


def _most_common(values: Sequence[_T]) -> _T:
    return Counter(values).most_common(1)[0][0]
