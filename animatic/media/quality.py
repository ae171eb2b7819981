"""Checks a take: black, frozen or flashing pictures, cuts inside the shot, silence where sound was asked, clipping, wrong size or length.

Everything is seen in one pass over the clip, on pictures of a few hundred pixels. What is found is told, never judged: a model may have
been asked for a black picture. Thresholds are data, each with where it comes from.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import av
import numpy as np
import numpy.typing as npt
from av.codec.context import ThreadType
from av.filter import Graph
from av.video.frame import VideoFrame

from animatic.media.container import OpenClip, opened_clip, time_base
from animatic.media.damage import Decoding
from animatic.media.facts import Facts, probe
from animatic.media.flashes import Flashes
from animatic.media.frames import THUMBNAIL_AT, thumbnail_of
from animatic.media.likeness import fingerprint_of_picture, likeness
from animatic.media.lively import Lively
from animatic.media.sound_source import Samples, levels_in

Check = Literal["black", "frozen", "flashing", "cut", "silence", "clipping", "size", "length", "rate"]
Small = npt.NDArray[np.uint8]
_ONE_OCCASION, _ROUNDING, _FULL = 0.5, 1e-6, 1 - 2**-15
"""Seconds within which clipping is told as one finding; what times may be off by; full scale of 16-bit sound, as a level."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number from which on something is a finding, its unit, and where it comes from."""

    value: float
    unit: str
    source: str


THRESHOLDS = MappingProxyType(
    {
        "black_level": Threshold(0.10, "of full scale", "FFmpeg blackdetect, pixel_black_th"),
        "black_share": Threshold(0.98, "of the pixels", "FFmpeg blackdetect, picture_black_ratio_th"),
        "black_seconds": Threshold(0.5, "s", "ours: a shot of 5 s loses a tenth"),
        "frozen_difference": Threshold(0.001, "of full scale, mean", "FFmpeg freezedetect, noise"),
        "frozen_block": Threshold(
            0.012, "of full scale, mean of 8x8 of 160 pixels across", "ours: something small moves, which the mean does not show"
        ),
        "frozen_seconds": Threshold(1.0, "s", "ours; FFmpeg freezedetect says 2 s, for programmes rather than shots of a few seconds"),
        "cut": Threshold(10.0, "of 100", "FFmpeg scdet, threshold"),
        "silence": Threshold(-60.0, "dBFS, peak of a second", "FFmpeg silencedetect, noise"),
        "clipped_run": Threshold(3, "samples", "three samples at full scale in a row, as mastering meters count an over"),
        "over": Threshold(1.02, "of full scale", "ours: what lossy sound is decoded to beyond full scale, players cut off"),
        "length_seconds": Threshold(0.25, "s", "ours: models add up to a frame or two (121 frames for 5 s at 24 were seen)"),
        "rate": Threshold(0.5, "frames a second", "ours: 23.976 for 24 is no fault"),
        "aspect": Threshold(0.05, "of the ratio of the sides", "ours: 864x480 is given for 16:9, and 992x416 for 21:9"),
        "lines": Threshold(0.2, "of the shorter side", "ours: wide pictures of 720p are given as 1470x630, of the same area as 16:9"),
        "shape": Threshold(0.02, "of the ratio of the sides", "ours: sides are rounded to multiples of 16 by some models"),
    }
)
_WIDTH, _BLOCK = 160, 8
"""Pixels across in which pictures are looked at (black, frozen and cuts show in them, noise of the encoding does not), and of a block."""
_MOST = 5
"""Findings of one check that are told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """What was asked of a take; None: nothing. ``sound``: whether it was to be heard."""

    width: int | None = None
    height: int | None = None
    aspect: tuple[int, int] | None = None
    """Width to height, where that is all that was asked for."""
    lines: int | None = None
    """Of the shorter side, as ``720p`` asks for."""
    duration: float | None = None
    fps: float | None = None
    sound: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Something to look at: when it begins in the clip and how long it lasts, in seconds (None: the whole clip), and in words."""

    check: Check
    at: float | None
    lasts: float | None
    detail: str

    def to_json(self) -> dict[str, str | float | None]:
        """Return the finding as the manifest spells it."""
        return {"check": self.check, "at": self.at, "for": self.lasts, "detail": self.detail}


def check_take(
    path: Path,
    expected: Expected | None = None,
    facts: Facts | None = None,
    decoding: Decoding | None = None,
    picture: Path | None = None,
) -> tuple[Finding, ...]:
    """Return what is to be looked at in a clip, in order of time.

    ``facts``: what `probe` said of it, where that is known; ``decoding`` knows afterwards which frames did not decode. ``picture``: where
    the clip's thumbnail is to be, as its frames are seen anyway.

    Raises BadClipError if it is no clip, cut, or does not decode at all.
    """
    expected, facts = expected or Expected(), facts or probe(path)
    found = [
        *_against(facts, expected),
        *_picture(path, facts, decoding or Decoding(), picture),
        *_sound(path, facts, wanted=expected.sound),
    ]
    return tuple(sorted(found, key=lambda finding: (finding.at is not None, finding.at or 0.0)))


def continuity(start: Path, clip: Path) -> float | None:
    """Return how alike a clip's first frame is to the picture that it was to start from, from 0 to 1.

    None where either is too plain to tell. Raises BadClipError if one of them does not decode.
    """
    alike = likeness(fingerprint_of_picture(start), fingerprint_of_picture(clip))
    return None if alike is None else max(0.0, alike)


def _against(facts: Facts, expected: Expected) -> Iterator[Finding]:
    """Compare what was measured with what was asked."""
    if expected.width and expected.height:
        shape = (facts.width / facts.height) / (expected.width / expected.height)
        smaller = facts.width * facts.height < expected.width * expected.height * (1 - THRESHOLDS["shape"].value)
        if abs(shape - 1) > THRESHOLDS["shape"].value or smaller:
            yield _whole("size", f"{facts.width}x{facts.height} instead of {expected.width}x{expected.height}")
    else:
        if expected.aspect and abs(facts.width / facts.height * expected.aspect[1] / expected.aspect[0] - 1) > THRESHOLDS["aspect"].value:
            yield _whole("size", f"{facts.width}x{facts.height} instead of {expected.aspect[0]}:{expected.aspect[1]}")
        if expected.lines and min(facts.width, facts.height) < expected.lines * (1 - THRESHOLDS["lines"].value):
            yield _whole("size", f"{facts.width}x{facts.height} instead of {expected.lines}p")
    if expected.duration and facts.duration and abs(facts.duration - expected.duration) > THRESHOLDS["length_seconds"].value:
        yield _whole("length", f"{facts.duration:.2f} s instead of {expected.duration:g} s")
    if expected.fps and facts.fps is not None and abs(facts.fps - expected.fps) > THRESHOLDS["rate"].value:
        yield _whole("rate", f"{facts.fps:g} frames a second instead of {expected.fps:g}")


def _picture(path: Path, facts: Facts, decoding: Decoding, thumbnail: Path | None) -> list[Finding]:
    black, frozen, flashes = _Stretch(), _Stretch(), Flashes()
    cuts: list[tuple[float, float]] = []
    before: Small | None = None
    end = 0.0
    black_level = THRESHOLDS["black_level"].value * 255
    lively = None if thumbnail is None else Lively((facts.duration or 0.0) * THUMBNAIL_AT)
    with opened_clip(path) as clip:
        for time, picture, change in _looked_at(clip, decoding, lively):
            dark = int(np.count_nonzero(picture <= black_level)) >= THRESHOLDS["black_share"].value * picture.size
            still = before is not None and _stands(picture, before)
            black.add(time, here=dark)
            frozen.add(time, here=still and not dark)
            flashes.add(time, picture)
            if before is not None and change >= THRESHOLDS["cut"].value:
                cuts.append((time, change))
            before, end = picture, time + 1 / (facts.fps or 24)
        pixel_shape = clip.pixel_shape
    if thumbnail is not None and lively is not None and lively.frame is not None:
        with contextlib.suppress(OSError, ValueError, av.FFmpegError):  # the findings stand; who misses it draws it, or says why not
            thumbnail_of(lively.frame, pixel_shape, thumbnail)
    flashing = flashes.found()
    apart = [(time, change) for time, change in cuts if not any(begin <= time <= until for begin, until in flashing)]
    return [
        *_told("black", "the picture is black", black.ended(end, THRESHOLDS["black_seconds"].value)),
        *_told("frozen", "the picture stands still", frozen.ended(end, THRESHOLDS["frozen_seconds"].value)),
        *_told("flashing", "more than three flashes within a second: they may harm people with photosensitive epilepsy", flashing),
        *(
            Finding(check="cut", at=round(time, 3), lasts=None, detail=f"the picture changes at once ({change:.0f} of 100)")
            for time, change in apart[:_MOST]
        ),
    ]


def _looked_at(clip: OpenClip, decoding: Decoding, lively: Lively | None) -> Iterator[tuple[float, Small, float]]:
    """Yield every frame small and gray, with its time, and how suddenly it differs from the one before (0 to 100)."""
    # Several clips are looked at side by side: threads for each would cost more than they save, a third of a short clip's decoding.
    clip.video.thread_type = ThreadType.NONE
    unit = time_base(clip.video)
    graph: Graph | None = None
    kind: tuple[object, ...] = ()
    start: int | None = None
    for frame in decoding.frames(clip):
        if frame.pts is None:
            continue
        start = frame.pts if start is None else start
        time = float((frame.pts - start) * unit)
        if graph is None or kind != (frame.width, frame.height, frame.format.name):
            graph, kind = _graph(frame), (frame.width, frame.height, frame.format.name)
        frame.pts, frame.time_base = round(time * 1000), Fraction(1, 1000)
        if lively is not None:
            lively.add(time, frame)
        graph.vpush(frame)
        small = graph.vpull()
        yield time, np.asarray(small.to_ndarray(), dtype=np.uint8), float(small.metadata.get("lavfi.scd.score", 0))


def _graph(frame: VideoFrame) -> Graph:
    graph = Graph()
    graph.threads = 1
    graph.link_nodes(
        graph.add("buffer", f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}:time_base=1/1000"),
        graph.add("scale", f"{min(_WIDTH, frame.width)}:-2:flags=fast_bilinear"),
        graph.add("format", "gray"),
        graph.add("scdet", f"threshold={THRESHOLDS['cut'].value:g}"),
        graph.add("buffersink"),
    ).configure()
    return graph


def _stands(one: Small, other: Small) -> bool:
    """Whether nothing moves from one picture to the other: not on the whole, and nowhere in it."""
    if one.shape != other.shape:
        return False
    difference = np.maximum(one, other) - np.minimum(one, other)
    if not difference.any():
        return True
    if difference.mean() >= THRESHOLDS["frozen_difference"].value * 255:
        return False
    height, width = (side // _BLOCK for side in difference.shape)
    blocks = difference[: height * _BLOCK, : width * _BLOCK].reshape(height, _BLOCK, width, _BLOCK).mean(axis=(1, 3))
    return bool(blocks.max(initial=0.0) < THRESHOLDS["frozen_block"].value * 255)


class _Stretch:
    """Joins the frames at which something is so to stretches of time."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._found: list[tuple[float, float]] = []

    def add(self, time: float, *, here: bool) -> None:
        """Say of the frame that is shown from that time on whether it is so."""
        if here and self._since is None:
            self._since = time
        elif not here and self._since is not None:
            self._found.append((self._since, time))
            self._since = None

    def ended(self, end: float, least: float, *, joined: float = 0.0) -> list[tuple[float, float]]:
        """Return the stretches of at least that length, in a clip that ends there; those that are less than ``joined`` apart are one."""
        self.add(end, here=False)
        found: list[tuple[float, float]] = []
        for begin, until in self._found:
            if found and begin - found[-1][1] < joined:
                found[-1] = (found[-1][0], until)
            else:
                found.append((begin, until))
        return [(begin, until) for begin, until in found if until - begin >= least - _ROUNDING]


def _sound(path: Path, facts: Facts, *, wanted: bool) -> Iterator[Finding]:
    if not facts.has_audio:
        if wanted:
            yield _whole("silence", "sound was asked for, and the clip has no sound track")
        return
    peak, clipped, end = 0.0, _Stretch(), 0.0
    with opened_clip(path) as clip:
        for time, lasts, levels in levels_in(clip.container):
            peak = max(peak, float(levels.max(initial=0.0)))
            clipped.add(time, here=_stays_full(levels))
            end = time + lasts
    if wanted and peak < 10 ** (THRESHOLDS["silence"].value / 20):
        yield _whole("silence", "sound was asked for, and the sound track is silent")
    yield from _told("clipping", "the sound is clipped: levels stay at full scale", clipped.ended(end, 0.0, joined=_ONE_OCCASION))


def _stays_full(levels: Samples) -> bool:
    """Whether any channel is at full scale for some samples in a row, or beyond it."""
    run = int(THRESHOLDS["clipped_run"].value)
    full = (levels >= _FULL).astype(np.int8)
    if not full.any():
        return False
    if levels.max() > THRESHOLDS["over"].value:
        return True
    sums = np.cumsum(np.pad(full, ((0, 0), (1, 0))), axis=1)
    return bool((sums[:, run:] - sums[:, :-run] >= run).any())


def _whole(check: Check, detail: str) -> Finding:
    return Finding(check=check, at=None, lasts=None, detail=detail)


def _told(check: Check, detail: str, stretches: list[tuple[float, float]]) -> Iterator[Finding]:
    for begin, end in stretches[:_MOST]:
        yield Finding(check=check, at=round(begin, 3), lasts=round(end - begin, 3), detail=detail)
