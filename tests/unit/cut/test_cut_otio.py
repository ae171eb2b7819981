"""The timeline for editors is read back with the library: as long as the reel to the frame, with handles, takes, gaps and metadata."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import opentimelineio as otio
from hypothesis import given
from hypothesis import strategies as st

from animatic.cut.model import Cut, CutShot, Transition
from animatic.cut.otio import ShotMedia, SoundMedia, TakeMedia, as_otio
from animatic.cut.timing import Footage, Layout, lay_out

FIVE = Footage(width=1280, height=720, seconds=Fraction(5), rate=Fraction(24))
STILL = Footage(width=640, height=360)


def shot(name: str, *numbers: int, seconds: Fraction | None = Fraction(5), **more: Any) -> ShotMedia:
    takes = tuple(
        TakeMedia(number=number, path=f"{name} {number}.mp4", seconds=seconds, rate=Fraction(24), metadata={"usd": 0.35})
        for number in numbers
    )
    return ShotMedia(name=name, takes=takes, **more)


def layout_of(*shots: CutShot, footage: list[Footage], fps: Fraction | None = None) -> Layout:
    return lay_out(Cut(shots=shots, variant_name="", variant={}, fps=fps), footage)


def read(layout: Layout, shots: dict[str, ShotMedia], *sounds: SoundMedia, heard: bool = True) -> Any:
    text = as_otio("reel", layout, shots, clips_heard=heard, sounds=sounds, metadata={"run": "1"})
    return otio.adapters.read_from_string(text, "otio_json")


def test_a_crossfade_has_its_handles_and_the_reel_its_length() -> None:
    shots = (CutShot(step="a", trim=(0.5, 3.5)), CutShot(step="b", enter=Transition(kind="crossfade", seconds=0.5)))
    layout = layout_of(*shots, footage=[FIVE, FIVE])
    timeline = read(layout, {"a": shot("a", 2, 1), "b": shot("b", 1)})
    (track,) = timeline.tracks
    first, dissolve, second = track
    assert timeline.duration().to_frames() == layout.frames == 180
    assert dissolve.transition_type == "SMPTE_Dissolve"
    # the end of the first with its handle is the end of its trim, the beginning of the second with its own is its first frame
    end = first.source_range.end_time_exclusive() + dissolve.out_offset
    assert (end.to_seconds(), (second.source_range.start_time - dissolve.in_offset).to_seconds()) == (3.5, 0)
    assert first.available_range().duration.to_seconds() == 5
    assert first.active_media_reference_key == "take 2"
    assert [media.target_url for media in first.media_references().values()] == ["a%201.mp4", "a%202.mp4"]
    assert first.media_references()["take 1"].metadata["animatic"] == {"usd": 0.35}


def test_what_was_not_made_is_a_gap_of_its_length() -> None:
    layout = layout_of(CutShot(step="a"), CutShot(step="b"), footage=[FIVE, FIVE])
    timeline = read(layout, {"a": shot("a", 1), "b": shot("b", metadata={"prompt": "Dusk"})})
    clip, gap = timeline.tracks[0]
    assert isinstance(gap, otio.schema.Gap)
    assert (gap.duration().to_frames(), gap.metadata["animatic"]) == (120, {"missing": "b", "prompt": "Dusk"})
    assert isinstance(clip, otio.schema.Clip)


def test_lines_and_notes_are_markers_and_sounds_have_tracks_of_their_own() -> None:
    layout = layout_of(CutShot(step="a"), CutShot(step="b"), footage=[FIVE, FIVE])
    shots = {"a": shot("a", 1, line="Who?", notes=("too fast",), has_audio=True), "b": shot("b", 1)}
    sound = SoundMedia(name="voice 1", path="sound/vo.wav", at=Fraction(6), seconds=Fraction(9), metadata={"gain_db": 2.0})
    timeline = read(layout, shots, sound)
    picture, own, voice = timeline.tracks
    assert [(marker.name, marker.comment) for marker in picture[0].markers] == [("line", "Who?"), ("note", "too fast")]
    assert [type(item).__name__ for item in own] == ["Clip", "Gap"]
    assert [item.duration().to_seconds() for item in voice] == [6, 4]
    assert voice[1].available_range().duration.to_seconds() == 9
    assert [track.kind for track in timeline.tracks] == ["Video", "Audio", "Audio"]
    assert len(read(layout, shots, sound, heard=False).tracks) == 2


def test_a_still_is_available_for_as_long_as_it_is_held() -> None:
    layout = layout_of(CutShot(step="a", hold=3.0, still=True, enter=Transition(kind="fade", seconds=1)), footage=[STILL])
    fade, clip = read(layout, {"a": shot("a", 1, seconds=None)}).tracks[0]
    assert (fade.in_offset.value, fade.out_offset.value, clip.available_range().duration.to_seconds()) == (0, 24, 3)


ENTERS = st.tuples(st.sampled_from(["cut", "crossfade", "fade"]), st.sampled_from([0.0, 0.04, 0.5, 1.0, 3.0]))


@given(
    st.lists(st.tuples(st.fractions(Fraction(1, 100), 6, max_denominator=1001), ENTERS, st.booleans()), min_size=1, max_size=8),
    st.sampled_from([Fraction(24), Fraction(30000, 1001), Fraction(25, 2)]),
)
def test_whatever_is_cut_both_are_equally_long(shots: list[tuple[Fraction, Any, bool]], rate: Fraction) -> None:
    footage = [Footage(width=64, height=36, seconds=length, rate=rate) for length, _, _ in shots]
    cut = [CutShot(step=str(at), enter=Transition(kind=kind, seconds=seconds)) for at, (_, (kind, seconds), _) in enumerate(shots)]
    layout = layout_of(*cut, footage=footage, fps=rate)
    media = {str(at): shot(str(at), *([1] if made else []), has_audio=made) for at, (_, _, made) in enumerate(shots)}
    timeline = read(layout, media)
    for track in timeline.tracks:
        assert track.duration().to_frames() == layout.frames
        assert all(item.duration().value >= 0 for item in track)
