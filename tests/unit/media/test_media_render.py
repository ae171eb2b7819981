"""Whole reels: what is copied and what is encoded, lengths to a frame, words beside the picture, bad clips, and progress."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from animatic.errors import BadClipError, BadMediaError
from animatic.media import probe, render
from animatic.media.timeline import Bed, Caption, Entry, Mix, Segment, Timeline, Voice
from tests.present import present
from tests.unit.media.conftest import ClipMaker, shown_at
from tests.unit.media.sounding import clicks, clicks_in, flashes_in, heard, tone, write_clip, write_sound

_NO_WORDS = b"\0\0"
"""A packet of a text track that ends what was said before."""


def timeline(*segments: Segment, rate: int | Fraction = 24, size: tuple[int, int] = (64, 48), mix: Mix | None = None) -> Timeline:
    return Timeline(width=size[0], height=size[1], rate=Fraction(rate), segments=segments, mix=mix or Mix())


def packets_of(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def lengths_of(path: Path) -> list[float]:
    """The lengths of the tracks, in seconds, as the file states them."""
    with av.open(str(path)) as container:
        return [float(present(stream.duration) * present(stream.time_base)) for stream in container.streams]


ODD = ("24", "ntsc", "vfr", "10 bit", "turned", "odd size", "one frame", "anamorphic", "vp9", "still", "sound only in one")


def odd(kind: str, make_clip: ClipMaker, tmp_path: Path) -> Segment:
    """A segment of 13 frames on a reel of 24 frames a second."""
    name = f"{kind.replace(' ', '-')}.mp4"
    if kind == "still":
        Image.new("RGBA", (33, 77), (200, 0, 0, 120)).save(tmp_path / "still.png")
        return Segment(source=tmp_path / "still.png", still=True, frames=13)
    source = {
        "24": lambda: make_clip(name),
        "ntsc": lambda: make_clip(name, fps=Fraction(30000, 1001), frames=30),
        "vfr": lambda: make_clip(name, frames=4, times=[0, 1, 7, 20]),
        "10 bit": lambda: make_clip(name, pix_fmt="yuv420p10le"),
        "turned": lambda: make_clip(name, rotation=90),
        "odd size": lambda: make_clip(name, size=(51, 37), pix_fmt="yuv444p"),
        "one frame": lambda: make_clip(name, frames=1),
        "anamorphic": lambda: make_clip(name, pixel=Fraction(4, 3)),
        "vp9": lambda: make_clip("vp9.webm", codec="libvpx-vp9"),
        "sound only in one": lambda: write_clip(tmp_path / name, frames=24, sound=tone(1)),
    }[kind]()
    return Segment(source=source, frames=13)


def test_lengths_are_exact_to_a_frame_whatever_the_clips_are(make_clip: ClipMaker, tmp_path: Path) -> None:
    segments = tuple(odd(kind, make_clip, tmp_path) for kind in ODD)
    entries = [Entry(), *(Entry(kind=kind, frames=4) for kind in ("crossfade", "fade")), *[Entry()] * (len(segments) - 3)]
    placed = tuple(replace(each, enter=entry) for each, entry in zip(segments, entries, strict=True))
    for rate in (24, Fraction(24000, 1001), Fraction(30000, 1001), 60):
        reel = timeline(*placed, rate=rate, mix=Mix(clips=True, loudness=-16))
        rendered = render(reel, tmp_path / "reel.mp4")
        assert rendered.facts.frames == reel.frames == 13 * len(ODD) - 4
        with av.open(str(tmp_path / "reel.mp4")) as container:
            assert [shown_at(frame) for frame in container.decode(video=0)] == [number / Fraction(rate) for number in range(reel.frames)]
        assert lengths_of(tmp_path / "reel.mp4") == pytest.approx([float(reel.duration)] * 2, abs=1 / 40_000)
        assert not rendered.copied


@pytest.mark.parametrize("kind", ODD)
def test_one_segment_is_a_reel(make_clip: ClipMaker, tmp_path: Path, kind: str) -> None:
    rendered = render(timeline(odd(kind, make_clip, tmp_path)), tmp_path / "reel.mp4")
    assert (rendered.facts.frames, rendered.facts.width, rendered.facts.height) == (13, 64, 48)


def test_sound_is_no_reason_to_encode_the_picture(tmp_path: Path) -> None:
    clips = [write_clip(tmp_path / f"{name}.mp4", frames=24, flashes=[6], sound=clicks(1, [0.26])) for name in "abc"]
    reel = timeline(*(Segment(source=clip, frames=24) for clip in clips), mix=Mix(clips=True, loudness=-20))
    rendered = render(reel, tmp_path / "reel.mp4")
    assert rendered.copied
    assert rendered.facts.has_audio
    assert packets_of(tmp_path / "reel.mp4") == [packet for clip in clips for packet in packets_of(clip)]
    assert flashes_in(tmp_path / "reel.mp4") == [6, 30, 54]
    assert clicks_in(heard(tmp_path / "reel.mp4")) == pytest.approx([0.26, 1.26, 2.26], abs=0.004)


def test_packets_of_sound_and_words_lie_near_their_pictures(tmp_path: Path) -> None:
    clips = [write_clip(tmp_path / f"{name}.mp4", frames=48, sound=tone(2)) for name in "abc"]
    cues = tuple(Caption(start=Fraction(at), end=Fraction(at + 1), text=str(at)) for at in range(5))
    reel = timeline(*(Segment(source=clip, frames=48) for clip in clips), mix=Mix(clips=True))
    render(Timeline(width=64, height=48, rate=Fraction(24), segments=reel.segments, mix=reel.mix, text_track=cues), tmp_path / "reel.mp4")
    with av.open(str(tmp_path / "reel.mp4")) as container:
        packets = [packet for packet in container.demux() if packet.size > len(_NO_WORDS) and packet.pos is not None]
        order = sorted((present(packet.pos), float(present(packet.dts) * packet.time_base)) for packet in packets)
    assert len(order) > 400
    latest = 0.0
    for _, time in order:
        assert time > latest - 0.5
        latest = max(latest, time)


@pytest.mark.parametrize(
    ("start", "frames", "copied"),
    [(0, 24, True), ("1/2", 12, True), ("1/2", 24, True), ("1/4", 12, False), ("1/2", 36, True), (0, 47, False)],
)
def test_trims_at_key_frames_are_copied_where_they_end_cleanly(tmp_path: Path, start: str, frames: int, copied: bool) -> None:
    clip = tmp_path / "clip.mp4"
    with av.open(str(clip), "w") as output:
        stream = output.add_stream("libx264", rate=24, options={"x264-params": "keyint=12:min-keyint=12:scenecut=0:bframes=2:b-adapt=0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(48):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 40 + index * 4, dtype=np.uint8))
            frame.pts, frame.time_base = index, Fraction(1, 24)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    segment = Segment(source=clip, start=Fraction(start), frames=frames)
    rendered = render(timeline(segment, segment), tmp_path / "reel.mp4")
    assert rendered.copied is copied
    assert rendered.facts.frames == 2 * frames
    with av.open(str(tmp_path / "reel.mp4")) as container:
        grays = [float(frame.to_ndarray(format="gray").mean()) for frame in container.decode(video=0)]
    with av.open(str(clip)) as container:
        own = [float(frame.to_ndarray(format="gray").mean()) for frame in container.decode(video=0)]
    first = int(Fraction(start) * 24)
    assert grays == pytest.approx(own[first : first + frames] * 2, abs=0.01 if copied else 2.5)


@pytest.mark.parametrize("change", ["size", "rate", "label", "captions", "crossfade", "held"])
def test_whatever_changes_the_picture_has_it_encoded(make_clip: ClipMaker, tmp_path: Path, change: str) -> None:
    clips = [Segment(source=make_clip(f"{name}.mp4"), frames=24) for name in "ab"]
    cue = Caption(start=Fraction(0), end=Fraction(1), text="x")
    if change == "crossfade":
        clips[1] = Segment(source=clips[1].source, frames=24, enter=Entry(kind="crossfade", frames=4))
    elif change == "held":
        clips[1] = Segment(source=clips[1].source, frames=25)
    reel = Timeline(
        width=128 if change == "size" else 64,
        height=96 if change == "size" else 48,
        rate=Fraction(25 if change == "rate" else 24),
        segments=tuple(clips),
        label="AI" if change == "label" else None,
        captions=(cue,) if change == "captions" else (),
        text_track=(cue,),
    )
    assert not render(reel, tmp_path / "reel.mp4").copied
    plain = timeline(*(Segment(source=each.source, frames=24) for each in clips))
    assert render(plain, tmp_path / "reel.mp4").copied


def test_key_frames_of_the_clips_are_none_of_the_reel(tmp_path: Path) -> None:
    clip = tmp_path / "all-keys.mp4"
    with av.open(str(clip), "w") as output:
        stream = output.add_stream("libx264", rate=24, options={"x264-params": "keyint=1"})
        stream.width, stream.height, stream.pix_fmt = 64, 720, "yuv420p"
        for index in range(24):
            frame = av.VideoFrame.from_ndarray(np.full((720, 64, 3), 40 + index, dtype=np.uint8))
            frame.pts, frame.time_base = index, Fraction(1, 24)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    render(timeline(Segment(source=clip, frames=25), size=(64, 720)), tmp_path / "reel.mp4")
    with av.open(str(tmp_path / "reel.mp4")) as container:
        assert sum(packet.is_keyframe for packet in container.demux(video=0) if packet.size) == 1


def test_words_travel_beside_the_picture(make_clip: ClipMaker, tmp_path: Path) -> None:
    cues = (
        Caption(start=Fraction(1, 2), end=Fraction(1), text="Grüße, {\\b1} <i>Welt</i>"),
        Caption(start=Fraction(5, 4), end=Fraction(2), text="سلام\nsecond"),
        Caption(start=Fraction(3, 2), end=Fraction(2), text="interrupts"),
        Caption(start=Fraction(1, 4), end=Fraction(1, 4), text="no time"),
    )
    segments = (Segment(source=make_clip(frames=48), frames=48),)
    rendered = render(Timeline(width=64, height=48, rate=Fraction(24), segments=segments, text_track=cues), tmp_path / "reel.mp4")
    assert rendered.copied
    with av.open(str(tmp_path / "reel.mp4")) as container:
        (track,) = container.streams.subtitles
        said = [
            (float(packet.pts * packet.time_base), float(packet.duration * packet.time_base), bytes(packet)[2:].decode())
            for packet in container.demux(track)
            if packet.size > len(_NO_WORDS) and packet.pts is not None and packet.duration is not None
        ]
    assert said == [(0.5, 0.5, cues[0].text), (1.25, 0.25, cues[1].text), (1.5, 0.5, "interrupts")]
    assert probe(tmp_path / "reel.mp4").frames == 48


def test_progress_goes_from_nothing_to_all_and_never_back(make_clip: ClipMaker, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", frames=24, sound=tone(1))
    for enter in (Entry(), Entry(kind="crossfade", frames=4)):
        told: list[float] = []
        reel = timeline(Segment(source=clip, frames=24), Segment(source=clip, frames=24, enter=enter), mix=Mix(clips=True, loudness=-16))
        render(reel, tmp_path / "reel.mp4", told.append)
        assert told == sorted(set(told))
        assert (min(told) >= 0, told[-1]) == (True, 1.0)
        assert len(told) > 8


def test_a_corrupt_clip_is_named_and_left_out_only_when_asked(make_clip: ClipMaker, tmp_path: Path) -> None:
    clips = [make_clip(f"{name}.mp4") for name in ("one", "cut", "three")]
    clips[1].write_bytes(clips[1].read_bytes()[:-200])
    voice = write_sound(tmp_path / "voice.wav", clicks(0.2, [0.0]))
    cues = tuple(Caption(start=Fraction(at), end=Fraction(at + 1), text=str(at)) for at in range(3))
    reel = Timeline(
        width=64,
        height=48,
        rate=Fraction(24),
        segments=tuple(Segment(source=clip, frames=24) for clip in clips),
        mix=Mix(voices=(Voice(source=voice, at=Fraction(5, 2)),)),
        text_track=cues,
    )
    before = set(tmp_path.iterdir())
    with pytest.raises(BadClipError, match=r"cut\.mp4"):
        render(reel, tmp_path / "reel.mp4")
    assert set(tmp_path.iterdir()) == before
    rendered = render(reel, tmp_path / "reel.mp4", leave_out=True)
    assert [path.name for path in rendered.left_out] == ["cut.mp4"]
    assert rendered.facts.frames == rendered.timeline.frames == 48
    assert [cue.text for cue in rendered.timeline.text_track] == ["0", "2"]
    assert clicks_in(heard(tmp_path / "reel.mp4")) == pytest.approx([1.5], abs=0.004)
    with pytest.raises(BadClipError, match=r"cut\.mp4"):
        render(timeline(Segment(source=clips[1], frames=24)), tmp_path / "reel.mp4", leave_out=True)


def test_a_timeline_that_cannot_be_is_said_in_words(make_clip: ClipMaker, tmp_path: Path) -> None:
    long = Entry(kind="crossfade", frames=30)
    with pytest.raises(BadMediaError, match=r"clip\.mp4 is seen for 24 frames, its transitions take 30"):
        render(timeline(Segment(source=make_clip(), frames=24), Segment(source=make_clip(), frames=24, enter=long)), tmp_path / "reel.mp4")
    with pytest.raises(BadMediaError, match="at least one segment"):
        render(timeline(), tmp_path / "reel.mp4")
    assert not (tmp_path / "reel.mp4").exists()


def test_the_same_timeline_makes_the_same_file(make_clip: ClipMaker, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", frames=24, sound=tone(1))
    bed = write_sound(tmp_path / "bed.wav", tone(3, frequency=100))
    reel = Timeline(
        width=128,
        height=96,
        rate=Fraction(24),
        segments=(Segment(source=clip, frames=24), Segment(source=make_clip("b.mp4"), frames=24, enter=Entry(kind="crossfade", frames=6))),
        mix=Mix(clips=True, bed=Bed(source=bed, duck=True), loudness=-16),
        captions=(Caption(start=Fraction(0), end=Fraction(1), text="same"),),
    )
    for name in ("one.mp4", "two.mp4"):
        render(reel, tmp_path / name)
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()


MEMORY = """
import resource, sys
from fractions import Fraction
from pathlib import Path
from animatic.media import render
from animatic.media.timeline import Entry, Mix, Segment, Timeline
clips, count, kind = [Path(name) for name in sys.argv[2:5]], int(sys.argv[5]), sys.argv[6]
enter = Entry() if kind == "cut" else Entry(kind="crossfade", frames=6)
segments = tuple(Segment(source=clips[n % 3], frames=24, enter=enter if n else Entry()) for n in range(count))
reel = Timeline(width=320, height=180, rate=Fraction(24), segments=segments, mix=Mix(clips=True, loudness=-16))
rendered = render(reel, Path(sys.argv[1]))
assert rendered.copied == (kind == "cut")
print(rendered.facts.frames, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def _peak(tmp_path: Path, clips: list[Path], count: int, kind: str) -> tuple[int, int]:
    """Return frames of a reel and the most memory, in MiB, of the process that made it."""
    command = [sys.executable, "-c", MEMORY, str(tmp_path / "reel.mp4"), *map(str, clips), str(count), kind]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    frames, peak = done.stdout.split()
    return int(frames), int(peak)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["cut", "crossfade"])
def test_two_hundred_clips_stay_in_step_and_in_flat_memory(tmp_path: Path, kind: str) -> None:
    click = clicks(1, [0.502], rate=44_100) + tone(1, level=0.05, rate=44_100)
    clips = [
        write_clip(tmp_path / f"{number}.mp4", frames=24, size=(320, 180), flashes=[12, 13], sound=click, rate=44_100)
        for number in range(3)
    ]
    _, few = _peak(tmp_path, clips, 20, kind)
    frames, many = _peak(tmp_path, clips, 200, kind)
    assert frames == (4800 if kind == "cut" else 4800 - 199 * 6)
    assert many < few * 1.25
    flashes = flashes_in(tmp_path / "reel.mp4")[::2]
    sounds = clicks_in(heard(tmp_path / "reel.mp4"))
    assert len(flashes) == len(sounds) == 200
    assert max(abs(frame / 24 - second) for frame, second in zip(flashes, sounds, strict=True)) < 1 / 24
