"""Assembles the reel: clips joined by hard cuts into one file, without sound.

Clips that one decoder set-up plays (those of one model and setting) are copied as they are, in milliseconds; others are encoded anew.
Every output frame has its exact place: frame ``n`` of the reel is shown at ``n / rate``, and a clip occupies the frames nearest to its own
length, so that errors of rounding never add up. The result depends on the clips alone, not on the machine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import av
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from animatic.errors import BadClipError
from animatic.files import writing_whole
from animatic.media.container import decoding, opened_clip
from animatic.media.facts import Facts, probe
from animatic.media.frames import fit, shown_frames
from animatic.media.reel_copy import Footage, copy_clips, footage

# Fixed threads, and arithmetic that is exact: otherwise x264's output depends on their number, on the machine, and now and then on chance.
_ENCODER = {"preset": "veryfast", "crf": "18", "threads": "4", "x264-params": "cpu-independent=1"}
_KEYFRAME_SECONDS = 2
_MAX_DENOMINATOR = 1001
_RATE_TOLERANCE = Fraction(1, 1000)
_DEFAULT_RATE = 24.0
T = TypeVar("T")


def assemble_reel(clips: Sequence[Path], target: Path) -> Facts:
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
    shape = _shape_of(facts)
    with writing_whole(target) as part:
        with decoding(target), av.open(str(part), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}) as output:
            if comments := _comments(clips):
                output.metadata["comment"] = comments
            if found := _alike(clips, facts, shape.rate):
                copy_clips(output, clips, found, shape.rate)
            else:
                _encode(output, clips, facts, shape)
        return probe(part)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Shape:
    """Size in pixels (even) and frames per second of the reel."""

    width: int
    height: int
    rate: Fraction


def _shape_of(facts: Sequence[Facts]) -> _Shape:
    width, height = _most_common([(fact.width + fact.width % 2, fact.height + fact.height % 2) for fact in facts])
    return _Shape(width=width, height=height, rate=_exact(_most_common([fact.fps or _DEFAULT_RATE for fact in facts])))


def _alike(clips: Sequence[Path], facts: Sequence[Facts], rate: Fraction) -> list[Footage] | None:
    """Return what is to be copied of each clip, None unless all of them can follow each other as they are."""
    if len({(fact.width, fact.height, fact.fps, fact.codec) for fact in facts}) > 1:
        return None
    found: list[Footage] = []
    for clip in clips:
        each = footage(clip, rate)
        if each is None or (found and each.setup != found[0].setup):
            return None
        found.append(each)
    return found


def _encode(output: OutputContainer, clips: Sequence[Path], facts: Sequence[Facts], shape: _Shape) -> None:
    rate = shape.rate
    stream = _video_stream(output, shape)
    shown = 0
    elapsed = 0.0
    for clip, fact in zip(clips, facts, strict=True):
        elapsed += fact.duration or 0.0
        end = max(shown + 1, round(elapsed * rate))
        for frame in _resampled(clip, end - shown, shape):
            frame.pts, frame.time_base = shown, 1 / rate
            output.mux(stream.encode(frame))
            shown += 1
    output.mux(stream.encode(None))


def _resampled(clip: Path, count: int, shape: _Shape) -> Iterator[VideoFrame]:
    """Yield exactly ``count`` frames: each time the frame that is shown in the middle of the output frame's own time."""
    made = 0
    current: VideoFrame | None = None
    with opened_clip(clip) as source:
        for time, frame in shown_frames(source):
            while current is not None and made < count and (made + 0.5) / shape.rate < time:
                yield current
                made += 1
            if made >= count:
                return
            current = fit(frame, shape.width, shape.height, source.pixel_shape)
    if current is None:
        raise BadClipError(f"{clip.name} holds no frames", code="no_frames")
    for _ in range(count - made):
        yield current


def _video_stream(output: OutputContainer, shape: _Shape) -> VideoStream:
    stream = output.add_stream("libx264", rate=shape.rate, options=_ENCODER)
    stream.width, stream.height, stream.pix_fmt = shape.width, shape.height, "yuv420p"
    stream.gop_size = round(shape.rate * _KEYFRAME_SECONDS)
    stream.color_range = ColorRange.MPEG
    stream.colorspace = stream.color_primaries = stream.color_trc = Colorspace.ITU709
    stream.time_base = stream.codec_context.time_base = 1 / shape.rate
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
        if abs(candidate - Fraction(fps)) < _RATE_TOLERANCE:
            return candidate
    return Fraction(fps).limit_denominator(_MAX_DENOMINATOR)


def _most_common(values: Sequence[T]) -> T:
    return Counter(values).most_common(1)[0][0]
