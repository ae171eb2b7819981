"""Renders a reel from its timeline: one MP4 with picture, sound and words, in one pass and in flat memory, whatever its clips are.

Where all clips are alike and only cut, their packets are copied as they are, in milliseconds; else the picture is encoded anew, which its
sound never is a reason for. The picture depends on the timeline and its sources alone, not on the machine.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import av
from av.container import OutputContainer
from av.packet import Packet
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from animatic.errors import BadClipError, BadMediaError
from animatic.files import TEMPORARY, writing_whole
from animatic.media.burn import burnt
from animatic.media.container import decoding, opened_clip
from animatic.media.facts import Facts, probe
from animatic.media.loudness import Loudness
from animatic.media.mix import is_heard
from animatic.media.reel_copy import Stretch, copied_packets, stretch_of
from animatic.media.reel_picture import picture
from animatic.media.reel_sound import make_sound
from animatic.media.reel_source import Source, inspected
from animatic.media.reel_tracks import BesidePicture
from animatic.media.timeline import Timeline, mistakes_in, without

# Fixed threads, and arithmetic that is exact: otherwise x264's output depends on their number, on the machine, and now and then on chance.
_ENCODER = {"preset": "veryfast", "crf": "18", "threads": "4", "x264-params": "cpu-independent=1"}
_FILE = {"movflags": "+faststart", "fflags": "+bitexact", "movie_timescale": "48000"}
"""The clock of the file counts samples, so that both tracks end when they end, not at the next millisecond."""
_KEYFRAME_SECONDS = 2
_LOOK_SHARE, _SOUND_SHARE = 0.02, 0.13
"""Of the time that a reel takes, roughly: what looking at the sources takes, and making the sound."""
Progress = Callable[[float], None]
Shown: TypeAlias = "tuple[int, list[Packet[VideoStream]]]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendered:
    """What a reel became.

    ``loudness`` (LUFS) and ``true_peak`` (dBTP) were measured on its sound; None where it has none, or nothing to measure. ``copied``: its
    picture was not encoded anew. ``notes``: sentences on what had to be held, cut off or was silent. ``timeline``: what was rendered, and
    ``left_out`` the errors, by source, of what was not.
    """

    facts: Facts
    loudness: float | None
    true_peak: float | None
    copied: bool
    notes: tuple[str, ...]
    timeline: Timeline
    left_out: Mapping[Path, BadClipError]


def render(timeline: Timeline, target: Path, progress: Progress | None = None, *, leave_out: bool = False) -> Rendered:
    """Write the reel to ``target`` (MP4: H.264, yuv420p, BT.709; AAC where anything is heard; index first), whole or not at all.

    ``progress`` is told the share that is done, from 0 to 1, and never less than before. ``leave_out``: clips that are no clips, cut or do
    not decode are left out, instead of BadClipError with the name of the first. BadMediaError for a timeline that cannot be (see
    `mistakes_in`), and for sound that is none.
    """
    if mistakes := mistakes_in(timeline):
        raise BadMediaError(f"the reel cannot be made: {mistakes[0].message}", code="bad_timeline")
    notes: list[str] = []
    tell = _forwards(progress or (lambda _: None))
    timeline, sources, left_out = _looked_at(timeline, leave_out=leave_out, progress=lambda done: tell(done * _LOOK_SHARE))
    stretches = _stretches(timeline, sources)
    with writing_whole(target) as part, tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=target.parent) as folder:
        loudness: Loudness | None = None
        sound: Path | None = None
        begun = _LOOK_SHARE
        if is_heard(timeline, sources):
            sound, begun = Path(folder) / "sound.m4a", 0.98 if stretches else _LOOK_SHARE + _SOUND_SHARE
            loudness = make_sound(timeline, sources, sound, notes.append, lambda done: tell(_LOOK_SHARE + done * (begun - _LOOK_SHARE)))
        with (
            decoding(target),
            BesidePicture(sound, timeline.text_track) as beside,
            av.open(str(part), "w", format="mp4", options=_FILE) as output,
        ):
            if comments := _comments(sources.values()):
                output.metadata["comment"] = comments
            pictures = _copied(output, stretches, timeline) if stretches else _encoded(output, timeline, sources, notes.append)
            frames = timeline.frames
            for shown, packets in pictures:
                if not shown:
                    beside.add_to(output)
                beside.write_until(shown / timeline.rate)
                output.mux(packets)
                tell(begun + (1 - begun) * shown / frames)
            beside.write_until(None)
        facts = probe(part)
    tell(1.0)
    return Rendered(
        facts=facts,
        loudness=loudness.integrated if loudness else None,
        true_peak=loudness.true_peak if loudness else None,
        copied=bool(stretches),
        notes=tuple(dict.fromkeys(notes)),
        timeline=timeline,
        left_out=left_out,
    )


def _looked_at(timeline: Timeline, *, leave_out: bool, progress: Progress) -> tuple[Timeline, dict[Path, Source], dict[Path, BadClipError]]:
    """Return what the sources are, and the timeline without those that are bad, where that is asked for."""
    sources: dict[Path, Source] = {}
    left_out: dict[Path, BadClipError] = {}
    for number, segment in enumerate(timeline.segments):
        if segment.source not in sources and segment.source not in left_out:
            try:
                sources[segment.source] = inspected(segment, timeline.rate)
            except BadClipError as error:
                if not leave_out:
                    raise
                left_out[segment.source] = error
        progress((number + 1) / len(timeline.segments))
    if not sources:
        raise next(iter(left_out.values()))
    for position in reversed(range(len(timeline.segments))):
        if timeline.segments[position].source in left_out:
            timeline = without(timeline, position)
    return timeline, sources, left_out


def _stretches(timeline: Timeline, sources: Mapping[Path, Source]) -> list[Stretch] | None:
    """Return what is to be copied of each clip, None unless all of them can follow each other as they are."""
    if timeline.captions or timeline.label:
        return None
    stretches: list[Stretch] = []
    for segment in timeline.segments:
        source = sources[segment.source]
        same_size = (source.facts.width, source.facts.height) == (timeline.width, timeline.height)
        if segment.still or segment.enter.kind != "cut" or source.footage is None or not same_size:
            return None
        stretch = stretch_of(segment, source.footage, timeline.rate)
        if stretch is None or (stretches and stretch.footage.setup != stretches[0].footage.setup):
            return None
        stretches.append(stretch)
    return stretches


def _copied(output: OutputContainer, stretches: Sequence[Stretch], timeline: Timeline) -> Iterator[Shown]:
    """Add the picture's track and yield its packets, each with the number of frames that are behind it."""
    with opened_clip(stretches[0].clip) as source:
        track = output.add_stream_from_template(source.video)
    track.time_base = 1 / timeline.rate
    for number, packet in enumerate(copied_packets(track, stretches, timeline.rate)):
        yield number, [packet]


def _encoded(output: OutputContainer, timeline: Timeline, sources: Mapping[Path, Source], note: Callable[[str], None]) -> Iterator[Shown]:
    stream = _video_stream(output, timeline)
    for number, frame in enumerate(burnt(picture(timeline, sources, note), timeline)):
        frame.pts, frame.time_base = number, 1 / timeline.rate
        yield number, stream.encode(frame)
    yield timeline.frames, stream.encode(None)


def _video_stream(output: OutputContainer, timeline: Timeline) -> VideoStream:
    rate = timeline.rate
    stream = output.add_stream("libx264", rate=rate, options=_ENCODER)
    stream.width, stream.height, stream.pix_fmt = timeline.width, timeline.height, "yuv420p"
    stream.gop_size = round(rate * _KEYFRAME_SECONDS)
    stream.color_range = ColorRange.MPEG
    stream.colorspace = stream.color_primaries = stream.color_trc = Colorspace.ITU709
    stream.time_base = stream.codec_context.time_base = 1 / rate
    return stream


def _comments(sources: Iterable[Source]) -> str:
    """Keep what the clips say of themselves (a simulated clip says so): a reel of them must say it too."""
    return "; ".join(dict.fromkeys(source.comment for source in sources if source.comment))


def _forwards(progress: Progress) -> Progress:
    """Return a progress that never goes back, and speaks only when a thousandth more is done."""
    last = -1.0

    def tell(done: float) -> None:
        nonlocal last
        done = min(1.0, done)
        if done >= last + 0.001 or (done == 1.0 and last < done):
            last = done
            progress(done)

    return tell
