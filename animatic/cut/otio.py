"""The timeline for editors: a laid-out cut as OpenTimelineIO, with handles, transitions, sound, other takes, markers and metadata.

Places on the reel are whole frames of its rate. Every clip refers to its whole file, so that an editor has handles. A crossfade's middle is
the cut point: half of it lies before, half behind. What was not made is a gap of its length. All paths are relative to the file's folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from animatic.cut.timing import Layout, Placed

if TYPE_CHECKING:
    import opentimelineio as otio

KEY = "animatic"
"""The one key of all metadata."""
_PICKED = "take {number}"


@dataclass(frozen=True, kw_only=True, slots=True)
class TakeMedia:
    """A take as an editor finds it: its file relative to the timeline's folder, seconds (None for a still), frames per second."""

    number: int
    path: str
    seconds: Fraction | None
    rate: Fraction | None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class ShotMedia:
    """What is known of a shot: the take that is seen first, then the others; none where it was not made. ``notes`` become markers."""

    name: str
    takes: tuple[TakeMedia, ...]
    line: str | None = None
    notes: tuple[str, ...] = ()
    has_audio: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class SoundMedia:
    """A sound below or in the reel: ``at`` and ``seconds`` (None: unknown, until the reel ends) in seconds of the reel."""

    name: str
    path: str
    at: Fraction
    seconds: Fraction | None
    metadata: Mapping[str, Any] = field(default_factory=dict)


def as_otio(
    name: str,
    layout: Layout,
    shots: Mapping[str, ShotMedia],
    *,
    clips_heard: bool,
    sounds: Sequence[SoundMedia],
    metadata: Mapping[str, Any],
) -> str:
    """Return the timeline as the JSON of an ``.otio`` file; ``shots`` by step key."""
    import opentimelineio as otio  # noqa: PLC0415 (half a second, which no plan and no check should wait for)

    rate = float(layout.rate)
    timeline = otio.schema.Timeline(name=name, global_start_time=otio.opentime.RationalTime(0, rate), metadata={KEY: _plain(metadata)})
    pictures = otio.schema.Track(name="picture", kind=otio.schema.TrackKind.Video)
    timeline.tracks.append(pictures)
    _fill(pictures, layout, shots, heard=False)
    if clips_heard and any(shots[placed.shot.step].has_audio for placed in layout.placed):
        own = otio.schema.Track(name="sound of the clips", kind=otio.schema.TrackKind.Audio)
        timeline.tracks.append(own)
        _fill(own, layout, shots, heard=True)
    for sound in sounds:
        timeline.tracks.append(_sound_track(sound, layout))
    text = timeline.to_json_string(indent=2)
    assert isinstance(text, str)
    return text


def _fill(track: otio.schema.Track, layout: Layout, shots: Mapping[str, ShotMedia], *, heard: bool) -> None:
    """Put the shots into a track, with their transitions between them."""
    import opentimelineio as otio  # noqa: PLC0415

    rate = float(layout.rate)
    for at, placed in enumerate(layout.placed):
        following = layout.placed[at + 1] if at + 1 < len(layout.placed) else None
        before = placed.enter_frames // 2 if placed.enter == "crossfade" else 0
        after = following.enter_frames - following.enter_frames // 2 if following and following.enter == "crossfade" else 0
        if placed.enter_frames:
            track.append(_transition(placed, rate, first=not at))
        shot = shots[placed.shot.step]
        frames = placed.frames - before - after
        if not shot.takes or (heard and not shot.has_audio):
            what = {} if shot.takes else {"missing": shot.name, **shot.metadata}
            gap = otio.schema.Gap(name=shot.name, source_range=_range(0, frames, rate), metadata={KEY: _plain(what)} if what else {})
            track.append(gap)
            continue
        start = float(placed.start * layout.rate) + before
        clip = otio.schema.Clip(name=shot.name, source_range=_range(start, frames, rate), metadata={KEY: _plain(shot.metadata)})
        references = {_PICKED.format(number=take.number): _reference(take, placed, layout) for take in shot.takes}
        clip.set_media_references(references, _PICKED.format(number=shot.takes[0].number))
        if not heard:
            clip.markers.extend(_markers(shot, clip.source_range))
        track.append(clip)


def _transition(placed: Placed, rate: float, *, first: bool) -> otio.schema.Transition:
    import opentimelineio as otio  # noqa: PLC0415

    frames = placed.enter_frames
    before = 0 if first else frames // 2
    fade = placed.enter == "fade"
    # an offset reaches into the neighbour: "in" is what lies before the cut point, "out" what lies behind it
    return otio.schema.Transition(
        name="fade through black" if fade else "crossfade",
        transition_type=otio.schema.TransitionTypes.Custom if fade else otio.schema.TransitionTypes.SMPTE_Dissolve,
        in_offset=otio.opentime.RationalTime(before, rate),
        out_offset=otio.opentime.RationalTime(frames - before, rate),
        metadata={KEY: {"kind": placed.enter, "frames": frames}},
    )


def _reference(take: TakeMedia, placed: Placed, layout: Layout) -> otio.schema.ExternalReference:
    """Return a reference to a whole file: all of a clip; a still for as long as it is held."""
    import opentimelineio as otio  # noqa: PLC0415

    if take.seconds is None:
        available = _range(0, placed.frames, float(layout.rate))
    else:
        rate = take.rate or layout.rate
        available = _range(0, float(take.seconds * rate), float(rate))
    return otio.schema.ExternalReference(target_url=quote(take.path), available_range=available, metadata={KEY: _plain(take.metadata)})


def _markers(shot: ShotMedia, where: otio.opentime.TimeRange) -> Iterable[otio.schema.Marker]:
    import opentimelineio as otio  # noqa: PLC0415

    if shot.line:
        color = otio.schema.MarkerColor.CYAN
        yield otio.schema.Marker(name="line", marked_range=where, color=color, comment=shot.line, metadata={KEY: {"line": shot.line}})
    for note in shot.notes:
        color = otio.schema.MarkerColor.RED
        yield otio.schema.Marker(name="note", marked_range=where, color=color, comment=note, metadata={KEY: {"note": note}})


def _sound_track(sound: SoundMedia, layout: Layout) -> otio.schema.Track:
    import opentimelineio as otio  # noqa: PLC0415

    rate = float(layout.rate)
    track = otio.schema.Track(name=sound.name, kind=otio.schema.TrackKind.Audio)
    begin = min(layout.frames - 1, round(sound.at * layout.rate))
    rest = layout.frames - begin
    frames = rest if sound.seconds is None else max(1, min(rest, round(sound.seconds * layout.rate)))
    if begin:
        track.append(otio.schema.Gap(source_range=_range(0, begin, rate)))
    whole = frames if sound.seconds is None else float(sound.seconds * layout.rate)
    reference = otio.schema.ExternalReference(target_url=quote(sound.path), available_range=_range(0, whole, rate))
    clip = otio.schema.Clip(name=sound.name, media_reference=reference, source_range=_range(0, frames, rate))
    clip.metadata[KEY] = _plain(sound.metadata)
    track.append(clip)
    return track


def _range(start: float, frames: float, rate: float) -> otio.opentime.TimeRange:
    import opentimelineio as otio  # noqa: PLC0415

    return otio.opentime.TimeRange(otio.opentime.RationalTime(start, rate), otio.opentime.RationalTime(frames, rate))


def _plain(value: Any) -> Any:
    """Return metadata as JSON has it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if isinstance(value, (str, int, float, bool)) else str(value)
